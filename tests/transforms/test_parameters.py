"""Options of vectorisers, as scikit-learn asks for them."""

from __future__ import annotations

import copy
import pickle

import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from stoker.errors import OptionError
from stoker.transforms import HashingVectorizer, NgramVectorizer, SequenceVectorizer

_TEXTS = ["good film", "bad film", "good fun", "bad luck"] * 4
_LABELS = [1, 0, 1, 0] * 4


@pytest.mark.parametrize(
    "made",
    [
        NgramVectorizer(),
        NgramVectorizer(ngram_range=[1, 3], columns=["a", "b"]),  # lists, which are held as something else
        HashingVectorizer(seed=3, columns="a"),
        SequenceVectorizer(max_tokens=10, oov_token="<oov>"),
    ],
    ids=repr,
)
def test_a_clone_has_the_same_options(made):
    for other in (clone(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301
        assert other.options() == made.options()
        assert other is not made
    assert type(made)(**made.get_params()).options() == made.options()
    assert set(made.get_params()) == set(made.options())


def test_a_vectoriser_is_shown_as_it_is_made():
    assert repr(NgramVectorizer(min_df=3, score="chi2")) == "NgramVectorizer(min_df=3, score='chi2')"
    assert repr(SequenceVectorizer()) == "SequenceVectorizer()"


def test_options_that_are_set_are_those_of_a_new_vectoriser():
    vectorizer = NgramVectorizer(min_df=1).fit(_TEXTS, _LABELS)
    assert vectorizer.set_params() is vectorizer
    assert vectorizer.is_fitted
    assert not vectorizer.set_params(max_features=3).is_fitted
    assert repr(vectorizer) == "NgramVectorizer(min_df=1, max_features=3)"
    assert vectorizer.fit(_TEXTS, _LABELS).num_outputs == 3


def test_options_that_cannot_be_set_change_nothing():
    vectorizer = NgramVectorizer(min_df=1)
    with pytest.raises(OptionError, match="NgramVectorizer has no option 'max_feature'; it has ngram_range"):
        vectorizer.set_params(max_feature=3)
    with pytest.raises(OptionError, match="max_features must"):
        vectorizer.set_params(max_features=0, min_df=2)
    assert vectorizer.get_params()["min_df"] == 1


def test_a_search_of_scikit_learn_sets_options_of_a_pipeline():
    steps = Pipeline([("words", NgramVectorizer(min_df=1)), ("model", LogisticRegression())])
    found = GridSearchCV(steps, {"words__max_features": [1, 3]}, cv=2).fit(_TEXTS, _LABELS)
    assert found.best_score_ == 1.0
    assert found.best_estimator_["words"].num_outputs in (1, 3)

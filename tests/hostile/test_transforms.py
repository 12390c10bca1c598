"""A stored transform is numbers and words: whatever they are, it is refused or computes something."""

from __future__ import annotations

import base64
import zlib
from functools import cache

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from forging import DEEP, forged_arrays, forgeries
from pictures import encode
from property_examples import examples
from stoker.errors import OptionError, RunError, StokerError
from stoker.transforms import from_state
from stoker.transforms.image import Image
from stoker.transforms.labels import LabelEncoder
from stoker.transforms.numeric import Impute
from stoker.transforms.packing import from_packed, to_packed
from stoker.transforms.scaling import Scale, Standardize
from stoker.transforms.vocabulary import vocabulary_words
from stoker.types import FeedSpec, Matrix, Rows, TargetSpec

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of numbers that nobody measured
QUICK = settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=3_000)

TEXTS = [f"{'good' if row % 2 else 'bad'} film number {row % 5} in a row" for row in range(60)]
TEXT_ROWS = Rows(num_rows=60, features=(), matrix=None, columns={"text": pa.array(TEXTS, pa.large_string())})
NUMBER_ROWS = Rows(
    num_rows=60,
    features=("a", "b"),
    matrix=Matrix.of(np.arange(120.0).reshape(60, 2)),
    columns={"kind": pa.array(["no", "yes"] * 30)},
)
IMAGES = pa.array([encode(3, 2, seed=row % 4) for row in range(60)], pa.large_binary())
IMAGE_ROWS = Rows(num_rows=60, features=(), matrix=None, columns={"photo": IMAGES})
CLASSES = [row % 2 for row in range(60)]


@cache
def states() -> dict[str, dict]:
    """What each kind of transform stores."""
    fitted = (
        stoker.NgramVectorizer(min_df=1).fit(TEXTS, CLASSES),
        stoker.SequenceVectorizer(max_length=8).fit(TEXTS),
        stoker.HashingVectorizer(num_features=64),
        Standardize().fit(NUMBER_ROWS),
        Impute().fit(NUMBER_ROWS),
        Scale().fit(NUMBER_ROWS),
        stoker.MinMax(na="most_frequent").fit(NUMBER_ROWS),
        stoker.Robust(na="median", indicator=True).fit(NUMBER_ROWS),
        stoker.QuantileBins().fit(NUMBER_ROWS),
        stoker.Category().fit(TEXT_ROWS),
        stoker.Dates("year", "hour", na="zero", invalid="blank").fit(TEXT_ROWS),
        stoker.Image().fit(IMAGE_ROWS),
        LabelEncoder("kind").fit(NUMBER_ROWS),
    )
    return {transform.name: transform.state() for transform in fitted}


OF_TEXTS = ("n-grams", "sequence", "hashed n-grams", "category", "dates")
KINDS = (
    "n-grams",
    "sequence",
    "hashed n-grams",
    "standardize",
    "impute",
    "scale",
    "minmax",
    "robust",
    "bins",
    "category",
    "dates",
    "image",
    "labels",
)


def use(state: dict) -> None:
    """What a stored run does with a transform, as far as it gets."""
    try:
        made = from_state(msgspec.json.decode(msgspec.json.encode(state)))
        rows = TEXT_ROWS if made.name in OF_TEXTS else NUMBER_ROWS
        rows = IMAGE_ROWS if made.name == "image" else rows
        if getattr(made, "num_outputs", 0) < 100_000:
            made.apply(rows, np.arange(60))
    except StokerError:
        return
    msgspec.json.encode(made.state())


def forge(kind: str, data: st.DataObject) -> None:
    state = states()[kind]
    if kind == "n-grams" and data.draw(st.booleans()):
        features = dict(state["features"])
        part = data.draw(st.sampled_from(["counts", "terms", "selected", "levels"]))
        if part == "levels":
            pairs = from_packed(features["levels"][0], np.uint64)
            features["levels"] = [to_packed(data.draw(forged_arrays(pairs)))]
        else:
            features[part] = to_packed(data.draw(forged_arrays(from_packed(features[part], np.int64))))
        state = {**state, "features": features}
    else:
        state = data.draw(forgeries(state))
    if isinstance(state, dict):
        try:
            msgspec.json.encode(state)
        except OverflowError:  # more than 64 bits, which only readers know
            return
        use(state)


@pytest.mark.parametrize("kind", KINDS)
@QUICK
@given(data=st.data())
def test_a_forged_transform_is_refused_or_harmless(kind, data):
    forge(kind, data)


@pytest.mark.fuzz
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", KINDS)
@LONG
@given(data=st.data())
def test_thousands_of_forged_transforms_are_refused_or_harmless(kind, data):
    forge(kind, data)


def packed(part: str, array: np.ndarray) -> dict:
    return {"features": {**states()["n-grams"]["features"], part: to_packed(array)}}


@pytest.mark.parametrize(
    ("kind", "forge_it", "words"),
    [
        ("n-grams", lambda: packed("terms", np.array([10**9])), "terms that are no n-grams"),
        ("n-grams", lambda: packed("terms", np.array([1, 1])), "a term twice"),
        ("n-grams", lambda: packed("selected", np.array([10**9])), "features that are no terms"),
        ("n-grams", lambda: packed("selected", np.array([-1])), "features that are no terms"),
        ("n-grams", lambda: packed("counts", np.array([1])), "n-grams that are not counted"),
        ("n-grams", lambda: packed("counts", np.array([1.0])), "numbers of the type '<f8'"),
        ("sequence", lambda: {"options": {"max_tokens": True}}, "max_tokens must be an integer"),
        ("hashed n-grams", lambda: {"options": {"ngram_range": [1, 10**9]}}, "ngram_range must be"),
        ("standardize", lambda: {"statistics": None}, "is damaged"),
        ("standardize", lambda: {"name": ["n-grams"]}, "the stored transform is a ['n-grams']"),
    ],
)
def test_what_is_wrong_with_a_stored_transform_is_told(kind, forge_it, words):
    with pytest.raises(RunError) as told:
        from_state({**states()[kind], **forge_it()})
    assert words in str(told.value)


def test_statistics_of_fewer_columns_than_they_name_are_refused():
    statistics = {**states()["standardize"]["statistics"], "mean": [0.0]}
    with pytest.raises(RunError, match="mean of other columns"):
        from_state({**states()["standardize"], "statistics": statistics})


def test_rows_longer_than_any_text_are_refused():
    learned = {**states()["sequence"]["learned"], "length": 10**12}
    with pytest.raises(RunError, match=r"rows of 1,000,000,000,000 words"):
        from_state({**states()["sequence"], "learned": learned})


def test_packed_numbers_never_unpack_to_more_than_they_say():
    bomb = base64.b64encode(zlib.compress(bytes(50_000_000))).decode()
    with pytest.raises(ValueError, match="not the 3 numbers that are named"):
        from_packed({"dtype": "<i8", "size": 3, "data": bomb}, np.int64)


def test_packed_objects_are_refused():
    with pytest.raises(ValueError, match=r"numbers of the type '\|O'"):
        from_packed({"dtype": "|O", "size": 1, "data": "eJxjYEAFAAAQAAE="}, np.int64)


def test_a_transform_that_is_nested_too_deeply_is_told(tmp_path):
    deep: dict = {}
    for _ in range(DEEP // 100):
        deep = {"x": deep}
    with pytest.raises(RunError, match="is damaged"):
        from_state({"name": "n-grams", "options": deep, "columns": [], "features": None})


def test_true_is_no_number_though_python_counts_with_it():
    words = {"words": ["a"], "counts": [1], "num_words": 1, "num_texts": 1, "length": True}
    with pytest.raises(ValueError, match="length: True"):
        vocabulary_words(words, 9)
    with pytest.raises(OptionError, match="channels must be 3 for colours or 1 for grey, got True"):
        Image(channels=True)


def test_a_target_of_no_column_is_none():
    none = TargetSpec(columns=(), task="binary", classes=(0, 1), num_outputs=1)
    with pytest.raises(ValueError, match="every target answers a column"):
        FeedSpec(
            input_shape=(2,),
            input_dtype="float32",
            features=("a",),
            task="binary",
            classes=(0, 1),
            num_outputs=1,
            label="y",
            targets=(none,),
        )

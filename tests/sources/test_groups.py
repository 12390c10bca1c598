"""A split by a column keeps rows with one value together, and depends on the values and the seed alone."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from stoker.errors import ColumnError, DataError, OptionError
from stoker.sources.groups import GROUP_BYTES, value_hashes
from stoker.survey import survey

NUM_ROWS = 6_000


@pytest.fixture
def write(tmp_path):
    def make(groups, name="t.tsv", header="PhraseId\tSentenceId\tPhrase\tSentiment"):
        lines = [f"{row}\t{group}\ta phrase\t{row % 5}" for row, group in enumerate(groups)]
        (tmp_path / name).write_text("\n".join([header, *lines]) + "\n")
        return stoker.open(tmp_path / name, label="Sentiment", text="Phrase")

    return make


def sentences(rows=NUM_ROWS):
    return [f"s{row // 7}" for row in range(rows)]


def ids(part, rows=NUM_ROWS):
    view = part.view.bind(rows)
    return view.ids(0, view.num_rows)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_no_group_lands_on_both_sides_and_every_row_on_one(write, fraction):
    groups = np.array(sentences())
    first, second = (ids(part) for part in write(groups).split(fraction, seed=4, group="SentenceId"))
    assert np.array_equal(np.sort(np.concatenate([first, second])), np.arange(NUM_ROWS))
    assert not set(groups[first]) & set(groups[second])
    assert abs(len(set(groups[first])) / len(set(groups)) - fraction) < 0.05


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(60)), seed=st.integers(0, 2**64 - 1))
def test_the_side_depends_on_the_value_and_the_seed_alone(write, order, seed):
    groups = [f"g{number}" for number in order for _ in range(2)]
    sides = {}
    for values in (groups, sorted(groups)):
        source = write(values)
        first, _ = source.split(0.5, seed=seed, group="SentenceId")
        sides[tuple(values)] = {values[row] for row in ids(first, 120)}
    assert len({frozenset(side) for side in sides.values()}) == 1


def test_another_seed_gives_another_split(write):
    source = write(sentences())
    one, other = (ids(source.split(0.5, seed=seed, group="SentenceId")[0]) for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_a_value_that_is_a_feature_or_a_number_is_taken_as_it_is_written(write):
    source = write(sentences())
    by_phrase = value_hashes(source, "Phrase", GROUP_BYTES, 1 << 30)
    assert len(np.unique(by_phrase)) == 1
    numbers = stoker.open(source.paths[0], label="Sentiment", columns=["PhraseId"])
    assert len(np.unique(value_hashes(numbers, "PhraseId", GROUP_BYTES, 1 << 30))) == NUM_ROWS


def test_parts_of_parts_and_surveys_know_them(write):
    groups = np.array(sentences())
    source = write(groups)
    train, valid = source.split(0.8, seed=1, group="SentenceId")
    inner, rest = train.split(0.5, seed=2, group="SentenceId")
    assert set(groups[ids(inner)]) | set(groups[ids(rest)]) == set(groups[ids(train)])
    assert survey(train, stored=False).num_rows == len(ids(train))
    assert survey(valid, stored=False).num_rows == len(ids(valid))
    assert train.describe() != valid.describe()
    assert train.view.describe()["steps"][0]["column"] == "SentenceId"
    assert source.split(0.8, seed=1, group="SentenceId")[0].view == train.view


def test_a_compressed_file_splits_alike(write, tmp_path):
    source = write(sentences())
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress((tmp_path / "t.tsv").read_bytes()))
    packed = stoker.open(tmp_path / "t.tsv.gz", label="Sentiment", text="Phrase")
    parts = [ids(part.split(0.7, group="SentenceId")[0]) for part in (source, packed)]
    assert np.array_equal(*parts)


def test_what_cannot_be_split_is_refused(write):
    source = write(["same"] * NUM_ROWS)
    with pytest.raises(DataError, match="rows split by 'SentenceId' would all be in one part"):
        source.split(0.9, group="SentenceId")
    with pytest.raises(ColumnError, match="group=: column 'Sentence' is absent; did you mean 'SentenceId'"):
        source.split(0.9, group="Sentence")
    with pytest.raises(OptionError, match="fraction must lie between"):
        source.split(1.5, group="SentenceId")

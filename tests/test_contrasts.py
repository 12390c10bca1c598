"""What differs is told in words that say what is there and what is here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.contrasts import (
    between,
    file_differences,
    name_differences,
    row_differences,
    transform_differences,
)
from stoker.differing import (
    differences,
    generator_differences,
    order_differences,
    settings_differences,
)
from stoker.runrecords import GeneratorRecord, RunRecord
from stoker.types import ColumnSpec

GENERATOR = GeneratorRecord(name="G", steps_per_epoch=4, workers=1, use_multiprocessing=False)
SPLIT = {"kind": "split", "fraction": 0.9, "part": 0, "seed": 0}


def record(**known) -> RunRecord:
    return RunRecord(versions={}, created="", backend="jax", options={}, **known)


def test_of_all_rows_it_says_all_and_of_none_none():
    assert list(row_differences("rows", {"steps": []}, {"steps": [SPLIT]})) == [
        "rows: all there, split (fraction 0.9, first part, seed 0) here"
    ]
    assert list(row_differences("rows", None, {"steps": []})) == ["rows: none there, all here"]


def test_steps_are_told_in_their_order_without_digests():
    fold = {"kind": "grouped fold", "column": "user", "folds": 5, "index": 2, "part": 1, "sha256": "ab" * 32}
    (told,) = row_differences("rows", {"steps": [{"kind": "head", "count": 9}, fold]}, {"steps": []})
    assert told == (
        "rows: head (count 9) then grouped fold (column user, folds 5, index 2, the rows outside of it) "
        "there, all here"
    )


def test_other_rows_of_the_same_description_are_told_as_others():
    steps = [{"steps": [{"kind": "take", "count": 9, "sha256": digest}]} for digest in ("a", "b")]
    assert list(row_differences("rows", *steps)) == ["rows: take (count 9) there, and so here, but others"]


@pytest.mark.parametrize("damaged", [{"steps": 3}, {"steps": [{}]}, {}, [1], "x"])
def test_a_damaged_choice_of_rows_is_told_as_it_stands(damaged):
    assert list(row_differences("rows", {"steps": []}, damaged))


def test_of_names_it_says_which_are_where():
    assert list(name_differences("classes", [0, 1], [0, 1, 2])) == ["classes: 2 here and not there"]
    assert list(name_differences("classes", ["a"], None)) == ["classes: 'a' there, none here"]
    many = [f"c{number}" for number in range(20)]
    (told,) = name_differences("columns", [*many, "y"], ["y"])
    assert told.endswith("'c7' and 12 more there and not here")


@given(st.lists(st.text(), unique=True), st.lists(st.text(), unique=True))
def test_lists_of_names_differ_exactly_where_something_is_told(old, new):
    assert bool(list(name_differences("columns", old, new))) == (old != new)


def test_long_values_are_shown_where_they_differ():
    old, new = ([0] * 300 + [value] + [0] * 300 for value in (1, 2))
    (told,) = between("layers.boundaries", old, new)
    assert "1, 0" in told.partition(" there")[0]
    assert "2, 0" in told.partition(" there")[2]
    assert len(told) < 350


@given(st.text(max_size=400), st.text(max_size=400))
def test_texts_of_any_length_differ_in_what_is_shown(old, new):
    told = list(between("x", old, new))
    assert bool(told) == (old != new)
    for text in told:
        there, _, here = text.removeprefix("x: ").removesuffix(" here").partition(" there, ")
        assert there != here


def test_the_same_file_by_another_path_is_one_that_holds_something_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(file_differences([(str(tmp_path / "a.csv"), 1)], [("a.csv", 2)])) == [
        "files: a.csv holds something else"
    ]


def test_a_transform_tells_its_name_and_no_digest():
    assert list(transform_differences("transform", "cast 12ab", "standardize 34cd")) == [
        "transform: cast there, standardize here"
    ]
    (told,) = transform_differences("transform", "cast 12ab", "cast 34cd")
    assert told == "transform: cast has learned other numbers, words or columns here"


def test_two_generators_differ_in_what_is_known_of_them():
    other = GeneratorRecord(name="G", steps_per_epoch=5, workers=1, use_multiprocessing=True)
    assert list(differences(record(generator=GENERATOR), record(generator=other))) == [
        "steps_per_epoch of the generator G: 4 there, 5 here",
        "use_multiprocessing of the generator G: False there, True here",
    ]
    assert list(differences(record(generator=GENERATOR), record())) == [
        "what is trained on: the generator G there, files here"
    ]
    assert not list(generator_differences(GENERATOR, GENERATOR))


def test_an_order_is_told_with_what_decides_it():
    there = {"kind": "block", "window": 512, "lanes": 16, "num_rows": 90}
    here = {"kind": "sequential", "window": 256, "lanes": 8, "num_rows": 80}
    assert list(order_differences(there, here)) == [
        "order of rows, kind: block there, as in the files here (shuffle= decides it)",
        "order of rows, rows of a window: 512 there, 256 here (memory= decides it)",
        "order of rows, parts of a window: 16 there, 8 here (batch_size= decides it)",
        "order of rows, number of rows: 90 there, 80 here",
    ]


def test_settings_are_told_without_digests():
    there = {"validation_rows": {"steps": []}, "class_weight": "1a", "monitor": None}
    here = {"validation_rows": None, "class_weight": "2b", "monitor": "val_auc"}
    assert list(settings_differences(there, here)) == [
        "monitor: none there, val_auc here",
        "rows to validate on: all there, none here",
        "class_weight: others here",
    ]


def test_blanks_of_columns_that_are_not_used_make_no_difference():
    columns = [ColumnSpec(name="a", kind="float")]
    there = record(columns=columns, policy={"na": {"a": "error"}, "on_bad_row": "error"})
    left_out = record(
        columns=columns, policy={"na": {"a": "error", "id": "transform"}, "on_bad_row": "error"}
    )
    assert list(differences(there, left_out)) == []
    other = record(columns=columns, policy={"na": {"a": "mean", "id": "transform"}, "on_bad_row": "skip"})
    assert list(differences(there, other)) == [
        "blanks (na=).a: error there, mean here",
        "bad rows (on_bad_row=): error there, skip here",
    ]

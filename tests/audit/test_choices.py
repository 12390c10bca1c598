"""Rows that were chosen by what stands in them are chosen again from run.json, or told to be others."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

import stoker
from stoker.audit.described import DescribedStep
from stoker.audit.difference import Differs
from stoker.audit.reopening import _narrowed


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,kind\n" + "".join(f"{row},v{row % 5}\n" for row in range(200)))
    return stoker.open(path, label="kind")


CHOICES = {
    "split": lambda rows: rows.split(0.5, seed=3)[1],
    "fold": lambda rows: rows.folds(4, seed=3)[1][0],
    "group": lambda rows: rows.split(0.5, seed=3, group="kind")[0],
    "stratum": lambda rows: rows.split(0.5, seed=3, stratify="kind")[1],
    "stratified fold": lambda rows: rows.folds(3, stratify="kind")[2][1],
    "grouped fold": lambda rows: rows.folds(2, seed=1, group="kind")[1][0],
    "where": lambda rows: rows.where("x > 20 and kind in ('v1', 'v2')"),
}


@pytest.mark.parametrize("kind", CHOICES)
def test_a_choice_is_made_again_from_what_is_recorded_of_it(kind, rows):
    chosen = CHOICES[kind](rows)
    step = msgspec.convert(chosen.view.describe()["steps"][0], DescribedStep)
    assert step.kind == kind
    again = _narrowed(rows, step, "runs/a").view.bind(200)
    known = chosen.view.bind(200)
    assert np.array_equal(again.ids(0, again.num_rows), known.ids(0, known.num_rows))


@pytest.mark.parametrize("kind", ["stratum", "stratified fold", "where"])
def test_other_values_are_told(kind, rows, tmp_path):
    step = msgspec.convert(CHOICES[kind](rows).view.describe()["steps"][0], DescribedStep)
    path = tmp_path / "t.csv"
    path.write_text(path.read_text().replace("v1", "v0"))
    with pytest.raises(Differs, match="other rows than the run's"):
        _narrowed(stoker.open(path, label="kind"), step, "runs/a")

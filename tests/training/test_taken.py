"""Rows that satisfied another condition, or came from another query, are told as that, whatever they hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import stoker
from stoker.cli import main
from stoker.errors import ChangedDataError, RunError
from stoker.sources import Source

pytestmark = pytest.mark.timeout(120)

Opens = Callable[..., Source]
THERE, HERE = {"where": "g == 0"}, {"where": "g == 1"}
CONTRAST = r"where \(condition g == 0{0}\).* there, where \(condition g == 1{0}\).* here"


def table(seed: int = 0) -> pd.DataFrame:
    """96 rows, of which every other one has g == 0."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=(3, 96))
    return pd.DataFrame({"a": a, "b": b, "c": c, "g": np.arange(96) % 2, "y": (a > 0).astype(int)})


@pytest.fixture(params=["csv", "parquet", "arrow", "memory", "query"])
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Opens:
    return lambda **options: stoker.open(written(request.param, tmp_path), **asked(request.param), **options)


def asked(kind: str) -> dict[str, Any]:
    query = {"query": "select a, b, c, g, y from rows order by rowid"} if kind == "query" else {}
    return {"label": "y", **query}


def written(kind: str, folder: Path) -> Any:
    rows, path = table(), folder / f"rows.{kind}"
    if kind == "memory":
        return rows
    if kind == "query":
        with closing(sqlite3.connect(path)) as base:
            rows.to_sql("rows", base, index=False, if_exists="replace")
        return f"sqlite://{path}"
    if not path.exists():
        write = {"csv": rows.to_csv, "parquet": rows.to_parquet, "arrow": rows.to_feather}[kind]
        write(path) if kind == "arrow" else write(path, index=False)
    return str(path)


@pytest.fixture
def run(tmp_path: Path, small_model: Any) -> Callable[..., Any]:
    """Trains on rows in a folder, or goes on there; they may be prepared before."""

    def fit(rows: Source, validation: Any = None, *, prepared: bool = False, **options: Any) -> Any:
        feed = stoker.Feed(rows, batch_size=8, cache="never", workers=0)
        if prepared:
            feed.prepare()
        options = {"epochs": 1, "progress": "none", **options}
        return stoker.fit(small_model("binary"), feed, validation=validation, run=tmp_path / "run", **options)

    return fit


@pytest.fixture
def unsurveyed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.setattr(
        stoker.Feed, "prepare", lambda *_, **__: pytest.fail("it was surveyed")
    )


def test_another_condition_is_named_before_the_survey(opens, run, unsurveyed, tmp_path):
    run(opens(**THERE))
    record = (tmp_path / "run" / "run.json").read_bytes()
    unsurveyed()
    for rows, said in [
        (opens(**HERE), CONTRAST.format("(, count 48)?")),
        (opens(), r"rows of the files: where \(condition g == 0.* there, all here"),
        (opens(**HERE).split(0.5, seed=1)[0], r"g == 0.* there, where \(condition g == 1.* then split"),
    ]:
        with pytest.raises(RunError, match=f"by another plan, .*{said}"):
            run(rows, resume="auto", epochs=2)
        with pytest.raises(RunError, match=f"already holds a run of another plan .*{said}"):
            run(rows)
    assert (tmp_path / "run" / "run.json").read_bytes() == record


def test_rows_that_were_prepared_before_are_told_by_their_condition(opens, run):
    run(opens(**THERE))
    with pytest.raises((RunError, ChangedDataError), match=r"condition g == 1|first in"):
        run(opens(**HERE), resume="auto", epochs=2, prepared=True)
    run(opens(**THERE), resume="auto", epochs=2, prepared=True)


def test_rows_to_validate_on_that_satisfy_another_condition_are_told_so(run, unsurveyed, tmp_path):
    def tested(**options: Any) -> Source:
        return stoker.open(written("parquet", tmp_path), label="y", **options)

    rows = stoker.open(written("csv", tmp_path), label="y")
    run(rows, tested(**THERE))
    for prepared in (True, False):
        if not prepared:
            unsurveyed()
        with pytest.raises(RunError, match=f"rows to validate on: {CONTRAST.format('')}"):
            run(rows, tested(**HERE), resume="auto", epochs=2, prepared=prepared)


def test_another_query_is_named(run, tmp_path):
    def asks(query: str) -> Source:
        return stoker.open(written("query", tmp_path), label="y", query=query)

    run(asks("select a, b, c, g, y from rows order by rowid"))
    other = asks("select a, b, c, g, y from rows order by a")
    with pytest.raises(RunError, match=r"already holds a run of another plan \(query: another here"):
        run(other)
    with pytest.raises(
        ChangedDataError, match=r"is not what was trained on, .*, and query= is another than there; "
    ):
        run(other, resume="auto", epochs=2)
    run(asks("SELECT  a, b, c, g, y FROM rows\norder by rowid"), resume="auto", epochs=2)


@pytest.mark.slow
def test_the_command_names_the_other_condition(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written("parquet", tmp_path)
    command = ["train", "rows.parquet", "--label", "y", "--epochs", "1", "--run", "run", "--where"]
    assert main([*command, "g == 0"]) == 0
    capsys.readouterr()
    for further in ([], ["--resume", "auto"]):
        assert main([*command, "g == 1", *further]) == 2
        said = capsys.readouterr().err
        assert "where (condition g == 0) then split (fraction 0.9, first part, seed 0) there" in said
        assert "where (condition g == 1) then split (fraction 0.9, first part, seed 0) here" in said
    assert main([*command, "g == 0", "--resume", "auto"]) == 0

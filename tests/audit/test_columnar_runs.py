"""A run on a table in columns is verified by the values of its rows, and its message counts rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stoker
from stoker.cli import main
from stoker.errors import DataError, OptionError


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_run_on_parquet_is_verified_and_predicts_on_csv_what_it_predicts_on_parquet(here, capsys):
    rng = np.random.default_rng(1)
    x = np.round(rng.normal(size=(2, 600)), 3)
    table = pa.table({"a": x[0], "b": x[1], "kind": (x[0] > 0).astype(np.int8)})
    pq.write_table(table, "t.parquet", row_group_size=250, compression=None, use_dictionary=False)
    assert main(["train", "t.parquet", "--label", "kind", "--epochs", "1", "--run", "run"]) == 0
    assert main(["verify", "run"]) == 0
    Path("t.csv").write_text("b,a\n" + "".join(f"{b},{a}\n" for a, b in x.T))
    for name in ("t.parquet", "t.csv"):
        assert main(["predict", "run", name, "-o", name + ".jsonl"]) == 0
    assert Path("t.parquet.jsonl").read_bytes() == Path("t.csv.jsonl").read_bytes()
    data = bytearray(Path("t.parquet").read_bytes())
    place = data.index(x[1][300:303].tobytes())
    data[place : place + 8] = np.float64(9).tobytes()
    Path("t.parquet").write_bytes(data)
    capsys.readouterr()
    assert main(["verify", "run"]) != 0
    assert "first in rows 250 to 499" in capsys.readouterr().out


@pytest.mark.timeout(60)
def test_a_run_on_folders_is_proved_wherever_these_lie(a_run, tmp_path):
    for year in (1, 2):
        folder = tmp_path / "run=3" / f"year={year}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"a": np.arange(90.0), "y": np.arange(90) % 2}), folder / "f.parquet")
    run = a_run(stoker.open(tmp_path / "run=3", label="y"))
    found = stoker.verify(run.path)
    assert found.agrees, found.difference


@pytest.mark.timeout(60)
def test_rows_chosen_as_they_were_opened_are_chosen_again(a_run, tmp_path):
    path = tmp_path / "t.parquet"
    table = pa.table({"a": np.arange(900.0), "b": np.arange(900) % 7, "kind": np.arange(900) % 2})
    pq.write_table(table, path, row_group_size=250)
    run = a_run(stoker.open(path, label="kind", columns=["b"], where="a >= 250 and b != 3").split(0.8)[0])
    found = stoker.verify(run.path)
    assert found.agrees, found.difference
    pq.write_table(table, path, row_group_size=100)
    assert not stoker.verify(run.path).agrees
    whole = stoker.open(path, label="kind", columns=["b"])
    with pytest.raises(DataError, match="none of 900 rows"):
        whole.where("a > 900")
    with pytest.raises(OptionError, match="differs in view, where"):
        stoker.verify(run.path, whole)

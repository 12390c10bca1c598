"""Rows that several processes parse and encode come to the file of one process; without Ray."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import stoker
from stoker.conversion import convert
from stoker.conversion import steps as module
from stoker.errors import BadRowError, ChangedDataError, OptionError

ROWS = 30_000
FORMATS = ("out.csv", "out.csv.gz", "out.jsonl.zst", "out.parquet", "out.arrow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("rows")
    rng = np.random.default_rng(5)
    table = pa.table(
        {
            "id": np.arange(ROWS),
            "size": rng.normal(size=ROWS).round(3),
            "city": rng.choice(["Ulm", "Bonn", "", 'a "b", c'], ROWS),
            "big": rng.integers(1 << 55, 1 << 56, ROWS),
        }
    )
    pa.parquet.write_table(table, made / "rows.parquet", row_group_size=9_000)
    with (made / "rows.csv").open("w") as file:
        file.write("id,size,city\n")
        for row in range(ROWS):
            file.write(
                f'{row},{table["size"][row]},"{str(table["city"][row]).replace(chr(34), chr(34) * 2)}"\n'
            )
    return made


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    made = module.Sizes.of.__func__

    def of(cls, memory, workers, *, has_floats):
        return dataclasses.replace(made(cls, memory, workers, has_floats=has_floats), chunk=1 << 16)

    monkeypatch.setattr(module.Sizes, "of", classmethod(of))


@pytest.mark.parametrize("out", FORMATS)
@pytest.mark.parametrize("given", ["rows.csv", "rows.parquet"])
def test_it_is_the_file_of_one_process(given, out, folder, tmp_path, in_turn):
    source = stoker.open(folder / given)
    for name, hosts in (("one", 1), ("two", 2)):
        report = convert(source, tmp_path / f"{name}-{out}", hosts=hosts)
        assert report.num_rows == ROWS

    assert (tmp_path / f"two-{out}").read_bytes() == (tmp_path / f"one-{out}").read_bytes()


def test_parts_of_a_view_and_shuffled_rows_too(folder, tmp_path, in_turn):
    part, _ = stoker.open(folder / "rows.csv").split(0.7, seed=2)
    for name, options in (("part", {}), ("shuffled", {"shuffle": True, "seed": 3})):
        for hosts in (1, 2):
            convert(part, tmp_path / f"{name}-{hosts}.parquet", memory="16MB", hosts=hosts, **options)
        assert (tmp_path / f"{name}-2.parquet").read_bytes() == (tmp_path / f"{name}-1.parquet").read_bytes()


def test_bad_rows_are_told_by_file_and_line_or_left_out(folder, tmp_path, in_turn):
    bad = tmp_path / "bad.csv"
    bad.write_text((folder / "rows.csv").read_text().replace("\n29000,", "\n29000,7,", 1))
    with pytest.raises(BadRowError, match=r"bad.csv, line 29,?002"):
        convert(stoker.open(bad), tmp_path / "out.parquet", hosts=2)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]

    report = convert(stoker.open(bad), tmp_path / "out.parquet", on_bad_row="skip", hosts=2)

    assert (report.num_rows, report.num_left_out) == (ROWS - 1, 1)


def test_files_that_change_meanwhile_are_told_and_nothing_is_written(folder, tmp_path, monkeypatch, in_turn):
    path = tmp_path / "rows.csv"
    text = (folder / "rows.csv").read_text()
    path.write_text(text)
    look = module.Conversion.look

    def changed(self, *given):
        look(self, *given)
        path.write_text(text.replace("\n20000,", "\n20001,", 1))

    monkeypatch.setattr(module.Conversion, "look", changed)
    with pytest.raises(ChangedDataError, match=r"rows\.csv changed since it was surveyed"):
        convert(stoker.open(path), tmp_path / "out.csv", hosts=2)
    assert [each.name for each in tmp_path.iterdir()] == ["rows.csv"]


def test_rows_in_memory_are_refused(tmp_path):
    with pytest.raises(OptionError, match="hosts= is for rows of files"):
        convert(stoker.open(pa.table({"a": [1, 2]})), tmp_path / "out.csv", hosts=2)

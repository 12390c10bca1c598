"""Conversions: the rows of the view, each value as it stood, in a type that holds all of a column's."""

from __future__ import annotations

import dataclasses
import gzip
import json
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

import stoker
from stoker.conversion import steps as module
from stoker.conversion.converting import convert
from stoker.errors import BadRowError, ChangedDataError, DataError, MemoryBudgetError, OptionError, RunError

HEADER = "id,size,code,when,city,kind\n"
ROWS = [
    "1,2.5,0012,2024-01-05,Rome,7",
    "2,,0700,2024-02-29,,7",
    '300,4,0001,,"Paris, north",8',
]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(HEADER + "\n".join(ROWS) + "\n")
    return path


@pytest.fixture
def streamed(monkeypatch):
    """Nothing is kept in memory: files are read a second time."""
    made = module.Sizes.of.__func__

    def of(cls, memory, workers, *, has_floats):
        return dataclasses.replace(made(cls, memory, workers, has_floats=has_floats), keep=0, chunk=1 << 16)

    monkeypatch.setattr(module.Sizes, "of", classmethod(of))


def parquet(path, tmp_path, **options):
    out = tmp_path / "out.parquet"
    report = convert(stoker.open(path), out, overwrite=True, **options)
    found = pa.parquet.read_table(out)
    assert report.columns == tuple((field.name, str(field.type)) for field in found.schema)
    assert (report.num_rows, report.num_bytes) == (found.num_rows, out.stat().st_size)
    return found


def test_values_come_as_they_stand_and_blanks_as_nulls(table, tmp_path):
    found = parquet(table, tmp_path)
    assert [str(kind) for kind in found.schema.types] == ["int16", "double", *["string"] * 3, "uint8"]
    assert found.to_pydict() == {
        "id": [1, 2, 300],
        "size": [2.5, None, 4.0],
        "code": ["0012", "0700", "0001"],
        "when": ["2024-01-05", "2024-02-29", None],
        "city": ["Rome", None, "Paris, north"],
        "kind": [7, 7, 8],
    }


class Shown:
    """What a conversion shows: its stages, each with how far it says it is."""

    def __init__(self):
        self.stages = {}

    @contextmanager
    def stage(self, name, unit=""):
        seen = self.stages[name + unit] = []
        yield lambda done, total: seen.append((done, total))

    def note(self, name, text):
        pass


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_stage_shows_progress_up_to_its_end(shuffle, tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("x,y\n" + "".join(f"{row},{row % 3}\n" for row in range(30_000)))
    shown = Shown()
    convert(stoker.open(path), tmp_path / "out.parquet", shuffle=shuffle, progress=shown)
    assert list(shown.stages) == ["surveyB", "write rows"]
    for seen in shown.stages.values():
        done = [place for place, _ in seen]
        assert done == sorted(done)
        assert seen[-1][0] == seen[-1][1]
    assert shown.stages["write rows"][-1] == (30_000, 30_000)


@pytest.mark.usefixtures("streamed")
def test_files_that_do_not_fit_the_memory_are_read_a_second_time_to_the_same_rows(table, tmp_path):
    assert parquet(table, tmp_path).to_pylist()[2]["city"] == "Paris, north"


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_stream_that_is_given_once_is_converted_though_it_does_not_fit_the_memory(
    shuffle, tmp_path, monkeypatch
):
    sizes = module.Sizes(chunk=1 << 16, keep=20_000, run=1 << 20, group=1 << 16, piece=1 << 14)
    monkeypatch.setattr(module.Sizes, "of", lambda *given, **named: sizes)
    texts = [None if row % 7 == 0 else f"t{row}" for row in range(9_000)]
    rows = pa.table({"x": np.arange(9_000) / 7, "t": texts, "y": np.arange(9_000) % 2})
    source = stoker.open(rows.to_reader(1_000), label="y")
    report = convert(source, tmp_path / "rows.parquet", shuffle=shuffle)
    found = pa.parquet.read_table(tmp_path / "rows.parquet")
    assert found["x"].to_pylist() != sorted(found["x"].to_pylist()) or not shuffle
    index = [round(7 * value) for value in found["x"].to_pylist()]
    assert sorted(index) == list(range(report.num_rows)) == list(range(9_000))
    assert found["t"].to_pylist() == [texts[row] for row in index]
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["0", "255"], "uint8"),
        (["-1", "255"], "int16"),
        (["256", ""], "int16"),
        (["70000", "1"], "int32"),
        (["3000000000", "1"], "int64"),
        (["9007199254740993", "-1"], "int64"),
        (["9007199254740993", ""], "int64"),
        (["9223372036854775807", "-9223372036854775808"], "int64"),
        (["9223372036854775807", "", "+5"], "int64"),
        (["9223372036854775808", "", "5"], "string"),
        (["-9223372036854775809", "5"], "string"),
        (["4611686018427387905", "", "+5"], "int64"),
        (["99999999999999999999", "1"], "string"),
        (["1", "2.5"], "double"),
        (["", ""], "double"),
        (["007", "1"], "string"),
    ],
)
@pytest.mark.parametrize("beside", ["", ",0.5"])
def test_integers_are_exact_and_as_narrow_as_can_be(values, kind, beside, tmp_path):
    path = tmp_path / "n.csv"
    path.write_text("n,m\n" + "".join(f"{value}{beside or ',1'}\n" for value in values))
    column = parquet(path, tmp_path)["n"]
    assert str(column.type) == kind
    as_number = {"double": float, "string": str}.get(kind, int)
    assert column.to_pylist() == [as_number(value) if value else None for value in values]


def test_an_integer_column_with_a_fraction_far_behind_is_one_of_floats(tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("n\n" + "7\n" * 40_000 + "0.5\n")
    assert str(parquet(path, tmp_path)["n"].type) == "double"


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "arrow", "csv.gz"])
@pytest.mark.parametrize("label", [None, "kind", "city"])
def test_every_format_holds_the_same_rows_in_the_order_of_the_columns(label, suffix, table, tmp_path):
    out = tmp_path / f"out.{suffix}"
    convert(stoker.open(table, label=label), out)
    if suffix == "jsonl":
        found = pa.Table.from_pylist([json.loads(line) for line in out.read_text().splitlines()])
    elif suffix == "parquet":
        found = pa.parquet.read_table(out)
    elif suffix == "arrow":
        found = pa.feather.read_table(out)
    else:
        text = (gzip.decompress(out.read_bytes()) if suffix == "csv.gz" else out.read_bytes()).decode()
        expected = [line.replace(",4,", ",4.0,") for line in ROWS]
        assert text == HEADER + "\n".join(expected) + "\n"
        return
    assert found.column_names == HEADER.strip().split(",")
    assert found["code"].to_pylist() == ["0012", "0700", "0001"]
    assert found["size"].to_pylist() == [2.5, None, 4.0]


def test_a_converted_csv_is_converted_to_itself(table, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    convert(stoker.open(table), first)
    convert(stoker.open(first), second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("kept", [True, False])
def test_views_and_columns_are_respected(kept, tmp_path, request):
    if not kept:
        request.getfixturevalue("streamed")
    path, out = tmp_path / "long.csv", tmp_path / "out.arrow"
    path.write_text("a,b,c\n" + "".join(f"{row},{row % 7},t{row}\n" for row in range(30_000)))
    first, rest = stoker.open(path, columns=["a"], label="c").split(0.5, seed=3)
    found = []
    for part in (first, rest, first.head(5)):
        report = convert(part, out, overwrite=True)
        table = pa.feather.read_table(out)
        assert table.column_names == ["a", "c"]
        assert table["c"].to_pylist() == [f"t{row}" for row in table["a"].to_pylist()]
        assert report.num_rows == table.num_rows
        found.append(table["a"].to_pylist())
    assert sorted(found[0] + found[1]) == list(range(30_000))
    assert found[0] == sorted(found[0])
    assert found[2] == found[0][:5]


@pytest.mark.parametrize("kept", [True, False])
def test_bad_rows_are_an_error_or_left_out_and_counted(kept, tmp_path, request):
    if not kept:
        request.getfixturevalue("streamed")
    path, out = tmp_path / "bad.csv", tmp_path / "out.csv"
    lines = [f"{row},{row / 4}" for row in range(200)]
    lines[7], lines[150] = "7,many", "1,2,3"
    path.write_text("a,b\n" + "\n".join(lines) + "\n")
    with pytest.raises(BadRowError, match="many"):
        convert(stoker.open(path), out)
    assert not out.exists()
    report = convert(stoker.open(path), out, on_bad_row="skip")
    assert (report.num_rows, report.num_left_out) == (198, 2)
    assert "\n6,1.5\n8,2.0\n" in out.read_text()


def test_several_compressed_files_become_one(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(f"n,t\n1,{name}\n".encode()))
    out = tmp_path / "out.jsonl"
    convert(stoker.open([tmp_path / "a.csv.gz", tmp_path / "b.csv.gz"]), out)
    assert out.read_text() == '{"n":1,"t":"a"}\n{"n":1,"t":"b"}\n'
    assert not (tmp_path / ".stoker").exists()


def test_texts_to_learn_from_keep_what_is_no_utf8_as_a_sign(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_bytes(b"stars,review\n" + b"5,caf\xe9\n1,7\n")
    out = tmp_path / "out.parquet"
    convert(stoker.open(path, text="review", label="stars"), out)
    assert pa.parquet.read_table(out).to_pydict() == {"stars": [5, 1], "review": ["caf\ufffd", "7"]}


def test_what_is_already_there_is_kept_unless_it_may_be_replaced(table, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("mine")
    with pytest.raises(OptionError, match=r"out.csv is there already.*overwrite=True"):
        convert(stoker.open(table), out)
    assert out.read_text() == "mine"
    with pytest.raises(OptionError, match="is one of the files that are read"):
        convert(stoker.open(table), table, overwrite=True)
    convert(stoker.open(table), out, overwrite=True)
    assert out.read_text().startswith("id,")


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"seed": 3}, OptionError, "seed= has no effect without shuffle=True"),
        ({"seed": -1, "shuffle": True}, OptionError, r"seed must be an integer in \[0, 2\*\*64\)"),
        ({"memory": "1MB"}, MemoryBudgetError, "at least memory='16MB', got 1,000,000 bytes"),
        ({"compression": "zip"}, OptionError, "compression of .parquet must be one of snappy"),
        ({"on_bad_row": "quarantine"}, OptionError, "on_bad_row must be error or skip"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_read(options, error, said, table, tmp_path):
    rows = stoker.open(table)
    table.unlink()
    with pytest.raises(error, match=said):
        convert(rows, tmp_path / "out.parquet", **options)


def test_a_path_is_no_source(table, tmp_path):
    with pytest.raises(OptionError, match=r"what stoker.open gives, got PosixPath"):
        convert(table, tmp_path / "out.csv")


@pytest.mark.usefixtures("streamed")
@pytest.mark.parametrize("change", ["longer", "shorter", "other"])
def test_a_file_that_changes_between_the_passes_is_refused(change, table, tmp_path, monkeypatch):
    surveyed = module.survey

    def survey(*arguments, **options):
        found = surveyed(*arguments, **options)
        before = table.read_text()
        text = {"longer": before + before[-20:], "shorter": before[:60], "other": before.replace("7", "9")}
        table.write_text(text[change])
        return found

    monkeypatch.setattr(module, "survey", survey)
    with pytest.raises((ChangedDataError, DataError)):
        convert(stoker.open(table), tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_disk_that_is_full_is_an_error_that_names_the_output(table, tmp_path, monkeypatch):
    monkeypatch.setattr("stoker.folders.os.fsync", _full)
    with pytest.raises(RunError, match=r"out.parquet cannot be written: No space left"):
        convert(stoker.open(table), tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def _full(handle):
    raise OSError(28, "No space left on device")


@pytest.mark.usefixtures("streamed")
@pytest.mark.parametrize("shuffle", [False, True])
def test_buffers_stay_within_the_memory(shuffle, tmp_path):
    path, out = tmp_path / "wide.csv", tmp_path / "out.parquet"
    numbers = np.random.default_rng(0).random((40_000, 8))
    pa.csv.write_csv(pa.table({f"x{place}": numbers[:, place] for place in range(8)}), path)
    report = convert(stoker.open(path), out, memory="16MB", shuffle=shuffle)
    assert report.peak_bytes < 16_000_000
    assert np.array_equal(np.sort(pa.parquet.read_table(out)["x3"].to_numpy()), np.sort(numbers[:, 3]))


def lists_and_bytes(folder):
    rng = np.random.default_rng(5)
    sizes = rng.integers(0, 5, 400)
    known = pa.table(
        {
            "id": np.arange(400),
            "words": pa.array([rng.integers(0, 9, size).tolist() or None for size in sizes]),
            "signal": pa.array([rng.normal(size=size).tolist() or None for size in sizes]),
            "picture": pa.array([rng.bytes(size) or None for size in sizes]),
        }
    )
    pa.parquet.write_table(known, folder / "known.parquet")
    return known.to_pydict()


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("held", [True, False])
def test_lists_and_bytes_stay_what_they_are(tmp_path, request, held, shuffle):
    if not held:
        request.getfixturevalue("streamed")
    known = lists_and_bytes(tmp_path)
    convert(stoker.open(tmp_path / "known.parquet"), tmp_path / "a.arrow", shuffle=shuffle)
    convert(stoker.open(tmp_path / "a.arrow", drop=["picture"]), tmp_path / "b.jsonl")
    convert(stoker.open(tmp_path / "b.jsonl"), tmp_path / "c.parquet")
    ends = [pa.feather.read_table(tmp_path / "a.arrow"), pa.parquet.read_table(tmp_path / "c.parquet")]
    assert (ends[0]["id"].to_pylist() == known["id"]) is not shuffle
    for found in ends:
        found = found.sort_by("id").to_pydict()
        assert found == {name: known[name] for name in found}


@pytest.mark.parametrize(("suffix", "drop", "said"), [("csv", [], "lists"), ("jsonl", ["words"], "bytes")])
def test_a_format_that_cannot_hold_them_says_which_can_before_rows_are_read(tmp_path, suffix, drop, said):
    lists_and_bytes(tmp_path)
    source = stoker.open(tmp_path / "known.parquet", drop=drop)
    with pytest.raises(OptionError, match=rf"holds {said}, which \.{suffix} files cannot: write \.parquet"):
        convert(source, tmp_path / f"out.{suffix}")
    assert not (tmp_path / f"out.{suffix}").exists()


def test_a_stream_that_is_read_once_says_how_integers_beyond_floats_are_written(tmp_path):
    table = pa.table({"a": [2**53 + 1, 5], "b": [0.5, 1.5]})
    with pytest.raises(DataError, match=r"column 'a' holds integers beyond 2\*\*53 .*types={'a': 'text'}"):
        stoker.convert(stoker.open(table.to_reader()), tmp_path / "rows.parquet")
    as_text = stoker.open(table.to_reader(), types={"a": "text"})
    stoker.convert(as_text, tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text().splitlines()[1].startswith(str(2**53 + 1))

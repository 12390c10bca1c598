"""Columns of lists and of bytes: read from whatever holds them, with what is wrong in them told by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from reading import column, index_of
from stoker import cache
from stoker.errors import BadRowError, ChangedDataError, ColumnError, OptionError
from stoker.sources.columnar.batch_chunk import value_checksums
from stoker.sources.columnar.lists import as_lists_of
from stoker.sources.columnar.values import normalised
from stoker.sources.held import join_values, value_bounds
from stoker.survey import Survey, survey
from stoker.types.arrow import arrow_type, blank_value

NUMBERS = st.one_of(
    st.none(),
    st.integers(-(1 << 40), 1 << 40).map(float),
    st.floats(allow_nan=True, width=32),
)
STORED = [pa.list_, pa.large_list, pa.list_view, pa.large_list_view]


def table(rows: int = 300) -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "picture": pa.array([rng.bytes(size) if size else None for size in rng.integers(0, 30, rows)]),
            "words": pa.array(
                [rng.integers(0, 50, size).tolist() if size else None for size in rng.integers(0, 9, rows)],
                pa.list_(pa.int32()),
            ),
            "signal": pa.array(
                [rng.normal(size=size).tolist() for size in rng.integers(0, 9, rows)],
                pa.large_list(pa.float32()),
            ),
            "y": rng.integers(0, 2, rows),
        }
    )


def expected(known: pa.Table, name: str) -> list[Any]:
    empty: Any = b"" if name == "picture" else []
    return [empty if value is None else value for value in known[name].to_pylist()]


def write(path: Path, columns: Any, **options: Any) -> Path:
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, **options)
    return path


def write_ipc(path: Path, known: pa.Table) -> Path:
    with pa.ipc.new_file(path, known.schema) as file:
        file.write_table(known, max_chunksize=70)
    return path


def look(source: stoker.Source, **options: Any) -> Survey:
    return survey(source, stored=False, texts="given", **options)


OPENED = {
    "parquet": lambda folder: write(folder / "t.parquet", table(), row_group_size=128),
    "arrow": lambda folder: write_ipc(folder / "t.arrow", table()),
    "an Arrow table": lambda folder: table(),
    "a pandas frame": lambda folder: table().to_pandas(types_mapper=pd.ArrowDtype),
    "a Polars frame": lambda folder: pl.from_arrow(table()),
}


@pytest.mark.parametrize("held", OPENED)
def test_lists_and_bytes_are_read_whatever_holds_them(tmp_path, held):
    source = stoker.open(OPENED[held](tmp_path), label="y")
    kinds = {spec.name: spec.kind for spec in source.table.schema.features}
    assert kinds == {"picture": "bytes", "words": "ints", "signal": "floats"}
    index, dtype = index_of(source)
    ids = np.array([0, 3, 17, 130, 299])
    rows = source.reader(index, None, dtype).read(ids)
    for name, kind in kinds.items():
        assert rows.columns[name].type == arrow_type(kind)
        whole = expected(table(), name)
        assert column(rows, name) == [whole[row] for row in ids.tolist()]


def kept(found: Survey) -> Any:
    assert found.kept is not None
    return found.reader()


def drafted(found: Survey) -> Any:
    return cache.build(found, found.source.reader(found.index, found.excluded, found.dtype))


@pytest.mark.parametrize("keep", [kept, drafted], ids=["memory", "cache"])
def test_they_are_the_same_in_memory_and_in_the_cache(tmp_path, keep):
    source = stoker.open(write(tmp_path / "t.parquet", table(), row_group_size=128), label="y")
    reader = keep(look(source, keep_bytes=1 << 20 if keep is kept else 0))
    ids = np.array([1, 2, 150, 298])
    rows = reader.read(ids)
    places = rows.places(np.arange(len(ids)))
    for name in ("picture", "words", "signal"):
        whole = expected(table(), name)
        assert rows.columns[name].take(pa.array(places)).to_pylist() == [whole[row] for row in ids.tolist()]
    reader.close()


def test_a_survey_tells_how_long_they_are_and_a_stored_one_recalls_it(tmp_path):
    path = write(tmp_path / "t.parquet", table())
    found = survey(stoker.open(path, label="y"), texts="given")
    words = [len(value) for value in expected(table(), "words")]
    seen = found.values["words"]
    assert (seen.num_rows, seen.num_blank) == (300, words.count(0))
    assert (seen.least, seen.longest, seen.total) == (1, max(words), sum(words))
    assert seen.num_bytes == 8 * sum(words)
    assert found.values["picture"].num_bytes == sum(map(len, expected(table(), "picture")))
    again = survey(stoker.open(path, label="y"), texts="given")
    assert again.seconds == 0
    assert {name: each.state() for name, each in again.values.items()} == {
        name: each.state() for name, each in found.values.items()
    }


@settings(max_examples=examples(60))
@given(
    values=st.lists(st.none() | st.lists(NUMBERS, max_size=4), max_size=6),
    stored=st.sampled_from(STORED),
    kind=st.sampled_from(["ints", "floats"]),
    start=st.integers(0, 2),
)
def test_lists_are_those_of_python_and_what_is_wrong_in_them_is_found(values, stored, kind, start):
    array = normalised(pa.array(values, stored(pa.float64()))[start:])
    lists, wrong = as_lists_of(array, kind)

    def is_good(number: Any) -> bool:
        return (
            number is not None
            and np.isfinite(number)
            and (kind == "floats" or number == int(number))
            and (kind == "floats" or abs(number) < 2**63)
        )

    held = [value or [] for value in values[start:]]
    assert lists.type == arrow_type(kind)
    assert lists.to_pylist() == [[number if is_good(number) else 0 for number in value] for value in held]
    bad = [not all(map(is_good, value)) for value in held]
    assert (wrong.tolist() if wrong is not None else [False] * len(held)) == bad


@given(
    parts=st.lists(st.lists(st.lists(st.integers(-9, 9), max_size=3), max_size=4), max_size=4),
    kind=st.sampled_from(["ints", "floats"]),
)
def test_joined_lists_are_the_lists(parts, kind):
    arrays = [pa.array([[7, 7], *part], arrow_type(kind))[1:] for part in parts]
    joined = join_values(arrays, arrow_type(kind))
    assert arrays == []
    assert joined.to_pylist() == [value for part in parts for value in part]
    assert np.diff(value_bounds(joined)).tolist() == [len(value) for part in parts for value in part]
    joined.validate(full=True)


@pytest.mark.parametrize("stored", STORED)
def test_checksums_depend_on_the_values_alone_and_on_all_of_them(stored):
    values = [[1, 2], None, [], [3, None]] * 3
    one = value_checksums(
        pa.record_batch({"x": pa.array(values, pa.list_(pa.int64()))}), np.array([0, 5, 12])
    )
    same = pa.array([[9], *values], stored(pa.int64()))[1:]
    assert value_checksums(pa.record_batch({"x": same}), np.array([0, 5, 12])).tolist() == one.tolist()
    for place, other in ((0, [1, 3]), (1, []), (3, [3, 0]), (4, [1, 2, 3])):
        changed = [*values[:place], other, *values[place + 1 :]]
        found = value_checksums(
            pa.record_batch({"x": pa.array(changed, pa.list_(pa.int64()))}), np.array([0, 5, 12])
        )
        assert found[0] != one[0]
        assert found[1] == one[1]


def test_checksums_of_bytes_tell_a_single_other_byte():
    bounds, kinds = np.array([0, 2]), [pa.binary(), pa.large_binary(), pa.binary_view()]
    found = {
        value_checksums(pa.record_batch({"x": pa.array([b"ab", value], kind)}), bounds)[0]
        for kind in kinds
        for value in (b"c", b"d", None, b"")
    }
    assert len(found) == 4


def test_a_file_whose_lists_changed_is_refused(tmp_path):
    path = write(tmp_path / "t.parquet", {"x": [[1, 2], [3]], "y": [0, 1]})
    source = stoker.open(path, label="y")
    index, dtype = index_of(source)
    write(path, {"x": [[1, 2], [4]], "y": [0, 1]})
    with pytest.raises(ChangedDataError, match="changed since"):
        source.reader(index, None, dtype).read(np.array([1]))


def test_a_list_with_what_is_no_number_is_a_bad_row_and_is_left_out(tmp_path):
    lists = pa.array([[1.0], [2.5, 3.0], [None], [float("inf")], []], pa.list_(pa.float64()))
    path = write(tmp_path / "t.parquet", {"x": lists, "y": [0, 1, 0, 1, 0]})
    with pytest.raises(BadRowError, match=r"column 'x': 3 values that are no lists .* 'floats'}"):
        look(stoker.open(path, label="y", types={"x": "ints"}))
    found = look(stoker.open(path, label="y"), on_bad_row="skip", keep_bytes=1 << 20)
    assert found.excluded.tolist() == [2, 3]
    assert found.kept.column("x").to_pylist()[:2] == [[1.0], [2.5, 3.0]]


def test_lists_of_a_fixed_size_are_columns_unless_they_are_asked_for_as_lists(tmp_path):
    lists = pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32(), 2))
    path = write(tmp_path / "t.parquet", {"x": lists, "y": [0, 1, 0]})
    assert stoker.open(path, label="y").features == ("x[0]", "x[1]")
    source = stoker.open(path, label="y", types={"x": "ints"})
    rows = source.peek(3)
    assert source.features == ("x",)
    assert column(rows, "x") == [[1, 2], [], [3, 4]]
    other = write(tmp_path / "u.parquet", {"x": lists, "y": [0, 1, 0]})
    again = stoker.open([path, other], label="y", types={"x": "floats"})
    assert column(again.peek(1), "x") == [[1.0, 2.0]]


def test_bytes_may_be_texts_and_texts_bytes(tmp_path):
    path = write(
        tmp_path / "t.parquet", {"x": pa.array([b"caf\xc3\xa9", None]), "t": ["a", None], "y": [0, 1]}
    )
    source = stoker.open(path, label="y", types={"x": "text", "t": "bytes"})
    rows = source.peek(2)
    assert column(rows, "x") == ["café", ""]
    assert column(rows, "t") == [b"a", b""]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"label": "words"}, ColumnError, "the label 'words' holds lists of integers"),
        ({"label": "picture"}, ColumnError, r"types=\{'picture': 'text'\}"),
        ({"label": "y", "types": {"words": "int"}}, ColumnError, "no int can be made"),
        ({"label": "signal", "types": {"y": "ints"}}, ColumnError, "label 'signal'"),
        ({"label": "words", "types": {"y": "ints", "words": "text"}}, ColumnError, "no ints can be made"),
        ({"label": "y", "types": {"words": "bytes"}}, ColumnError, "no bytes can be made"),
        ({"label": "y", "types": {"words": "list"}}, OptionError, "text, bytes, ints or floats"),
    ],
)
def test_what_a_column_cannot_be_is_said(tmp_path, options, error, said):
    path = write(tmp_path / "t.parquet", table(20))
    with pytest.raises(error, match=said):
        stoker.open(path, **options)


def test_a_table_of_lines_holds_no_lists(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,0\n2,1\n")
    with pytest.raises(OptionError, match="lists of numbers are read from Parquet"):
        stoker.open(tmp_path / "t.csv", label="y", types={"x": "ints"})


def test_lists_and_bytes_beside_numbers_are_refused_unless_something_is_made_of_them(tmp_path):
    path = write(tmp_path / "t.parquet", table(20))
    with pytest.raises(ColumnError) as error:
        survey(stoker.open(path, label="y"))
    for name in ("picture", "words", "signal"):
        assert f"column {name!r}: 20 rows of bytes or lists" in str(error.value)


def test_what_stands_for_no_value_is_an_empty_one():
    assert [blank_value(arrow_type(kind)).as_py() for kind in ("text", "bytes", "ints")] == ["", b"", []]


def test_a_list_that_comes_along_is_what_json_writes_unless_it_is_learned_from(tmp_path):
    lists = pa.array([[1, 2], None, []], pa.list_(pa.int16()))
    path = write(tmp_path / "t.parquet", {"x": lists, "n": [1, 2, 3], "y": [0, 1, 0]})
    beside = stoker.open(path, label="y", columns=["n"]).keeping(["x"])
    assert column(beside.peek(3), "x") == ["[1, 2]", "", "[]"]
    learned = stoker.open(path, label="y").keeping(["x"])
    assert column(learned.peek(3), "x") == [[1, 2], [], []]


def test_rows_with_the_same_list_or_the_same_bytes_stay_together_in_a_split(tmp_path):
    draw = np.random.default_rng(2)
    lists = [[int(number), 7] for number in draw.integers(0, 40, 400)]
    raw = [bytes([number, 0xFF]) for number, _ in lists]
    path = write(tmp_path / "t.parquet", {"x": lists, "b": raw, "n": range(400), "y": [0, 1] * 200})
    for name, values in (("x", list(map(tuple, lists))), ("b", raw)):
        seen = []
        for part in stoker.open(path, label="y").split(0.6, seed=3, group=name):
            view = part.view.bind(400)
            seen.append({values[row] for row in view.ids(0, view.num_rows)})
        assert not seen[0] & seen[1]
        assert len(seen[0] | seen[1]) == len(set(values))


@pytest.mark.parametrize("write_as", [write, write_ipc], ids=["parquet", "arrow"])
def test_segments_of_large_values_have_fewer_rows_so_that_few_are_in_memory(tmp_path, write_as):
    draw, size = np.random.default_rng(6), 60_000
    raw = [draw.bytes(size) for _ in range(300)]
    path = write_as(
        tmp_path / f"t.{'parquet' if write_as is write else 'arrow'}", pa.table({"b": raw, "y": range(300)})
    )
    source = stoker.open(path, label="y")
    chunks = list(source.chunks(1 << 20))
    assert max(chunk.num_bytes for chunk in chunks) < 5 << 20
    assert sum(chunk.num_records for chunk in chunks) == 300
    index, dtype = index_of(source)
    assert (np.diff(index.anchor_rows) <= 64).all()
    reader = source.reader(index, None, dtype)
    ids = np.array([0, 63, 64, 150, 299])
    assert column(reader.read(ids), "b") == [raw[row] for row in ids.tolist()]

"""Files in columns that are damaged, something else, or become something else while they are used."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stoker
from stoker.errors import ChangedDataError, ColumnError
from stoker.survey import survey

ROWS = 3_000


def table(seed: int = 1, rows: int = ROWS) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {"x": rng.normal(size=rows), "s": [f"s{row % 7}" for row in range(rows)], "y": np.arange(rows) % 2}
    )


def write(name: str, seed: int = 1) -> Path:
    path = Path(name)
    if path.suffix == ".parquet":
        pq.write_table(table(seed), path, row_group_size=1_000, compression=None, use_dictionary=False)
        return path
    new = pa.ipc.new_stream if path.suffix == ".arrows" else pa.ipc.new_file
    with new(path, table().schema) as file:
        file.write_table(table(seed), max_chunksize=1_000)
    return path


NAMES = ["t.parquet", "t.arrow", "t.arrows"]


@pytest.mark.parametrize(
    ("name", "what"), [("t.parquet", "Parquet"), ("t.arrow", "Arrow"), ("t.arrows", "Arrow")]
)
def test_a_file_of_another_kind_is_told_by_how_it_begins(refused, name, what):
    Path(name).write_text("x,y\n1,2\n")
    said = refused("plan", name, "--label", "y")
    assert f"{name} is called {what} by its suffix and holds something else (it begins with b'x,y" in said
    Path(name).write_bytes(b"")
    assert f"{name} is empty" in refused("plan", name, "--label", "y")


@pytest.mark.parametrize("name", NAMES[:2])
@pytest.mark.parametrize("cut", [1, 40, 2_000])
def test_a_file_whose_footer_is_cut_off_is_told_as_such(refused, name, cut):
    path = write(name)
    path.write_bytes(path.read_bytes()[:-cut])
    assert f"{name} is cut off at byte {path.stat().st_size:,}: the footer" in refused(
        "plan", name, "--label", "y"
    )


def test_a_stream_that_is_cut_off_is_no_shorter_stream(refused):
    path = write("t.arrows")
    path.write_bytes(path.read_bytes()[:-5_000])
    assert "t.arrows is damaged behind row 2,000" in refused(
        "plan", "t.arrows", "--label", "y", "--drop", "s"
    )


@pytest.mark.parametrize("name", NAMES[:2])
def test_a_footer_that_is_nonsense_is_told_as_damaged(refused, name):
    path = write(name)
    data = bytearray(path.read_bytes())
    data[-200:-12] = bytes(188)
    path.write_bytes(data)
    assert "is damaged" in refused("plan", name, "--label", "y")


def test_texts_that_point_beyond_their_bytes_are_told_as_damaged(refused):
    path = write("t.arrow")
    data = bytearray(path.read_bytes())
    place = data.index(np.arange(0, 40, 2, dtype=np.int32).tobytes())
    data[place + 40 : place + 44] = np.int32(1 << 30).tobytes()
    path.write_bytes(data)
    assert "t.arrow is damaged behind row 0" in refused("plan", "t.arrow", "--label", "y", "--text", "s")


def test_a_page_that_was_spoilt_is_told_by_its_own_checksum(refused):
    pq.write_table(table(), "t.parquet", compression=None, use_dictionary=False, write_page_checksum=True)
    data = bytearray(Path("t.parquet").read_bytes())
    data[5_000] ^= 1
    Path("t.parquet").write_bytes(data)
    said = refused("plan", "t.parquet", "--label", "y", "--drop", "s")
    assert "t.parquet is damaged behind row 0" in said
    assert "restore the file" in said


def test_a_column_of_another_type_in_a_later_file_names_both_files(refused):
    write("a.parquet")
    other = table().set_column(0, "x", [pa.array(["1"] * ROWS)])
    pq.write_table(other, "b.parquet")
    said = refused("plan", "a.parquet", "b.parquet", "--label", "y", "--drop", "s")
    assert "column 'x' holds double in a.parquet and string in b.parquet" in said


def test_blanks_where_none_were_are_an_error_with_the_first_row(here):
    pq.write_table(pa.table({"x": [1.0, None, 3.0, 4.5] * 9, "y": [0, 1] * 18}), "t.parquet")
    with pytest.raises(ColumnError, match=r"column 'x': 9 blank values, first at t\.parquet \(row 1\): na="):
        survey(stoker.open("t.parquet", label="y"), stored=False)


def test_a_file_that_may_not_be_read_is_told_with_the_reason(refused, monkeypatch):
    write("t.parquet")

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Failed to open")

    monkeypatch.setattr(pa, "OSFile", forbidden)
    said = refused("plan", "t.parquet", "--label", "y")
    assert said.startswith("t.parquet: cannot be read in its footer")
    assert said.endswith("(Permission denied); check its permissions and those of its folders")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["other values", "shorter", "gone", "other units"])
def test_a_file_that_is_replaced_while_it_is_read_is_noticed_before_its_rows_are(here, name, how):
    path = write(name)
    source = stoker.open(path, label="y", drop=["s"])
    found = survey(source, stored=False)
    reader = source.reader(found.index, found.excluded, found.dtype)
    reader.read(np.arange(10))
    new = Path("new" + path.suffix)
    if how == "gone":
        path.unlink()
    elif how == "other values":
        write(new.name, seed=2).replace(path)
    elif how == "shorter":
        new.write_bytes(path.read_bytes()[:-700])
        new.replace(path)
    else:
        halves = pa.concat_tables([table(rows=ROWS)])
        if path.suffix == ".parquet":
            pq.write_table(halves, new, row_group_size=700, compression=None, use_dictionary=False)
        else:
            with (pa.ipc.new_stream if path.suffix == ".arrows" else pa.ipc.new_file)(
                new, halves.schema
            ) as file:
                file.write_table(halves, max_chunksize=700)
        new.replace(path)
    with pytest.raises(ChangedDataError, match=r"changed|cannot be read now"):
        reader.read(np.arange(ROWS))
    reader.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_compressed_as_a_whole_is_to_be_unpacked(refused, name):
    Path(name + ".gz").write_bytes(gzip.compress(write(name).read_bytes()))
    assert f"{name}.gz is compressed as a whole" in refused("plan", name + ".gz", "--label", "y")


def test_of_several_files_the_damaged_one_is_named_with_one_way_out(tmp_path):
    paths = [tmp_path / name for name in ("a.parquet", "b.parquet")]
    for path in paths:
        pq.write_table(
            pa.table({"x": np.arange(4_000.0), "y": np.arange(4_000) % 2}), path, compression="none"
        )
    source = stoker.open(paths, label="y")
    found = survey(source, stored=False)
    data = bytearray(paths[1].read_bytes())
    data[8:2_000] = bytes(1_992)
    paths[1].write_bytes(data)
    with pytest.raises(ChangedDataError) as told:
        source.table.check(found.index)
    assert "a.parquet" not in str(told.value)
    assert str(told.value).count("restore") <= 1

"""Rows of one format, or of none, stand in for rows of another: the columns and their kinds count."""

from __future__ import annotations

import json
import sqlite3

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from PIL import Image

import stoker
from held_sources import Items, Streamed
from stoker.errors import ColumnError, OptionError


def frame_of(rows, first=0):
    count = np.arange(first, first + rows)
    return pd.DataFrame({"x": count % 7 + 0.5, "z": count * 2, "y": count % 2})


def text(frame, path, *, tab=False, **options):
    frame.to_csv(path, index=False, sep="\t" if tab else options.get("delimiter", ","))
    return {"paths": path, **options}


def json_lines(frame, path, **options):
    path.write_text("".join(json.dumps(row) + "\n" for row in frame.to_dict("records")))
    return {"paths": path, **options}


def sqlite(frame, path):
    with sqlite3.connect(path) as connection:
        frame.to_sql("t", connection, index=False)
    connection.close()
    return {"paths": f"sqlite://{path}", "query": "select * from t order by rowid"}


def written(write, frame, path):
    write(frame, path)
    return {"paths": path}


def arrays(frame, path):
    np.savez(path, **{name: frame[name].to_numpy() for name in frame})


WAYS = {
    "CSV": lambda frame, folder: text(frame, folder / "t.csv"),
    "TSV": lambda frame, folder: text(frame, folder / "t.tsv", tab=True),
    "CSV by another name": lambda frame, folder: text(frame, folder / "t.data", delimiter=";", format="csv"),
    "JSON Lines": lambda frame, folder: json_lines(frame, folder / "t.jsonl"),
    "JSON Lines by another name": lambda frame, folder: json_lines(frame, folder / "t.txt", format="jsonl"),
    "Parquet": lambda frame, folder: written(
        lambda rows, path: pq.write_table(pa.table(rows), path), frame, folder / "t.parquet"
    ),
    "Arrow": lambda frame, folder: written(feather.write_feather, frame, folder / "t.arrow"),
    "NumPy arrays": lambda frame, folder: written(arrays, frame, folder / "t.npz"),
    "a query": lambda frame, folder: sqlite(frame, folder / "t.db"),
    "a pandas frame": lambda frame, _: {"paths": frame},
    "an Arrow table": lambda frame, _: {"paths": pa.table(frame)},
    "a mapping": lambda frame, _: {"paths": {name: frame[name].to_numpy() for name in frame}},
}
FILES = tuple(WAYS)[:8]


def opened(way, frame, folder):
    folder.mkdir()
    return stoker.open(**WAYS[way](frame, folder), label="y")


def raw(feed):
    """Inputs and labels of the only batch."""
    (batch,) = feed.epoch(0)
    return np.column_stack([batch.x, batch.y]).tolist()


@pytest.mark.parametrize("known", WAYS)
def test_rows_to_validate_on_are_of_any_format_and_never_the_training_rows(tmp_path, known):
    feed = stoker.Feed(
        opened(known, frame_of(40), tmp_path / "train"), transform=stoker.Cast(), batch_size=64
    )
    later = frame_of(30, first=100)
    for number, way in enumerate(WAYS):
        valid = feed.derive(opened(way, later, tmp_path / f"valid{number}"))
        assert raw(valid) == later.to_numpy().tolist(), way
    feed.close()


UNOPENED = {
    "a pandas frame": lambda frame: frame.assign(note=[1, "a"] * (len(frame) // 2)),
    "a frame with its index": lambda frame: frame.set_index("z"),
    "a Polars frame": pl.DataFrame,
    "an Arrow table": pa.Table.from_pandas,
    "a stream": lambda frame: Streamed(pa.Table.from_pandas(frame)),
    "a stream that is read once": lambda frame: pa.Table.from_pandas(frame).to_reader(),
    "a mapping": lambda frame: {name: frame[name].to_numpy() for name in frame},
    "a list of mappings": lambda frame: frame.to_dict("records"),
    "a data set": lambda frame: Items(lambda row: frame.iloc[row].to_dict(), len(frame)),
}


@pytest.mark.parametrize("way", UNOPENED)
@pytest.mark.parametrize("known", ["CSV", "a pandas frame"])
def test_rows_that_another_library_holds_are_derived_from_as_they_are(tmp_path, known, way):
    feed = stoker.Feed(
        opened(known, frame_of(40), tmp_path / "train"), transform=stoker.Cast(), batch_size=64
    )
    later = frame_of(30, first=100)
    assert raw(feed.derive(UNOPENED[way](later))) == later.to_numpy().tolist()
    unlabelled = feed.derive(UNOPENED[way](later), label=False, keep=("y",))
    assert [batch.y for batch in unlabelled.epoch(0)] == [None]
    feed.close()


def test_what_lacks_a_column_or_its_names_is_refused_to_derive_from():
    feed = stoker.Feed(stoker.open(frame_of(40), label="y"), transform=stoker.Cast(), batch_size=64)
    with pytest.raises(ColumnError, match="'z' is absent"):
        feed.derive(frame_of(4).drop(columns="z"))
    with pytest.raises(OptionError, match=r"a tuple of arrays has no names .*'x': x, 'y': y"):
        feed.derive((np.ones((4, 2)), np.ones(4)))
    with pytest.raises(OptionError, match=r"rows\.collect\(\)"):
        feed.derive(pl.LazyFrame(frame_of(4)))


@pytest.mark.parametrize("known", WAYS)
def test_names_of_files_tell_their_format(tmp_path, known):
    source = opened(known, frame_of(40), tmp_path / "train")
    later = frame_of(5, first=100)
    for number, way in enumerate(FILES):
        folder = tmp_path / f"valid{number}"
        path = opened(way, later, folder).paths[0]
        if known != way and "by another name" in (known + way):
            continue  # a name that says nothing, and options that were said for such files
        found = source.like(path, with_label=True)
        assert (found.label, found.features, found.paths) == ("y", ("x", "z"), (path,)), way
        assert found.peek(9).num_rows == 5, way


def test_columns_that_are_absent_in_another_format_are_told(tmp_path):
    source = opened("CSV", frame_of(40), tmp_path / "train")
    path = json_lines(frame_of(5).drop(columns="z"), tmp_path / "t.jsonl")["paths"]
    with pytest.raises(ColumnError, match=r"t\.jsonl: the feature column 'z' is absent"):
        source.like(path, with_label=True)
    assert source.like(path.parent / "train" / "t.csv", with_label=False).label is None


@pytest.mark.parametrize("as_source", [False, True], ids=["named", "opened"])
@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a/1.png", "b/2.png"], "is a folder of images, whose columns are image, label, file"),
        (["a/1.txt", "b/2.txt"], "is a folder of texts, whose columns are text, label, file"),
        (["films.pos", "films.neg"], "is a file of texts, one a line, whose columns are text, label"),
    ],
)
def test_files_that_cannot_have_the_columns_of_a_table_are_refused_with_these(
    names, said, as_source, tmp_path
):
    source = opened("CSV", frame_of(20), tmp_path / "table")
    for name in names:
        path = tmp_path / "given" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("png"):
            Image.new("RGB", (4, 4)).save(path)
        else:
            path.write_text("words\n")
    given = tmp_path / "given"
    paths = [given / name for name in names] if "films.pos" in names else given
    feed = stoker.Feed(source, batch_size=4)
    with pytest.raises(ColumnError) as refused:
        feed.derive(stoker.open(paths) if as_source else paths)
    told = str(refused.value)
    assert told.startswith(str(given))
    assert f"{said}, and the columns to be read are 'x', 'z', 'y': give files that have them" in told

"""Folders of columns elsewhere are read as folders here: their files, and what their own folders tell."""

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stoker
from reading import column, dense, index_of
from stoker.errors import DataError, OptionError
from stoker.sources.remote import retrying
from stoker.sources.remote.pages import links_of
from stoker.survey import survey

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("own_cache")]

PARTS = {
    "year=2024/city=Rio%20Grande/b.parquet": [4, 5],
    "year=2023/city=Oslo/a.parquet": [1, 2, 3],
    "year=2024/city=__HIVE_DEFAULT_PARTITION__/a.parquet": [6],
}
HIDDEN = ("_SUCCESS", "_delta_log/0.json", "year=2024/.part.parquet.crc")


def packed(values, suffix: str = ".parquet") -> bytes:
    frame, sink = pa.table({"x": values, "y": [value % 2 for value in values]}), pa.BufferOutputStream()
    if suffix == ".parquet":
        pq.write_table(frame, sink)
    else:
        with pa.ipc.new_file(sink, frame.schema) as writer:
            writer.write_table(frame)
    return sink.getvalue().to_pybytes()


def listing(names: list[str]) -> bytes:
    """A folder's page, as Apache makes them."""
    lines = [f'<a href="{name}">{name}</a>' for name in names]
    return f'<html><a href="?C=M;O=A">Modified</a> <a href="/">up</a> {" ".join(lines)}</html>'.encode()


@pytest.fixture(params=["memory", "https"])
def folder(request, tmp_path, server):
    """Puts files into a folder elsewhere; gives its address."""

    def of_memory(files: dict[str, bytes]) -> str:
        base = f"memory://{tmp_path.name}/data/"
        for name, content in files.items():
            fsspec.filesystem("memory").pipe_file(base + name, content)
        return base

    def of_web(files: dict[str, bytes]) -> str:
        server.extra = {"Content-Type": "text/html"}
        pages: dict[str, dict[str, None]] = {"": {}}
        for name, content in files.items():
            quoted = name.replace("%", "%25").replace("=", "%3D")
            server.put(f"data/{quoted.replace('%3D', '=')}", content)
            *folders, last = quoted.split("/")
            for place, below in enumerate(folders):
                pages.setdefault("/".join([*folders[:place], ""]) if place else "", {})[f"{below}/"] = None
            pages.setdefault("/".join([*folders, ""]) if folders else "", {})[last] = None
        for place, names in pages.items():
            server.put(f"data/{place.replace('%3D', '=')}", listing(list(names)))
        return server.put("data/", listing(list(pages[""])))

    yield of_memory if request.param == "memory" else of_web
    if request.param == "memory":
        fsspec.filesystem("memory").rm(f"memory://{tmp_path.name}", recursive=True)


def rows_of(source) -> dict[str, list]:
    index, dtype = index_of(source)
    reader = source.reader(index, None, dtype)
    rows = reader.read(np.arange(index.num_records))
    numbers = dense(rows)
    found = {name: numbers[:, place].tolist() for place, name in enumerate(source.numeric_features)}
    found |= {name: column(rows, name) for name in source.text_features}
    reader.close()
    return found


def test_files_and_what_their_folders_tell_are_read(folder):
    url = folder({**{name: packed(values) for name, values in PARTS.items()}, **dict.fromkeys(HIDDEN, b"{}")})
    source = stoker.open(url, label="y")
    assert rows_of(source) == {
        "x": [1, 2, 3, 4, 5, 6],
        "year": [2023, 2023, 2023, 2024, 2024, 2024],
        "city": ["Oslo", "Oslo", "Oslo", "Rio Grande", "Rio Grande", ""],
    }
    assert survey(source, stored=False, texts="given").num_rows == 6
    assert stoker.open(url, label="y", where="year == 2023").table.num_rows == 3


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_files_are_in_bytewise_order(folder, suffix):
    url = folder(
        {f"{name}{suffix}": packed([value], suffix) for name, value in (("b", 2), ("Z", 1), ("c", 3))}
    )
    source = stoker.open(url, label="y")
    assert [path.removeprefix(url) for path in source.paths] == [f"{n}{suffix}" for n in ("Z", "b", "c")]
    assert rows_of(source) == {"x": [1, 2, 3]}
    again = source.like(url, with_label=True)
    assert rows_of(again) == {"x": [1, 2, 3]}


def test_patterns_are_matched_with_what_folders_tell(folder):
    url = folder({name: packed(values) for name, values in PARTS.items()})
    source = stoker.open(f"{url}year=2024/*/*.parquet", label="y")
    assert set(source.features) == {"x", "city"}
    assert sorted(rows_of(source)["x"]) == [4, 5, 6]


def test_folders_that_cannot_be_read_as_columns_are_told(folder):
    url = folder({"a.parquet": packed([1]), "b.csv": b"x,y\n1,2\n"})
    with pytest.raises(DataError, match=r"b\.csv stands among \.parquet files and is none by its suffix"):
        stoker.open(url, label="y")
    with pytest.raises(DataError, match="a folder's address ends with a slash"):
        stoker.open(url.rstrip("/"), label="y")
    with pytest.raises(OptionError, match="given twice"):
        stoker.open([f"{url}a.parquet", f"{url}*.parquet"], label="y")


def test_a_folder_that_is_not_there_is_told(folder):
    url = folder({"a.parquet": packed([1])})
    with pytest.raises(DataError, match="no such folder"):
        stoker.open(url.replace("/data/", "/none/"), label="y")


def test_a_page_links_to_other_places_too():
    page = '<a href="a%20b.csv"> <a HREF=sub/> <a href="sub/c.csv"> <a href="http://other/d.csv">'
    page += '<a href="e.csv#x"> <a href="/data/e.csv">'
    assert links_of("http://host/data/", page) == (["a%20b.csv", "e.csv"], ["sub"])
    assert links_of(
        "http://host/da%20ta/", '<a href="/da ta/a.csv"> <a href="../"> <a href="."> <a href="//[">'
    ) == (
        ["a.csv"],
        [],
    )


def test_a_page_that_trickles_is_given_up_within_what_its_bytes_may_take(server, monkeypatch):
    monkeypatch.setenv("STOKER_REMOTE_SECONDS", "0.2")
    monkeypatch.setattr(retrying, "ATTEMPTS", 2)
    server.extra = {"Content-Type": "text/html"}
    url = server.put("data/", listing([f"{place}.parquet" for place in range(9)]))
    server.always["data/"] = "drip"  # a byte each 0.1 s: never silent
    with pytest.raises(DataError, match=r"asking for the list failed 2 times .*\d bytes came in \d s"):
        stoker.open(url, label="y")

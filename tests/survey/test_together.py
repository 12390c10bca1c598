"""A survey by many is, byte for byte, the survey of one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stoker
from crews import Follower, Here, Leader
from property_examples import examples
from stoker.cluster import failed
from stoker.crew import engaged
from stoker.errors import BadRowError, ChangedDataError, DataError
from stoker.sources.access import not_read
from stoker.sources.byte_parts import byte_parts, byte_ranges, look_at
from stoker.sources.index_builder import IndexBuilder
from stoker.survey import survey, together

pytestmark = pytest.mark.timeout(120)
ROWS = 3 * 8_192 + 411


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(together, "_LEAST_PART_BYTES", 1 << 16)
    monkeypatch.setattr(together, "_ALONE_BYTES", 0)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    draw = np.random.default_rng(1)
    price = draw.lognormal(3, 3, ROWS)
    price[draw.random(ROWS) < 0.01] = np.nan
    return pa.table(
        {
            "id": draw.permutation(ROWS) + 7,
            "price": pa.array(price, from_pandas=True),
            "age": draw.integers(0, 90, ROWS),
            "note": [f"say '{word}'" for word in draw.choice(["a, b", "line\nbreak", "x"], ROWS)],
            "sold": draw.integers(0, 2, ROWS),
        }
    )


@pytest.fixture(scope="module", params=["csv", "jsonl", "parquet", "two"])
def paths(request: Any, table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp(request.param)
    path = folder / f"table.{request.param}"
    if request.param == "parquet":
        pq.write_table(table, path, row_group_size=5_000)
    elif request.param == "jsonl":
        path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in table.to_pylist()))
    elif request.param == "csv":
        table.to_pandas().to_csv(path, index=False)
    else:
        halves = [folder / "a.csv", folder / "b.csv"]
        for half, start in zip(halves, (0, ROWS // 3), strict=True):
            stop = ROWS if start else ROWS // 3
            table.slice(start, stop - start).to_pandas().to_csv(half, index=False)
        return halves
    return [path]


def opened(paths: list[Path]) -> stoker.Source:
    source = stoker.open([str(path) for path in paths], label="sold", types={"note": "text"})
    return source.split(0.7, seed=4)[0]


def facts(found: Any) -> list[Any]:
    """All that a survey found, to be compared bit for bit."""
    index = [getattr(found.index, name).tolist() for name in found.index.array_names()]
    learned = [found.statistics.state(), found.texts and found.texts.state()]
    counts = [found.counts, found.view_counts, found.num_slots, found.num_skipped, found.num_dropped]
    told = [problem.describe() for problem in found.problems]
    return [index, learned, counts, told, found.excluded.tolist(), str(found.dtype), found.data_digest]


OPTIONS: dict[str, Any] = {"stored": False, "na": {"price": "drop-row"}, "texts": "chosen", "workers": 0}


def test_what_many_find_is_what_one_finds(paths):
    alone = survey(opened(paths), **OPTIONS)
    crew = Leader(3)
    with engaged(crew):
        shared = survey(opened(paths), **OPTIONS)

    assert facts(shared) == facts(alone)
    done = [name for name, _ in crew.done]
    assert done.count("survey_part") > 4
    assert done.count("_measure") == 2
    with engaged(Follower(crew.answers)):
        assert facts(survey(opened(paths), **OPTIONS)) == facts(alone)


def test_what_is_stored_is_the_same_file(paths):
    records = []
    for crew in (None, Here()):
        for path in (paths[0].parent / ".stoker").glob("*/survey.json"):
            path.unlink()
        with nullcontext() if crew is None else engaged(crew):
            survey(opened(paths), **OPTIONS | {"stored": True})
        (stored,) = (paths[0].parent / ".stoker").glob("*/survey.json")
        records.append(stored.read_bytes())
    assert records[0] == records[1]


def test_errors_are_told_as_one_tells_them(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("a,b,y\n" + "1,2,0\n3,x,1\n" * 40_000)
    said = []
    for crew in (None, Here()):
        source = stoker.open(path, label="y", types={"b": "int"})
        with nullcontext() if crew is None else engaged(crew), pytest.raises(BadRowError) as found:
            survey(source, stored=False)
        said.append(str(found.value))
    assert said[0] == said[1]


def test_small_files_are_surveyed_by_the_one_that_leads(paths, monkeypatch):
    monkeypatch.setattr(together, "_ALONE_BYTES", 1 << 30)
    crew = Leader()
    with engaged(crew):
        survey(opened(paths), **OPTIONS)
    assert crew.done == []
    with engaged(Follower(crew.answers)):
        survey(opened(paths), **OPTIONS)


def test_a_file_that_is_another_elsewhere_is_told(paths):
    crew = Leader()
    with engaged(crew):
        survey(opened(paths), **OPTIONS)
    found = crew.answers[0][0]
    files = [msgspec.structs.replace(file, size=file.size + 1) for file in found.record.files]
    object.__setattr__(found, "record", msgspec.structs.replace(found.record, files=files))
    with pytest.raises(ChangedDataError, match="where it was surveyed"), engaged(Follower(crew.answers)):
        survey(opened(paths), **OPTIONS)


class Unseeing(Here):
    """A crew of a machine that lacks the files."""

    def each(self, function: Any, tasks: Any, common: Any) -> Iterator[Any]:
        if function.__name__ == "survey_part":
            absent = FileNotFoundError(2, "")
            told = not_read("t.csv", absent)
            told.__cause__ = absent
            failed(told, "there").taken()
        yield from super().each(function, tasks, common)


def test_files_that_one_machine_lacks_are_told_and_not_surveyed_by_one(paths):
    said = rf"^as seen by host {socket.gethostname()}: t.csv: cannot be read \(No such file or directory\)"
    with engaged(Unseeing()), pytest.raises(DataError, match=said):
        survey(opened(paths), stored=False)


fields = st.one_of(
    st.text("ab", max_size=9),
    st.text('ab\n,"', max_size=9).map(lambda text: '"' + text.replace('"', '""') + '"'),
)


@settings(max_examples=examples(40), deadline=None)
@given(
    rows=st.lists(st.tuples(fields, fields), min_size=1, max_size=60),
    repeated=st.integers(1, 40),
    long=st.integers(0, 6_000),
    end=st.sampled_from(["\n", "\r\n", "\n\n", "\r"]),
    target=st.integers(200, 6_000),
)
def test_segments_are_found_part_by_part(tmp_path_factory, rows, repeated, long, end, target):
    path = tmp_path_factory.mktemp("parts") / "t.csv"
    lines = (
        [f"{a},{b},1" for a, b in rows] * repeated + [f"{'c' * long},d,0"] + [f"{a},{b},0" for a, b in rows]
    )
    path.write_bytes(("a,b,y" + end + end.join(lines) + end).encode())
    source = stoker.open(path, label="y", types={"a": "text", "b": "text"}, quote='"', delimiter=",")
    builder = IndexBuilder()
    for chunk in source.chunks(1 << 20):
        builder.add(chunk, chunk.checksums())
    index = builder.finish(source.places, [path.stat().st_size])
    ranges = byte_ranges(source.table, target)

    looked = [look_at(source.table, each) for each in ranges]
    parts = list(byte_parts(source.table, ranges, looked, lambda wanted: look_at(source.table, wanted)))

    places = np.searchsorted(index.anchor_offsets, [part.start for part in parts])
    assert index.anchor_offsets[places].tolist() == [part.start for part in parts]
    assert index.anchor_rows[places].tolist() == [part.first_row for part in parts]
    assert sum(part.num_rows for part in parts) == index.num_records
    assert [part.stop for part in parts] == [*(part.start for part in parts[1:]), path.stat().st_size]

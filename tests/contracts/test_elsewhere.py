"""Sources given by a relative path are those of the folder where they were opened, wherever one goes."""

from __future__ import annotations

import copy
import gzip
import json
import os
import shutil
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from test_sources import expected_of

import stoker
from reading import dense, index_of
from stoker.errors import DataError
from stoker.given import GivenPath, given, located
from written_sources import FILES, WRITTEN

ROWS = 60


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for rows in ("NUM_ROWS", "NUM_FILES"):
        monkeypatch.setattr(f"written_sources.{rows}", ROWS)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_first_read_when_the_process_has_gone_elsewhere_is_there(name, elsewhere):
    source = WRITTEN[name](Path())
    given_names = source.paths
    os.chdir(elsewhere)
    index, dtype = index_of(source)
    matrix, columns = expected_of(source, dtype)
    with closing(source.reader(index, dtype=dtype)) as reader:
        rows = reader.read(np.arange(ROWS))
    assert np.array_equal(dense(rows), matrix)
    assert set(rows.columns) == set(columns)
    if name in FILES:
        source.table.check(index)
        assert source.like(source.places, with_label=True).identity() == source.identity()
    assert os.listdir() == []
    assert source.paths == given_names
    assert all(type(path) is str and not os.path.isabs(path) for path in given_names)


@pytest.mark.parametrize("name", FILES)
def test_what_is_gone_is_told_by_the_name_that_was_given(name, elsewhere):
    source = WRITTEN[name](Path())
    os.chdir(elsewhere)
    for path in source.places:
        place = located(path)
        shutil.rmtree(place) if os.path.isdir(place) else os.unlink(place)
    with pytest.raises(DataError) as told:
        index_of(source)
    assert str(told.value).startswith(source.paths[0])


def test_a_feed_trains_on_the_file_that_was_given(elsewhere):
    text = "y,a,b\n" + "".join(f"{row % 2},{row},{row / 4}\n" for row in range(ROWS))
    (elsewhere.parent / "rows.csv.gz").write_bytes(gzip.compress(text.encode()))
    feed = stoker.Feed(stoker.open("rows.csv.gz", label="y"), batch_size=16, cache="never", workers=0)
    os.chdir(elsewhere)
    assert sum(len(batch.y) for batch in feed.epoch(0)) == ROWS
    assert feed.survey.paths == ("rows.csv.gz",)
    feed.close()
    assert os.listdir() == []
    assert (elsewhere.parent / ".stoker").is_dir()


def test_a_path_that_was_given_is_the_text_that_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = given("a.csv")
    assert (path, str(path), f"{path}", json.dumps([path])) == ("a.csv", "a.csv", "a.csv", '["a.csv"]')
    assert located(copy.deepcopy(path)) == str(tmp_path / "a.csv")
    assert given(GivenPath("a.csv", "/there")).folder == "/there"

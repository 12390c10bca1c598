"""What one pass tells of good data, whatever the chunks, the workers and the view."""

from __future__ import annotations

import csv
import gc
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import stoker
from stoker.errors import DataError, OptionError
from stoker.ledger import Ledger
from stoker.survey import ColumnProblem, Survey, passing, scan, survey
from stoker.survey.problems import Kind

NUM_ROWS = 4_321


@pytest.fixture
def table(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A label of three classes beside five columns, of which one needs int32 from row 3,000 on."""
    rng = np.random.default_rng(5)
    values = rng.integers(0, 200, (NUM_ROWS, 6))
    values[:, 0] = rng.integers(-1, 2, NUM_ROWS)
    values[3_000:, 3] *= 1_000
    path = tmp_path / "table.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["y", "a", "b", "c", "d", "e"])
        writer.writerows(values.tolist())
    return path, values


def look(path: Path, **options) -> Survey:
    return survey(stoker.open(path, label="y"), stored=False, **options)


def matrix_of(found: Survey) -> np.ndarray:
    rows = found.reader().read(np.arange(found.num_slots))
    return rows.matrix.values.reshape(-1, len(rows.features))[rows.places(np.arange(rows.num_rows))]


def test_it_tells_rows_labels_and_statistics(table):
    path, values = table
    found = look(path)
    assert found.num_slots == found.num_rows == NUM_ROWS
    assert found.num_bytes == path.stat().st_size
    assert found.dtype == np.int32
    assert found.labels.classes == (-1, 0, 1)
    assert found.labels.counts == tuple(np.bincount(values[:, 0] + 1).tolist())
    assert (found.labels.minimum, found.labels.maximum) == (-1, 1)
    np.testing.assert_allclose(found.statistics.mean, values[:, 1:].mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.statistics.std, values[:, 1:].std(0), rtol=1e-12)
    assert found.problems == ()
    assert found.seconds > 0


def test_rows_are_the_same_from_memory_and_from_the_file(table):
    path, values = table
    kept, raw = look(path, keep_bytes=1 << 20), look(path)
    assert kept.kept is not None
    assert raw.kept is None
    for found in (kept, raw):
        matrix = matrix_of(found)
        assert matrix.dtype == np.int32
        np.testing.assert_array_equal(matrix, values[:, 1:])


def test_rows_are_kept_only_where_all_of_them_fit(table):
    path, _ = table
    size = NUM_ROWS * (5 * 4 + 8)
    assert look(path, keep_bytes=size).kept.num_bytes == size
    assert look(path, keep_bytes=size - 1).kept is None


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_and_chunks_change_nothing(table, monkeypatch, workers):
    path, _ = table
    train, _ = stoker.open(path, label="y").split(0.7, seed=3)
    expected = survey(train, stored=False)
    monkeypatch.setattr(scan, "CHUNK_BYTES", 1 << 14)
    found = survey(train, stored=False, workers=workers)
    assert found.statistics.state() == expected.statistics.state()
    assert (found.labels, found.view_labels) == (expected.labels, expected.view_labels)
    assert found.data_digest == expected.data_digest
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.index.anchor_offsets, expected.index.anchor_offsets)


VIEWS = {
    "split": lambda rows: rows.split(0.7, seed=3)[0],
    "other part": lambda rows: rows.split(0.7, seed=3)[1],
    "split twice": lambda rows: rows.split(0.9, seed=3)[0].split(0.2, seed=4)[1],
    "sparse split": lambda rows: rows.split(0.0004, seed=3)[1].take(range(99)),
    "hardly any row": lambda rows: rows.split(0.0026, seed=3)[0].split(0.5, seed=1)[0],
    "shard": lambda rows: rows.shard(1, 3),
    "shard of a split": lambda rows: rows.split(0.5, seed=1)[0].shard(0, 2),
    "take": lambda rows: rows.take([5, 17, 3_999, 4_320]),
    "split of taken": lambda rows: rows.take(np.arange(0, 4_000, 3)).split(0.5, seed=2)[0],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_statistics_and_view_labels_are_of_the_view(table, monkeypatch, view):
    path, values = table
    monkeypatch.setattr(scan, "CHUNK_BYTES", 1 << 14)
    found = survey(view(stoker.open(path, label="y")), stored=False)
    inside = values[found.view.ids(0, found.view.num_rows)]
    assert found.num_rows == len(inside) < NUM_ROWS
    np.testing.assert_allclose(found.statistics.mean, inside[:, 1:].mean(0), rtol=1e-12)
    assert found.view_labels.num_rows == len(inside)
    classes, counts = np.unique(inside[:, 0], return_counts=True)
    assert found.view_labels.classes == tuple(classes.tolist())
    assert found.view_labels.counts == tuple(counts.tolist())
    assert found.labels.num_rows == NUM_ROWS


def test_progress_comes_in_bytes_and_ends_with_all_of_them(table, monkeypatch):
    path, _ = table
    monkeypatch.setattr(scan, "CHUNK_BYTES", 1 << 14)
    seen = []
    look(path, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert len(seen) > 3
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)


def test_memory_in_flight_is_charged_and_bounded(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("y,a\n" + "".join(f"{row % 2},{row % 250}\n" for row in range(400_000)))
    ledger = Ledger(limit=4_000_000)
    found = look(path, ledger=ledger)
    assert 100_000 < ledger.peak < 2_000_000
    assert ledger.current == 3 * found.index.anchor_rows.nbytes
    del found
    gc.collect()
    assert ledger.current == 0


def test_kept_rows_stay_charged_until_they_are_let_go(table):
    path, _ = table
    ledger = Ledger(limit=1 << 30)
    found = look(path, ledger=ledger, keep_bytes=1 << 20)
    assert ledger.current == found.kept.num_bytes + 3 * found.index.anchor_rows.nbytes
    found.reader().close()
    assert found.reader().read(np.array([1])).num_rows == 1
    del found
    gc.collect()
    assert ledger.current == 0


def test_several_files_are_one_table(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,0\n2,1\n")
    (tmp_path / "b.csv").write_text("y,x\n0,300\n1,4\n1,5")
    found = survey(stoker.open([tmp_path / "a.csv", tmp_path / "b.csv"], label="y"), stored=False)
    assert found.num_slots == 5
    assert matrix_of(found)[:, 0].tolist() == [1, 2, 300, 4, 5]
    assert [file.name for file in found.files] == ["a.csv", "b.csv"]
    assert found.labels.counts == (2, 3)


def test_copies_of_a_file_are_the_same_data(tmp_path):
    digests = []
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "t.csv").write_text("x,y\n1,0\n2,1\n")
        digests.append(look(tmp_path / folder / "t.csv").data_digest)
    (tmp_path / "here" / "t.csv").write_text("x,y\n1,0\n3,1\n")
    assert digests[0] == digests[1] != look(tmp_path / "here" / "t.csv").data_digest


def test_text_labels_are_counted_in_bytewise_order(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1,zebra\n2,Ape\n3,äpfel\n4,ape\n5,Ape\n")
    found = look(path, keep_bytes=1_000)
    assert found.labels.classes == ("Ape", "ape", "zebra", "äpfel")
    assert found.labels.counts == (2, 1, 1, 1)
    assert found.labels.majority == ("Ape", 0.4)
    rows = found.reader().read(np.array([1, 4]))
    assert rows.columns["y"].take(rows.places(np.arange(2))).to_pylist() == ["Ape", "Ape"]


def test_rows_without_a_label_are_surveyed_to_predict_on(tmp_path):
    (tmp_path / "t.csv").write_text("x\n7\n7\n")
    found = survey(stoker.open(tmp_path / "t.csv"), role="predict", stored=False)
    assert (found.num_rows, found.labels, found.view_labels, found.problems) == (2, None, None, ())


def test_an_empty_view_is_refused(table):
    path, _ = table
    with pytest.raises(DataError, match="no row is left to use of 4,321"):
        survey(stoker.open(path, label="y").take([]), stored=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"na": "median"}, "na must be one of error, mean, zero, drop-row, got 'median'"),
        ({"na": {"a": "most"}}, "got 'most' for the column 'a'"),
        ({"na": {"aa": "mean"}}, "na names the column 'aa', which is not used; did you mean 'a'?"),
        ({"on_bad_row": "ignore"}, "on_bad_row must be error, skip or quarantine, got 'ignore'"),
        ({"max_bad_rows": 3}, 'max_bad_rows has no effect with on_bad_row="error"'),
        ({"max_bad_rows": -1, "on_bad_row": "skip"}, "max_bad_rows must be 0 or more, got -1"),
        ({"role": "test"}, "role must be train, valid, predict, convert or inspect, got 'test'"),
    ],
)
def test_options_that_cannot_be_are_refused(table, options, message):
    with pytest.raises(OptionError) as error:
        look(table[0], **options)
    assert message in str(error.value)


def test_the_index_of_large_files_grows_on_disk_and_is_the_same(table, monkeypatch):
    path, values = table
    expected = look(path)
    monkeypatch.setattr(passing, "_INDEX_IN_MEMORY", 0)
    found = look(path)
    np.testing.assert_array_equal(found.index.checksums, expected.index.checksums)
    np.testing.assert_array_equal(found.index.anchor_rows, expected.index.anchor_rows)
    np.testing.assert_array_equal(matrix_of(found), values[:, 1:])
    assert [kept.name for kept in (path.parent / ".stoker").iterdir()] == [".gitignore"]


def test_a_message_for_each_kind_of_problem_reads_well():
    for kind in get_args(Kind):
        for count in (1, 2):
            said = ColumnProblem(column="a", kind=kind, count=count).describe()
            assert said.startswith(f"column 'a': {count} ")


def test_many_rows_to_leave_out_are_kept_on_disk(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "y,a\n" + "".join(f"{row % 2},{'x' if row % 4 == 3 else row % 90}\n" for row in range(20_000))
    )
    source = stoker.open(path, label="y", types={"a": "int"})
    found = survey(source, on_bad_row="skip", stored=False, ledger=Ledger(limit=1_000_000))
    assert isinstance(found.excluded, np.memmap)
    np.testing.assert_array_equal(found.excluded, np.arange(3, 20_000, 4))
    assert found.num_rows == 15_000

import csv
import hashlib

import numpy as np
import pytest

from stoker.datasets import read_digits, write_digits
from stoker.errors import OptionError


def _table(path):
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, np.array(rows, int)


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("digits"), rows=10_000)


def test_the_package_holds_every_original():
    images, labels = read_digits()
    assert images.shape == (1797, 64)
    assert images.max() == 16
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_training_file_has_a_header_and_the_rows_asked_for(digits):
    header, rows = _table(digits.train)
    assert header == ["label", *(f"pixel{place}" for place in range(64))]
    assert rows.shape == (10_000, 65)
    assert rows[:, 1:].min() == 0
    assert rows[:, 1:].max() == 16
    assert set(rows[:, 0]) == set(range(10))


def test_the_held_out_rows_are_originals_with_and_without_their_label(digits):
    images, labels = read_digits()
    originals = {(int(label), *image.tolist()) for label, image in zip(labels, images, strict=True)}
    _, valid = _table(digits.valid)
    header, unlabelled = _table(digits.unlabelled)
    assert len(valid) == 360
    assert all(tuple(row.tolist()) in originals for row in valid)
    assert header[0] == "pixel0"
    assert np.array_equal(unlabelled, valid[:, 1:])


def test_every_training_row_is_a_near_copy_of_an_original_that_is_not_held_out(digits):
    images, labels = read_digits()
    _, valid = _table(digits.valid)
    held_out = {tuple(row.tolist()) for row in valid}
    kept = np.array([(label, *image) not in held_out for label, image in zip(labels, images, strict=True)])
    padded = np.pad(images.reshape(-1, 8, 8).astype(int), ((0, 0), (1, 1), (1, 1)))
    corners = ((1, 1), (2, 1), (1, 2), (1, 0), (0, 1))
    moved = np.stack(
        [padded[:, top : top + 8, left : left + 8].reshape(-1, 64) for top, left in corners], axis=1
    )
    _, rows = _table(digits.train)
    for row in rows[:300]:
        near = (np.abs(moved - row[1:]) <= 1).all(axis=2).any(axis=1) & (labels == row[0])
        assert (near & kept).any()


def test_the_bytes_are_pinned_so_that_no_version_changes_them(tmp_path):
    files = write_digits(tmp_path, rows=1000, seed=7)
    assert _digest(files.train) == "bba3100304f31e4c25b6cfa894df4d6e52377e5906b7a4df2a12fdc7298cece4"
    assert _digest(files.valid) == "96313e5d018dfcde44381379ff6ccb721881fbc03aa3187b3656ee84c9d1e033"
    assert _digest(files.unlabelled) == "234f4ce38a3de299bd94fa208a2014490557be287ac34d8921e88c2c520664bf"


def test_fewer_rows_are_the_beginning_of_more(tmp_path, digits):
    fewer = write_digits(tmp_path, rows=100).train.read_bytes()
    assert digits.train.read_bytes().startswith(fewer)


def test_another_seed_makes_other_files(tmp_path, digits):
    other = write_digits(tmp_path, rows=100, seed=8)
    assert _digest(other.valid) != _digest(digits.valid)


def test_nothing_but_the_three_files_is_left(tmp_path):
    write_digits(tmp_path / "new", rows=10)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "digits-valid.csv",
        "digits.csv",
        "unlabelled.csv",
    ]


def test_no_rows_are_refused(tmp_path):
    with pytest.raises(OptionError, match="rows must be at least 1, got 0"):
        write_digits(tmp_path, rows=0)


def test_a_negative_seed_is_refused(tmp_path):
    with pytest.raises(OptionError, match="seed must lie in"):
        write_digits(tmp_path, seed=-1)

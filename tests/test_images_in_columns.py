"""What is no image in a column of images is a bad row: told before training, skipped, or quarantined."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

import stoker
from pictures import encode
from stoker.choosing import Automatic
from stoker.cli import main
from stoker.errors import BadRowError

pytestmark = pytest.mark.timeout(120)

BAD = {17: b"", 20: b"no image", 41: encode(16, 12)[:-20], 42: None}
WHY = {
    17: "it is empty",
    20: "it begins with 'no image'",
    41: "it ends early, after 557 bytes",
    42: "it is empty",
}
GOOD = [row for row in range(48) if row not in BAD]


def table(bad=BAD) -> pa.Table:
    """48 pictures, some of them none, beside a number."""
    photos = [bad.get(row, encode(16, 12, seed=row)) for row in range(48)]
    places = np.arange(48)
    kinds = np.array(["day", "night"])[places % 2]
    return pa.table({"photo": photos, "place": places / 2, "kind": kinds})


@pytest.fixture(params=["parquet", "feather", "table"])
def opened(request, tmp_path):
    """Opens the pictures, in one of several forms."""

    def in_form(**options):
        if request.param == "table":
            return stoker.open(table(), label="kind", **options)
        path = tmp_path / f"t.{request.param}"
        if request.param == "parquet":
            pq.write_table(table(), path, row_group_size=9)
        else:
            feather.write_feather(table(), path)
        return stoker.open(path, label="kind", **options)

    return in_form


WAYS = {
    "alone": ({"columns": ["photo"]}, None),
    "alone, with a transform": ({"columns": ["photo"]}, stoker.Image((6, 6))),
    "given": ({}, stoker.Columns({"photo": stoker.Image(), "place": stoker.Standardize()})),
    "chosen": ({}, "auto"),
    "asked for": ({}, Automatic({"photo": "image"})),
}


@pytest.mark.parametrize("way", WAYS)
def test_rows_without_an_image_are_told_before_training_or_left_out(opened, way):
    options, transform = WAYS[way]
    with pytest.raises(BadRowError, match=r"'photo': 4 values that are no images, .*\(row 17\).*it is empty"):
        stoker.Feed(opened(**options), transform=transform).prepare()
    feed = stoker.Feed(opened(**options), transform=transform, shuffle=False, on_bad_row="skip")
    (batch,) = feed.epoch(0)
    assert batch.ids.tolist() == GOOD
    pictures = batch.x if isinstance(batch.x, np.ndarray) else batch.x["photo"]
    assert pictures.shape[0] == len(GOOD)
    assert pictures.ndim == 4


def test_they_are_written_down_with_what_is_wrong(opened, tmp_path):
    path = tmp_path / "bad.csv"
    feed = stoker.Feed(opened(), transform="auto", on_bad_row="quarantine", quarantine=path)
    feed.prepare()
    with path.open(newline="") as file:
        found = {int(row["row"]): row for row in csv.DictReader(file)}
    assert list(found) == list(BAD)
    assert all(found[row]["column"] == "photo" and why in str(found[row]) for row, why in WHY.items())


def test_bytes_that_are_none_or_unwanted_make_no_row_a_bad_one(opened):
    for word in ("drop", "image"):
        feed = stoker.Feed(opened(), transform=Automatic({"photo": word}), on_bad_row="skip")
        assert feed.num_rows == (48 if word == "drop" else len(GOOD))
    few = table({row: b"raw" for row in range(48) if row != 3})
    feed = stoker.Feed(stoker.open(few, label="kind"), transform="auto").prepare()
    assert (feed.num_rows, feed.stage.choices[-1].transform) == (48, "drop")


def test_rows_that_are_read_but_once_are_not_looked_at_before(opened):
    made = stoker.open(table({}).to_reader(), label="kind")
    assert stoker.Feed(made, transform="auto").prepare().spec.inputs[1].name == "photo"


@pytest.mark.slow
def test_a_run_keeps_to_it_wherever_it_reads_other_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pq.write_table(table(), "t.parquet", row_group_size=9)
    train = ["train", "t.parquet", "--label", "kind", "--run", "r", "--epochs", "1", "--image-size", "4"]
    assert main([*train, "--on-bad-row", "skip", "--quiet"]) == 0
    assert main(["verify", "r"]) == 0
    assert main(["evaluate", "r", "t.parquet", "--on-bad-row", "skip"]) == 0
    capsys.readouterr()
    assert main(["predict", "r", "t.parquet", "-o", "out.csv", "--keep", "place"]) == 0
    assert "4 rows cannot be scored and have no answer, first t.parquet, row 17" in capsys.readouterr().err
    with Path("out.csv").open(newline="") as file:
        blank = [place for place, row in enumerate(csv.DictReader(file)) if not row["prediction"]]
    assert blank == list(BAD)

"""``stoker`` on folders of images: no flag is needed, and each file counts."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pictures import encode, write_classes
from stoker.cli import main
from stoker.rundir import RunDirectory

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def photos(here: Path) -> str:
    write_classes(here / "photos", 24)
    return "photos"


@pytest.mark.slow
def test_a_folder_of_images_trains_without_a_flag_and_answers(photos: str, here: Path, capsys):
    (here / "new").mkdir()
    for name in ("day", "night"):
        (here / "new" / f"{name}.jpg").write_bytes((here / photos / name / "003.png").read_bytes())
    (here / "new" / "torn.png").write_bytes(encode(16, 12)[:50])
    assert main(["train", photos, "--run", "r", "--epochs", "1"]) == 0
    said = capsys.readouterr().err
    assert "images    image: all 16 × 12 · PNG → 16 × 12, colours (--image-size)" in said
    record = RunDirectory("r").read()
    assert (record.spec.input_shape, record.plan.order.batch_size) == ((12, 16, 3), 32)
    assert main(["evaluate", "r", photos, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 48
    assert main(["predict", "r", "new", "-o", "out.csv", "--keep", "file"]) == 0
    assert (
        "1 row cannot be scored and has no answer, first new/torn.png: column 'image'"
        in capsys.readouterr().err
    )
    answers = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    assert [row["file"] for row in answers] == ["day.jpg", "night.jpg", "torn.png"]
    assert [bool(row["prediction"]) for row in answers] == [True, True, False]
    assert main(["predict", "r", "new/night.jpg", "new/day.jpg", "-o", "two.csv", "--keep", "file"]) == 0
    two = list(csv.DictReader(Path("two.csv").read_text().splitlines()))
    assert two == [answers[1], answers[0]]


def test_a_plan_tells_the_sizes(photos: str, here: Path, capsys):
    (here / photos / "day" / "other.jpg").write_bytes(encode(40, 30, "JPEG"))
    assert main(["plan", photos, "--image-size", "6x9", "--batch-size", "16"]) == 0
    said = capsys.readouterr().out
    assert (
        "image: 48 of 16 × 12, 1 of 40 × 30; 16 × 12 in the middle · 48 PNG, 1 JPEG → 9 × 6, colours" in said
    )


def test_images_are_looked_into(photos: str, capsys):
    assert main(["inspect", photos]) == 0
    said = capsys.readouterr().out
    assert "images    image: all 16 × 12 · PNG" in said
    assert "night" in said
    assert "columns" not in said
    assert main(["inspect", photos, "--json"]) == 0
    (image,) = json.loads(capsys.readouterr().out)["images"]
    assert (image["num_images"], image["sizes"], image["formats"]) == (48, [[16, 12, 48]], {"PNG": 48})


def test_images_among_other_columns_are_found(here: Path, capsys):
    files = [encode(9, 7, seed=row) for row in range(60)]
    columns = {
        "photo": files,
        "raw": [b"x%d" % row for row in range(60)],
        "kind": ["ab"[row % 2] for row in range(60)],
    }
    pq.write_table(pa.table({**columns, "size": np.arange(60) % 7 / 2}), "table.parquet")
    assert main(["plan", "table.parquet", "--label", "kind", "--image-size", "4"]) == 0
    said = capsys.readouterr().out
    assert "input     photo → image: all 9 × 7 · PNG" in said
    assert "photo: all 9 × 7 · PNG → 4 × 4, colours" in said
    assert "left out  raw: bytes, of which no input is made" in said
    assert "input     size → standardize" in said
    assert "of 32 rows an epoch" in said


@pytest.mark.parametrize("flags", [[], ["--drop", "raw"], ["--transform", "raw=drop"]])
def test_bytes_that_are_left_out_make_no_small_batches(here: Path, capsys, flags):
    columns = {"raw": [b"x"] * 600, "size": np.arange(600) % 7 / 2, "y": np.arange(600) % 2}
    pq.write_table(pa.table(columns), "table.parquet")
    assert main(["plan", "table.parquet", "--label", "y", *flags]) == 0
    assert "of 256 rows an epoch" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--image-size", "8y"], "takes a height and a width such as 96x128"),
        (["--image-size", "0x4"], "takes a height and a width"),
        (["--model", "mlp"], "--model mlp does not learn from images: leave it out, or say cnn"),
        (["--transform", "image=drop"], "--transform has no effect on images alone"),
        (["--vectorizer", "ngram"], "--vectorizer has no effect"),
        (["--na", "mean"], "--na mean has no effect on images"),
    ],
)
def test_flags_without_effect_are_refused(photos: str, capsys, flags, said):
    assert main(["plan", photos, *flags]) == 2
    assert said in capsys.readouterr().err


def test_image_flags_without_images_are_refused(here: Path, capsys):
    Path("t.csv").write_text("x,y\n1,0\n2,1\n")
    for flags, said in (
        (["--image-size", "8"], "no column holds images"),
        (["--model", "cnn"], "learns from images alone"),
    ):
        assert main(["plan", "t.csv", "--label", "y", *flags]) == 2
        assert said in capsys.readouterr().err

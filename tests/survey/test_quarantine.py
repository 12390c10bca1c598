"""Bad rows are left out as under skip, and written to a file with their place, reason and text."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import stoker
from stoker.errors import BadRowError, OptionError, RunError
from stoker.survey.quarantine import FIELDS

TABLE = 'x,y,label\n1,2,a\nnone,"two\nlines",b\n3,4,a\n5,6\n7,8,\n,9,b\n\n10,1e999,a\n11,12,b\n'


def quarantined(path):
    with open(path, newline="", encoding="utf-8") as file:
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in file]
        return list(csv.DictReader(file))


def feed_of(path, **options):
    options = {"on_bad_row": "quarantine", "na": "drop-row", "batch_size": 2, "memory": "32MB"} | options
    return stoker.Feed(stoker.open(path, label="label", types={"y": "float", "x": "int"}), **options)


@pytest.fixture
def table(tmp_path):
    (tmp_path / "t.csv").write_text(TABLE)
    return tmp_path / "t.csv"


@pytest.mark.parametrize("name", ["bad.csv", "bad.jsonl"])
def test_bad_rows_are_written_with_place_reason_and_text(table, tmp_path, name):
    feed_of(table, quarantine=tmp_path / name).prepare()
    rows = quarantined(tmp_path / name)
    assert [tuple(row) for row in rows] == [FIELDS] * 4
    assert [(int(row["line"]), int(row["row"]), row["column"]) for row in rows] == [
        (3, 1, "x"),
        (6, 3, ""),
        (7, 4, "label"),
        (10, 6, "y"),
    ]
    assert {row["file"] for row in rows} == {str(table)}
    assert [row["text"] for row in rows] == ['none,"two\nlines",b', "5,6", "7,8,", "10,1e999,a"]
    assert rows[0]["reason"] == (
        "column 'x' holds 'none', which is not a number; "
        "column 'y' holds 'two\\nlines', which is not a number"
    )
    assert "2 fields instead of 3" in rows[1]["reason"]
    assert "blank" in rows[2]["reason"]


def test_the_order_is_that_of_skip(table, tmp_path):
    one, two = feed_of(table, quarantine=tmp_path / "bad.csv"), feed_of(table, on_bad_row="skip")
    assert one.plan.order == two.plan.order
    pairs = zip(one.epoch(1), two.epoch(1), strict=True)
    assert all(np.array_equal(left.ids, right.ids) for left, right in pairs)


def test_what_is_read_for_it_is_in_the_ledger(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("x,y,label\n" + f"none,{'1' * 60},a\n1,2,b\n3,4,a\n" * 8_000)
    feed = feed_of(path, quarantine=tmp_path / "bad.csv", memory="8MB", cache="never").prepare()
    assert len(quarantined(tmp_path / "bad.csv")) == 8_000
    assert 0 < feed.ledger.peaks_by_kind["finding"] <= feed.ledger.limit // 8
    assert feed.ledger.held("finding") == 0
    assert feed.ledger.peak <= feed.ledger.limit


def test_more_than_max_bad_rows_are_an_error(table, tmp_path):
    with pytest.raises(BadRowError, match="at most 2 may be skipped"):
        feed_of(table, quarantine=tmp_path / "bad.csv", max_bad_rows=2).prepare()
    assert feed_of(table, quarantine=tmp_path / "bad.csv", max_bad_rows=3).num_rows == 3


def test_rows_of_validation_files_come_behind_those_of_training(table, tmp_path):
    other = tmp_path / "valid.csv"
    other.write_text("x,y,label\n1,2,a\nthree,4,b\n")
    feed = feed_of(table, quarantine=tmp_path / "bad.csv")
    feed.derive(other)
    feed.derive(other)
    assert [row["file"] for row in quarantined(tmp_path / "bad.csv")] == [str(table)] * 4 + [str(other)]


def test_without_bad_rows_the_file_has_its_header_alone(tmp_path):
    (tmp_path / "good.csv").write_text("x,y,label\n1,2,a\n3,4,b\n5,6,a\n")
    feed_of(tmp_path / "good.csv", quarantine=tmp_path / "bad.csv").prepare()
    assert (tmp_path / "bad.csv").read_text() == ",".join(FIELDS) + "\n"


def test_bytes_that_are_no_text_are_told_by_escapes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"x,y,label\n1,2,a\n3,4,b\xff\n5,6,b\n")
    feed_of(path, quarantine=tmp_path / "bad.csv").prepare()
    assert [row["text"] for row in quarantined(tmp_path / "bad.csv")] == [r"3,4,b\xff"]


def test_only_a_file_of_quarantined_rows_is_replaced(table, tmp_path):
    for name in ("bad.csv", "bad.jsonl"):
        feed_of(table, quarantine=tmp_path / name).prepare()
        feed_of(table, quarantine=tmp_path / name).prepare()
        (tmp_path / name).write_text('{"mine": 1}\n')
        with pytest.raises(OptionError, match="is there already and holds no rows"):
            feed_of(table, quarantine=tmp_path / name)
    with pytest.raises(OptionError, match=r"ends in \.csv or \.jsonl"):
        feed_of(table, quarantine="bad.txt")


def test_a_quarantine_that_could_not_be_is_refused(table, tmp_path):
    with pytest.raises(OptionError, match="has no effect"):
        feed_of(table, on_bad_row="skip", quarantine=tmp_path / "bad.csv")
    feed = feed_of(table)
    with pytest.raises(OptionError, match="needs a file"):
        feed.epoch(0)
    feed.place_quarantine(tmp_path / "bad.csv")
    assert len(quarantined(tmp_path / "bad.csv")) == 4
    feed.epoch(0).close()


def test_a_file_that_cannot_be_written_is_named(table, tmp_path):
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(RunError, match=r"folder/bad\.csv cannot be written"):
        feed_of(table, quarantine=tmp_path / "folder" / "bad.csv").prepare()


def test_ragged_rows_of_texts_are_quarantined(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_bytes(b'text,label\ngood,a\n"a, b",b\na, b,c,d\ncaf\xe9,a\n')
    rows = stoker.open(path, label="label", text="text")
    feed = stoker.Feed(
        rows,
        transform=stoker.HashingVectorizer(num_features=16),
        memory="32MB",
        on_bad_row="quarantine",
        quarantine=tmp_path / "bad.csv",
    )
    assert feed.num_rows == 3
    assert [(row["line"], row["text"]) for row in quarantined(tmp_path / "bad.csv")] == [("4", "a, b,c,d")]

"""`replay` shows the rows that a step took: those of the feed's batch, where an editor finds them."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded_runs import open_table, write_table

import stoker
from property_examples import examples
from stoker.audit.replay import step_within
from stoker.errors import ChangedDataError, OptionError
from stoker.feed import Feed
from stoker.survey.finding import find_rows
from stoker.types import OrderSpec

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("shuffle", [True, "exact", False])
def test_the_rows_are_those_of_the_batch_in_its_order(a_run, tmp_path, shuffle):
    source = open_table(write_table(tmp_path / "data.csv", 500))
    run = a_run(source, shuffle=shuffle)
    feed = Feed(source, batch_size=16, seed=3, memory="64MB", cache="never", shuffle=shuffle)
    batches = [list(feed.epoch(epoch)) for epoch in range(2)]
    for step, epoch, batch in ((1, 0, 0), (32, 0, 31), (33, 1, 0), (40, 1, 7)):
        found = stoker.replay(run.path, step=step)
        assert (found.step, found.epoch, found.batch) == (step, epoch, batch)
        assert [row.row for row in found.rows] == batches[epoch][batch].ids.tolist()
        classes = [feed.classes.index(row.label) for row in found.rows]
        assert classes == batches[epoch][batch].y.tolist()
    assert stoker.replay(run.path, step=8, epoch=1).rows == found.rows


def test_a_row_is_found_in_its_file_by_its_line(a_run, tmp_path):
    paths = [write_table(tmp_path / "a.csv", 120), write_table(tmp_path / "b.csv", 90, seed=1)]
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(gzip.compress(paths[1].read_bytes()))
    run = a_run(open_table(paths[0], packed))
    for row in stoker.replay(run.path, step=3).rows:
        text = (
            gzip.decompress(packed.read_bytes()) if row.file.endswith("gz") else paths[0].read_bytes()
        ).decode()
        record = next(csv.reader(io.StringIO("".join(text.splitlines(keepends=True)[row.line - 1 :]))))
        assert record[4] == row.label
        assert [float(record[0]), float(record[1])] == list(row.values.values())
        assert row.record == (row.row if row.file == str(paths[0]) else row.row - 120)
        assert next(csv.reader(io.StringIO(row.text))) == record


def test_rows_that_were_left_out_are_in_no_step(a_run, tmp_path):
    source = open_table(write_table(tmp_path / "data.csv", 60, bad=(3, 30, 31)))
    run = a_run(source, on_bad_row="skip")
    ids = [row.row for step in range(1, 5) for row in stoker.replay(run.path, step=step).rows]
    assert sorted(ids) == [row for row in range(60) if row not in (3, 30, 31)]


def test_a_text_of_a_folder_is_a_file(a_run, tmp_path):
    for kind in ("pos", "neg"):
        (tmp_path / "texts" / kind).mkdir(parents=True)
        for number in range(20):
            (tmp_path / "texts" / kind / f"{number}.txt").write_text(f"{kind}\nwords {number}\n")
    run = a_run(stoker.open(tmp_path / "texts"), transform=stoker.HashingVectorizer(num_features=64))
    for row in stoker.replay(run.path, step=1).rows:
        assert (row.line, Path(row.file).read_text().rstrip("\n")) == (1, row.text)
        assert row.label in row.file


def test_a_file_that_changed_is_refused_by_its_chunk(a_run, tmp_path):
    run, path = a_run(), tmp_path / "data.csv"
    path.write_bytes(path.read_bytes().replace(b"row 1,", b"row I,", 1))
    with pytest.raises(ChangedDataError, match=r"data.csv is not what was trained on, first in bytes"):
        stoker.replay(run.path, step=1)


def test_a_step_that_cannot_be_is_refused(a_run):
    run = a_run()
    for step, epoch, said in (
        (0, None, "counted from 1"),
        (33, 0, "its last is step 32"),
        (1, -1, "0 or more"),
    ):
        with pytest.raises(OptionError, match=said):
            stoker.replay(run.path, step=step, epoch=epoch)


def test_a_step_behind_the_last_epoch_is_refused(a_run):
    run = a_run()
    record = run.read()
    record.training = {"epochs": 2, "initial_epoch": 0}
    run.write(record)
    assert stoker.replay(run.path, step=64).epoch == 1
    with pytest.raises(OptionError, match=r"step 65, in epoch 3, .* step 64, in epoch 2: steps 1 to 64 can"):
        stoker.replay(run.path, step=65)
    with pytest.raises(OptionError, match=r"of an epoch is asked for, and its last is step 32"):
        stoker.replay(run.path, step=33, epoch=0)
    record.outcome.status, record.outcome.steps = "finished", 40  # early stopping
    run.write(record)
    assert stoker.replay(run.path, step=40).epoch == 1
    with pytest.raises(OptionError, match=r"whose last was step 40, in epoch 2: steps 1 to 40 can be asked"):
        stoker.replay(run.path, step=99_999)


def test_steps_to_come_are_told_from_those_that_were_taken(a_run, capsys):
    from stoker.cli import main

    run = a_run()
    record = run.read()
    record.training = {"epochs": 3, "initial_epoch": 0}
    record.outcome.status, record.outcome.steps = "interrupted", 40
    run.write(record)
    for step in (40, 41, 70):
        assert stoker.replay(run.path, step=step).reached == 40
        assert main(["replay", str(run.path), "--step", str(step)]) == 0
        told = "to come   the run is known to have got to step 40: these" in capsys.readouterr().out
        assert told == (step > 40)
    (run.path / "checkpoints" / f"step-{50:012}").mkdir(parents=True)  # of an epoch under way
    assert stoker.replay(run.path, step=50).reached == 50


def test_steps_count_over_the_whole_run_from_its_first_epoch():
    spec = OrderSpec(kind="sequential", seed=0, batch_size=4, num_rows=10, block=1, window=4, lanes=1)
    assert [step_within(spec, 2, step) for step in (1, 3, 4, 7)] == [(2, 0), (2, 2), (3, 0), (4, 0)]


def test_the_command_prints_places_and_json(a_run, capsys):
    from stoker.cli import main

    run = a_run()
    assert main(["replay", str(run.path), "--step", "34"]) == 0
    out = capsys.readouterr().out
    assert "batch 2 of epoch 2 · 16 rows" in out
    assert "data.csv:" in out
    assert main(["replay", str(run.path), "--step", "2", "--epoch", "2", "--json"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out.splitlines()[-1])
    assert (found["step"], found["epoch"], found["batch"], len(found["rows"])) == (34, 1, 1, 16)
    assert {"row", "file", "record", "line", "label", "values", "text"} == set(found["rows"][0])


fields = st.text(st.sampled_from('ab ,"\r\n\té'), max_size=6)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(fields, st.sampled_from("xyz")), min_size=2, max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    blank=st.integers(0, 2),
)
def test_lines_are_those_that_pythons_csv_reader_counts(tmp_path, rows, end, blank):
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator=end, quoting=csv.QUOTE_ALL)
        writer.writerow(["te\nxt", "kind"])
        for row in rows:
            writer.writerow(row)
            file.write(end * blank)
    source = stoker.open(path, label="kind", text="te\nxt", header=True, delimiter=",", quote='"')
    found = list(find_rows(source, np.arange(len(rows))))
    assert [(row.values["te\nxt"], row.label) for row in found] == rows
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        begins, line = [], 1
        for record in reader:
            if record:
                begins.append(line)
            line = 1 + lines_in(path, reader.line_num)
    assert [row.line for row in found] == begins[1:]


def lines_in(path, pieces):
    """Line ends in the first `pieces` lines as Python splits them, CRLF and a lone CR counted once each."""
    with path.open(newline="", encoding="utf-8") as file:
        text = "".join(file.readline() for _ in range(pieces))
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")

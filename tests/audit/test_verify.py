"""`verify` says yes to what was trained on, and names the first thing that is not as it was."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from kept_checkpoints import IDENTITY, made_checkpoint
from msgspec.structs import replace
from recorded_runs import open_table, write_table

import stoker
from stoker.checkpoints import Checkpoint, CheckpointStore
from stoker.errors import OptionError, RunError
from stoker.rundir import RunDirectory, set_apart
from stoker.runrecords import GeneratorRecord
from stoker.types import Position

pytestmark = pytest.mark.timeout(60)


def change_epoch(run: RunDirectory, place: int, **fields: object) -> None:
    record = run.read()
    record.epochs[place] = msgspec.structs.replace(record.epochs[place], **fields)
    run.write(record)


@pytest.mark.parametrize("shuffle", [True, "exact", False])
def test_every_order_is_proved(a_run, shuffle):
    found = stoker.verify(a_run(shuffle=shuffle).path)
    assert found.agrees, found.difference
    assert [(epoch.epoch, epoch.rows) for epoch in found.epochs] == [(0, 500), (1, 500)]


def test_a_part_of_a_split_is_proved(a_run, tmp_path):
    train, _ = open_table(write_table(tmp_path / "a.csv", 700)).split(0.9, seed=5)
    assert stoker.verify(a_run(train).path).agrees


def test_a_split_by_groups_and_a_head_and_a_shard_are_proved(a_run, tmp_path):
    source = open_table(write_table(tmp_path / "a.csv", 700)).head(600).split(0.8, seed=5, group="group")[0]
    assert stoker.verify(a_run(source.shard(0, 2)).path).agrees


def test_rows_chosen_by_a_column_that_is_no_feature_are_proved(a_run, tmp_path):
    (tmp_path / "a.csv").write_text("a,b,y\n" + "".join(f"{row},{row % 5},{row % 2}\n" for row in range(300)))
    run = a_run(stoker.open(tmp_path / "a.csv", label="y", columns=["b"], where="a >= 100"))
    found = stoker.verify(run.path)
    assert found.agrees, found.difference


@pytest.mark.parametrize("options", [{"on_bad_row": "skip"}, {"on_bad_row": "skip", "na": "drop-row"}])
def test_rows_that_were_left_out_are_left_out_again(a_run, tmp_path, options):
    source = open_table(write_table(tmp_path / "a.csv", 300, bad=(0, 7, 299)))
    run = a_run(source, **options)
    assert run.read().excluded_rows == 3
    shutil.rmtree(tmp_path / ".stoker")  # the survey is made anew, without help
    found = stoker.verify(run.path)
    assert found.agrees, found.difference
    assert found.rows == 297


@pytest.mark.parametrize("stored", [True, False])
def test_rows_left_out_of_columns_transformed_automatically_are_left_out_again(a_run, tmp_path, stored):
    lines = [f"{row % 7}.5,{'' if row % 9 else row},city {row % 3},{row % 2}" for row in range(120)]
    lines[5], lines[70], lines[71] = "none,5,city 1,0", "1.5,2,city 2,", "1.5,2"
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["x,gaps,city,label", *lines, ""]))
    run = a_run(stoker.open(path, label="label"), transform="auto", on_bad_row="skip")
    assert run.read().excluded_rows == 3
    if not stored:
        shutil.rmtree(tmp_path / ".stoker")
    found = stoker.verify(run.path)
    assert found.agrees, found.difference
    assert found.rows == 117
    assert {row.line for step in range(1, 9) for row in stoker.replay(run.path, step=step).rows} == (
        set(range(2, 122)) - {7, 72, 73}
    )


def test_several_and_compressed_files_are_proved_where_they_lie_now(a_run, tmp_path):
    first, second = write_table(tmp_path / "a.csv", 200), write_table(tmp_path / "b.csv", 150, seed=1)
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(gzip.compress(second.read_bytes()))
    run = a_run(open_table(first, packed))
    moved = [tmp_path / "moved" / "one.csv", tmp_path / "moved" / "two.csv.gz"]
    moved[0].parent.mkdir()
    first.rename(moved[0])
    packed.rename(moved[1])
    gone = stoker.verify(run.path)
    assert not gone.agrees
    assert gone.difference.kind == "file"
    assert "a.csv is not there" in gone.difference.text
    assert stoker.verify(run.path, moved).agrees
    with pytest.raises(OptionError, match="2 files, and 1 are given"):
        stoker.verify(run.path, moved[0])


def test_files_named_from_the_commands_folder_are_found_from_elsewhere(a_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = a_run(open_table(write_table(Path("a.csv"), 100)))
    record = run.read()
    record.options["folder"] = str(tmp_path)
    run.write(record)
    monkeypatch.chdir("/")
    assert stoker.verify(run.path).agrees


def test_folders_and_files_of_texts_are_proved(a_run, tmp_path):
    for kind in ("pos", "neg"):
        (tmp_path / "texts" / kind).mkdir(parents=True)
        for number in range(20):
            (tmp_path / "texts" / kind / f"{number}.txt").write_text(f"{kind} words {number}")
        (tmp_path / f"lines.{kind}").write_text("".join(f"{kind} line {n}\n" for n in range(30)))
    texts = stoker.HashingVectorizer(num_features=64)
    run = a_run(stoker.open(tmp_path / "texts"), transform=texts)
    assert stoker.verify(run.path).agrees
    (tmp_path / "texts" / "pos" / "3.txt").write_text("pos words 4")
    changed = stoker.verify(run.path).difference
    assert changed.kind == "file"
    assert changed.text.endswith(f"from {tmp_path / 'texts' / 'pos' / '3.txt'} on")
    shutil.rmtree(tmp_path / "run")
    lines = stoker.open([tmp_path / "lines.pos", tmp_path / "lines.neg"])
    assert stoker.verify(a_run(lines, transform=texts).path).agrees


def test_a_part_of_an_epoch_is_proved(a_run):
    found = stoker.verify(a_run(last_batches=5).path)
    assert found.agrees
    assert found.epochs[1].rows == 80


@pytest.mark.parametrize("batches", [5, 32])
def test_an_epoch_under_way_is_proved_as_far_as_the_newest_checkpoint_tells(a_run, batches):
    run = a_run(last_batches=batches)
    record = run.read()
    last = record.epochs.pop()
    run.write(record)
    made = made_checkpoint(32 + batches)
    manifest = replace(
        made.manifest,
        identity=replace(IDENTITY, order=record.plan.order),
        position=Position(epoch=1, batches=batches),
        order_digest=last.order_digest,
        member_digest=last.member_digest,
    )
    store = CheckpointStore(run.path)
    store.write(Checkpoint(manifest=manifest, arrays=made.arrays))
    found = stoker.verify(run.path)
    assert found.agrees, found.difference
    assert len(found.epochs) == 1
    assert (found.unfinished.epoch, found.unfinished.rows) == (1, last.rows)
    manifest = replace(manifest, member_digest="0" * 32, counters=replace(manifest.counters, steps=99))
    store.write(Checkpoint(manifest=manifest, arrays=made.arrays))
    assert stoker.verify(run.path).difference.kind == "members"


def test_epochs_that_a_checkpoint_is_behind_must_be_there(a_run):
    run = a_run()
    record = run.read()
    made = made_checkpoint(32 * 9 + 5)
    identity = replace(IDENTITY, order=record.plan.order)
    manifest = replace(made.manifest, identity=identity, position=Position(epoch=9, batches=5))
    CheckpointStore(run.path).write(Checkpoint(manifest=manifest, arrays=made.arrays))
    found = stoker.verify(run.path)
    assert not found.agrees
    assert found.difference.text.startswith(f"run.json ends before epoch {len(record.epochs) + 1}, and the ")


def test_the_chunk_that_differs_is_named(a_run, tmp_path):
    run, path = a_run(open_table(write_table(tmp_path / "data.csv", 3000))), tmp_path / "data.csv"
    data = bytearray(path.read_bytes())
    place = data.index(b"row 2000")
    data[place : place + 8] = b"ROW 2000"
    status = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    found = stoker.verify(run.path).difference
    assert (found.kind, found.file) == ("file", str(path))
    assert found.first_byte <= place <= found.last_byte
    assert found.first_row <= 2000 <= found.last_row
    assert found.last_byte - found.first_byte < 3 * 4096
    lines = re.search(r"first in bytes [\d,]+ to [\d,]+ \(lines ([\d,]+) to ([\d,]+)\)", found.text)
    first, last = (int(line.replace(",", "")) for line in lines.groups())
    assert first <= data[:place].count(b"\n") + 1 <= last  # the table has line ends within quotes
    assert first == data[: found.first_byte].count(b"\n") + 1 > found.first_row + 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data.replace(b"x,y", b"X,y", 1), "header"),
        (lambda data: data.replace(b"x,y,note", b"y,x,note", 1), "header"),
        (lambda data: data + b"1,2,more,9,a\n", "bytes then"),
        (lambda data: data[:-40], "bytes then"),
        (lambda data: data.replace(b",row 1,", b',"row 1,', 1), "data.csv"),
        (lambda data: b"", "data.csv"),
    ],
)
def test_whatever_became_of_a_file_is_a_difference(a_run, tmp_path, change, said):
    run, path = a_run(), tmp_path / "data.csv"
    path.write_bytes(change(path.read_bytes()))
    found = stoker.verify(run.path).difference
    assert found.kind == "file"
    assert said in found.text


def test_without_contents_json_the_file_is_named_alone(a_run, tmp_path):
    run, path = a_run(), tmp_path / "data.csv"
    (run.path / "contents.json").write_text('{"format": 1, "files": [], "digest": "0"}')
    assert stoker.verify(run.path).agrees
    path.write_bytes(path.read_bytes().replace(b"row 100", b"row 1oo"))
    found = stoker.verify(run.path).difference
    assert (found.file, found.first_byte) == (str(path), None)


def test_an_epoch_of_another_order_or_of_other_rows_is_named(a_run):
    run = a_run(epochs=3)
    epochs = run.read().epochs
    change_epoch(run, 2, order_digest=epochs[1].order_digest)
    found = stoker.verify(run.path)
    assert (found.difference.kind, found.difference.epoch) == ("order", 2)
    assert [epoch.epoch for epoch in found.epochs] == [0, 1]
    change_epoch(run, 1, member_digest="0" * 32)
    assert (stoker.verify(run.path).difference.kind, stoker.verify(run.path).difference.epoch) == (
        "members",
        1,
    )


def test_epochs_that_are_missing_repeated_or_short_are_named(a_run):
    run = a_run(epochs=3)
    change_epoch(run, 1, rows=499)
    assert "epoch 2 took 499 rows" in stoker.verify(run.path).difference.text
    change_epoch(run, 1, rows=500, epoch=0)
    assert stoker.verify(run.path).difference.kind == "record"


def test_a_changed_transform_is_named(a_run):
    run = a_run()
    record = run.read()
    record.transform, data = set_apart({"name": "ngrams", "terms": ["a"]})
    run.write(record)
    (run.path / "transform.json").write_bytes(data)
    assert stoker.verify(run.path).agrees
    (run.path / "transform.json").write_bytes(data.replace(b"a", b"b"))
    assert stoker.verify(run.path).difference.kind == "transform"


def test_rows_that_a_program_chose_need_their_source(a_run, tmp_path):
    source = open_table(write_table(tmp_path / "a.csv", 300))
    chosen = source.take(np.arange(0, 300, 3))
    run = a_run(chosen)
    with pytest.raises(OptionError, match="chose with take"):
        stoker.verify(run.path)
    assert stoker.verify(run.path, chosen).agrees
    with pytest.raises(OptionError, match="differs in view"):
        stoker.verify(run.path, source.take([1, 2]))


def test_a_run_on_a_generator_is_refused(a_run):
    run = a_run()
    record = run.read()
    record.generator = GeneratorRecord(name="Flow", steps_per_epoch=3, workers=1, use_multiprocessing=False)
    run.write(record)
    with pytest.raises(RunError, match="nobody but the generator knows"):
        stoker.verify(run.path)


def test_files_of_validation_are_part_of_the_proof(a_run, tmp_path):
    valid = write_table(tmp_path / "valid.csv", 3_000, seed=9)
    run = a_run(valid=valid)
    found = stoker.verify(run.path)
    assert found.agrees, found.difference
    assert (found.files, found.validation_files, found.unproved_files) == (1, 1, 0)
    whole = valid.read_bytes()
    place = whole.index(b"row 2000")
    valid.write_bytes(whole[: place + 4] + b"3" + whole[place + 5 :])
    found = stoker.verify(run.path)
    assert (found.difference.kind, found.difference.file) == ("file", str(valid))
    assert found.difference.first_byte <= place <= found.difference.last_byte
    assert f"{valid} is not what was validated on, first in bytes" in found.difference.text
    assert [epoch.epoch for epoch in found.epochs] == [0, 1]


def test_files_of_validation_are_found_where_they_are_named(a_run, tmp_path):
    train = write_table(tmp_path / "a.csv", 300)
    valid = write_table(tmp_path / "valid.csv", 80, seed=9)
    run = a_run(open_table(train), valid=valid)
    moved = [tmp_path / "one.csv", tmp_path / "two.csv"]
    for old, new in zip((train, valid), moved, strict=True):
        old.rename(new)
    assert "valid.csv is not there" in stoker.verify(run.path, moved[0]).difference.text
    assert stoker.verify(run.path, moved).agrees
    swapped = stoker.verify(run.path, moved[::-1]).difference
    assert "two.csv is not what was trained on" in swapped.text


def test_how_files_of_validation_were_read_is_what_an_earlier_stoker_did_not_record(a_run, tmp_path, capsys):
    from stoker.cli import main

    run = a_run(valid=write_table(tmp_path / "valid.csv", 80, seed=9))
    record = run.read()
    record.validation_source = record.validation_reading = {}
    run.write(record)
    found = stoker.verify(run.path)
    assert (found.agrees, found.validation_files, found.unproved_files) == (True, 0, 1)
    assert main(["verify", str(run.path)]) == 0
    assert "how 1 file of validation were read is not recorded" in capsys.readouterr().out


def test_the_command_folds_epochs_and_says_which_were_right_before_the_first_difference(a_run, capsys):
    from stoker.cli import main

    run = a_run(epochs=6, last_batches=2)
    assert main(["verify", str(run.path)]) == 0
    out = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert out[1:3] == [
        "epochs 1 to 5: 500 rows each, every row once, in the run's order",
        "epoch 6 32 rows, of 500, each once, in the run's order",
    ]
    change_epoch(run, 4, order_digest="0" * 32)
    assert main(["verify", str(run.path)]) == 1
    out = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert out == [
        "epochs 1 to 4: 500 rows each, every row once, in the run's order",
        "no epoch 5: the model took the right rows, but in another order",
    ]


def test_the_command_says_yes_or_no_by_its_exit_code(a_run, tmp_path, capsys):
    from stoker.cli import main

    run = a_run()
    assert main(["verify", str(run.path)]) == 0
    assert "yes" in capsys.readouterr().out
    change_epoch(run, 0, order_digest="0" * 32)
    assert main(["verify", str(run.path), "--json"]) == 1
    out = msgspec.json.decode(capsys.readouterr().out.splitlines()[-1])
    assert (out["agrees"], out["difference"]["kind"], out["difference"]["epoch"]) == (False, "order", 0)
    assert main(["verify", str(tmp_path)]) == 2
    assert "holds no run" in capsys.readouterr().err

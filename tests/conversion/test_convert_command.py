"""``stoker convert``: what it prints, what it refuses, and how it stops."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from stoker.cli import main


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "rows.csv"
    path.write_text("a,b,c\n" + "".join(f"{row},{row / 4},0{row}\n" for row in range(100)))
    return str(path)


def test_one_json_object_tells_what_was_written(table, capsys):
    arguments = ["--drop", "b", "--limit", "30", "--shuffle", "--seed", "3", "--json", "--quiet"]
    assert main(["convert", table, "out.jsonl.gz", *arguments]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["num_rows"], record["num_left_out"], record["path"]) == (30, 0, "out.jsonl.gz")
    assert record["columns"] == [["a", "uint8"], ["c", "string"]]


def test_a_line_says_what_was_done(table, capsys):
    assert main(["convert", table, "out.parquet"]) == 0
    said = capsys.readouterr()
    assert "100 rows of 3 columns in " in said.err
    assert said.out == ""


def test_files_are_read_as_one_table(table, tmp_path, capsys):
    (tmp_path / "more.csv").write_text("a,b,c\n7,1,x\n")
    assert main(["convert", table, "more.csv", "out.csv", "--quiet"]) == 0
    assert (tmp_path / "out.csv").read_text().splitlines()[-1] == "7,1.0,x"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["out.xlsx"], "rows are written to .csv, .jsonl, .parquet or .arrow, got 'out.xlsx'"),
        (["out.csv", "--seed", "3"], "--seed has no effect without --shuffle"),
        (["out.csv", "--compression", "zstd"], "--compression has no effect on .csv, whose name says it"),
        (["out.csv", "--on-bad-row", "quarantine"], "say skip"),
        (["out.csv", "--memory", "1MB"], "at least --memory 16MB"),
        (["rows.csv"], "rows.csv is there already: name another output, or say --overwrite"),
    ],
)
def test_mistakes_are_told_in_a_sentence(flags, said, table, capsys):
    assert main(["convert", table, *flags]) == 2
    found = capsys.readouterr().err
    assert said in found
    assert found.count("\n") == 1


def test_bad_rows_that_are_left_out_are_told(table, tmp_path, capsys):
    (tmp_path / "bad.csv").write_text("a,b\n" + "1,2\n" * 20 + "1,2,3\n")
    assert main(["convert", "bad.csv", "out.csv"]) == 2
    said = capsys.readouterr().err
    assert "'1,2,3': --on-bad-row skip\n" in said
    assert "quarantine" not in said
    assert main(["convert", "bad.csv", "out.csv", "--on-bad-row", "skip"]) == 0
    assert "1 bad row left out" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(number, tmp_path):
    path, folder = tmp_path / "long.csv", tmp_path / "out"
    block = "".join(f"{row},text {row * 7919 % 1000003}\n" for row in range(50_000))
    path.write_text("a,t\n" + 60 * block)
    command = [sys.executable, "-m", "stoker", "convert", str(path), str(folder / "out.jsonl.bz2")]
    command += ["--memory", "32MB", "--shuffle", "--quiet"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        while not (folder.is_dir() and any(".building-scratch" in each.name for each in folder.iterdir())):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(number)
        said = process.communicate(timeout=100)[1].decode()
    assert process.returncode == 128 + number, said
    assert list(folder.iterdir()) == []

"""A user's text goes nowhere: into no message, no log and no record of a run, and to no other machine."""

from __future__ import annotations

import csv
import json
import logging
import socket
from pathlib import Path

import pytest

import stoker
from stoker.cli import main
from stoker.errors import BadRowError, ColumnError, DataError

pytestmark = pytest.mark.timeout(300)

SECRET = "xylocarp"
FLAGS = ("--text", "text", "--label", "label")


@pytest.fixture(autouse=True)
def alone(here, monkeypatch):
    """In a folder of its own, from where nobody is called."""

    def refuse(self, address):
        raise AssertionError(f"a connection to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


@pytest.fixture
def reviews(here):
    """Every text has a word of its own, so that none of these is in a vocabulary."""
    with open(here / "reviews.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["label", "text"])
        for row in range(160):
            kind = ("neg", "pos")[row % 2]
            writer.writerow([kind, f"a {('bad', 'good')[row % 2]} film, {SECRET}{row}"])
    return here / "reviews.csv"


@pytest.fixture
def said(capsys, caplog):
    """Run a command; gives its code, and all that was said and logged meanwhile."""

    def run(*arguments):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="stoker"):
            code = main([str(each) for each in arguments])
        told = capsys.readouterr()
        return code, told.out + told.err + caplog.text

    return run


def holding_the_secret(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    }


def test_commands_on_texts_say_write_and_send_nothing_of_them(reviews, said, here):
    train = ("train", reviews, *FLAGS, "--model", "mlp", "--epochs", "2", "--batch-size", "32")
    for command in (
        ("plan", reviews, *FLAGS),
        (*train, "--run", "run", "--cache", "never"),
        (*train, "--run", "hashed", "--vectorizer", "hashing", "--max-features", "256", "--json"),
        ("evaluate", "run", reviews),
        ("predict", "run", reviews, "-o", "out.csv"),
        ("verify", "run"),
    ):
        code, told = said(*command)
        assert code == 0, told
        assert SECRET not in told
    assert holding_the_secret(here) == {"reviews.csv"}
    assert json.loads(Path("run/run.json").read_text())["outcome"]["status"] == "finished"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("reviews.csv", f"neg,{SECRET} and,another field"),
        ("reviews.csv", f'neg,"{SECRET} is never closed'),
        ("reviews.csv", f",{SECRET} without a label"),
        ("reviews.jsonl", f'{{"label": "neg", "text": "{SECRET}" is no object'),
    ],
    ids=["fields", "quote", "label", "object"],
)
def test_a_bad_record_is_told_by_its_place_and_not_by_what_it_says(reviews, said, here, name, line):
    path = here / name
    if name.endswith(".jsonl"):
        rows = csv.DictReader(reviews.read_text().splitlines())
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with path.open("a") as file:
        file.write(line + "\n")
    code, told = said("train", path, *FLAGS, "--model", "mlp", "--run", "run")
    assert code == 2
    assert f"{name}, line " in told
    assert SECRET not in told
    source = stoker.open(path, label="label", text="text")
    with pytest.raises((BadRowError, DataError), match="line ") as error:
        list(source.text_batches())
    assert SECRET not in str(error.value)
    assert holding_the_secret(here) <= {"reviews.csv", "reviews.jsonl"}


def test_a_column_of_text_that_nobody_named_is_told_without_a_sentence_of_it(reviews, here):
    path = here / "mixed.csv"
    path.write_text("".join(f"{line},{len(line)}\n" for line in reviews.read_text().splitlines()))
    with pytest.raises(ColumnError, match="column 'text': 160 rows of text") as error:
        stoker.Feed(stoker.open(path, label="label")).prepare()
    assert SECRET not in str(error.value)
    assert holding_the_secret(here) == {"reviews.csv", "mixed.csv"}


def test_bad_records_are_written_where_they_were_asked_for(reviews, said, here):
    with reviews.open("a") as file:
        file.write(f"neg,{SECRET} and,another field\n")
    train = ("train", reviews, *FLAGS, "--model", "mlp", "--epochs", "1", "--batch-size", "32")
    code, told = said(*train, "--run", "run", "--on-bad-row", "quarantine")
    assert code == 0
    assert SECRET not in told
    assert holding_the_secret(here / "run") == {"quarantine.csv"}

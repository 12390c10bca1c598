"""``stoker fetch`` as a user meets it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from made_archives import made_up, tar_of, zhang_files

from stoker.cli import main
from stoker.datasets import CATALOGUE
from waiting import until

pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).parents[2]

_FETCH = """
import sys, msgspec
from types import MappingProxyType
from stoker.cli import main
from stoker.datasets import places
from stoker.datasets.entries import Dataset
entry = msgspec.json.decode(sys.argv[1], type=Dataset)
places.CATALOGUE = MappingProxyType({entry.name: entry})
sys.exit(main(["fetch", "tiny"]))
"""


@pytest.fixture
def tiny(server, root, known):
    return known(made_up(server.put("tiny.tgz", tar_of(zhang_files("tiny_csv", 2, 40, 10)))))


def test_without_a_name_the_catalogue_is_listed(capsys, root):
    assert main(["fetch"]) == 0
    said = capsys.readouterr().out
    for entry in CATALOGUE.values():
        assert entry.name in said
        assert entry.title in said
    assert str(root) in said
    assert not root.exists()


def test_the_catalogue_as_json_tells_terms_and_what_is_here(capsys, tiny, root):
    assert main(["fetch", "tiny", "--quiet"]) == 0
    (root / "mnist").mkdir()
    assert main(["fetch", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in record["datasets"]] == list(CATALOGUE)
    assert all(entry["licence"] and entry["citation"] for entry in record["datasets"])
    assert not any(entry["fetched"] for entry in record["datasets"])


def test_a_data_set_is_fetched_once_and_its_terms_are_said(capsys, tiny, root):
    assert main(["fetch", "tiny"]) == 0
    said = capsys.readouterr().out
    assert f"fetched   {root / 'tiny'}" in said
    assert "40 rows to train, 10 rows to test" in said
    assert "recorded  tiny.tgz: no source states a digest; later downloads must be sha256" in said
    assert "terms     none" in said
    assert "train @tiny" in said
    assert main(["fetch", "@tiny"]) == 0
    assert "verified, nothing to do" in capsys.readouterr().out


def test_the_result_as_json_is_one_line(capsys, tiny, root):
    assert main(["fetch", "tiny", "--json", "--directory", str(root / "else")]) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    record = json.loads(said)
    assert record["folder"] == str(root / "else" / "tiny")
    assert record["rows"] == {"train": 40, "test": 10}
    assert record["fresh"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fetch", "agnews"], "did you mean ag_news?"),
        (["fetch", "--force"], "--force has no effect without the name"),
    ],
)
def test_mistakes_are_one_sentence(capsys, root, arguments, said):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err


def test_what_fails_is_told_and_tried_again_in_sight(capsys, server, root, known):
    known(made_up(server.put("tiny.tgz", b"", status=503)))
    assert main(["fetch", "tiny"]) == 2
    said = capsys.readouterr().err
    assert said.count("503 Service Unavailable; once more in 0 s") == 2
    assert "tiny cannot be fetched" in said


def test_a_terminal_sees_how_far_a_download_is(server, root, known):
    entry = made_up(server.put("tiny.tgz", bytes(190_000), slow=0.02), num_bytes=190_000)
    terminal, end = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", _FETCH, msgspec.json.encode(entry).decode()],
        stderr=end,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"},
    )
    os.close(end)
    said, bar = b"", re.compile(r"download  [━╸─]+ [1-9] %  [\d.]+k of 190kB")
    try:
        while not bar.search(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.decode(errors="replace"))):
            said += os.read(terminal, 1 << 16)
    except OSError as error:  # which is how a terminal ends that nobody writes to any more
        raise AssertionError(said) from error
    finally:
        child.send_signal(2)
        assert child.wait(60) == 130
        os.close(terminal)


def test_ctrl_c_ends_a_download_and_keeps_what_there_is(server, root, known, tmp_path):
    entry = made_up(server.put("tiny.tgz", bytes(19_000), stall_after=9_000))  # it does not end by itself
    child = subprocess.Popen(
        [sys.executable, "-c", _FETCH, msgspec.json.encode(entry).decode()],
        stderr=subprocess.PIPE,
        text=True,
    )
    part = root / ".fetching" / "tiny" / "tiny.tgz.part"
    until(lambda: child.poll() is not None or (part.exists() and part.stat().st_size), within=60)
    child.send_signal(2)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130, said
    assert said.endswith("stoker: stopped by Ctrl-C\n")
    assert part.stat().st_size
    assert not (root / "tiny").exists()


def test_the_page_has_every_data_set_its_rows_and_its_terms():
    page = (ROOT / "docs" / "datasets.md").read_text("utf-8")
    for entry in CATALOGUE.values():
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{entry.name}` |")]
        assert all(f"{split.num_rows:,}" in line for _, split in entry.splits)
        assert line.endswith(f"| {len(entry.classes)} | {entry.licence} |")

"""Work that is spread over processes comes back in order, and errors in their places; without Ray."""

from __future__ import annotations

import itertools
import os
import socket
import sys
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stoker
from in_turn import outcomes
from stoker.cluster import Place
from stoker.cluster.shipping import packed, unpacked
from stoker.cluster.spreading import Job, spread
from stoker.errors import BadRowError, DataError, MissingExtraError, OptionError, RunError, WorkerError


@given(count=st.integers(0, 9), hosts=st.integers(1, 4))
def test_results_come_in_the_order_of_the_items(count, hosts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stoker.cluster.spreading.on_hosts", outcomes)
        found = list(spread(lambda: iter(range(count)), lambda: lambda item: item * item, hosts=hosts))

    assert found == [item * item for item in range(count)]


def test_an_error_comes_in_the_place_of_its_item_as_what_it_is(in_turn):
    def begin():
        def work(item):
            if item == 2:
                raise BadRowError("rows.csv, line 4: column 'a' is blank")
            return item

        return work

    results = spread(lambda: iter(range(5)), begin, hosts=2)

    assert list(itertools.islice(results, 2)) == [0, 1]
    with pytest.raises(BadRowError, match=r"^rows.csv, line 4: column 'a' is blank$"):
        next(results)


def test_what_fails_in_reading_comes_behind_what_was_read(in_turn):
    def read():
        yield 1
        raise RunError("the file shrank")

    results = spread(read, lambda: lambda item: item, hosts=2)

    assert next(results) == 1
    with pytest.raises(RunError, match=r"^the file shrank$"):
        next(results)


def test_another_error_is_told_with_where_it_came_from(in_turn):
    with pytest.raises(WorkerError, match=r"(?s)host .* failed with ZeroDivisionError.*1 // 0"):
        list(spread(lambda: iter("a"), lambda: lambda item: 1 // 0, hosts=2))


def test_what_fails_in_beginning_is_told_once_there_is_an_item(in_turn):
    def begin():
        raise RunError("the model cannot be loaded")

    with pytest.raises(RunError, match="the model cannot be loaded"):
        list(spread(lambda: iter("a"), begin, hosts=2))


@pytest.mark.parametrize("hosts", [0, -1, 1.5, True])
def test_hosts_are_a_number_of_processes(hosts):
    with pytest.raises(OptionError, match=f"hosts must be an integer from 1 on, got {hosts}"):
        list(spread(lambda: iter("a"), lambda: str, hosts=hosts))


def test_without_ray_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'stoker\[ray\]'"):
        list(spread(lambda: iter("a"), lambda: str, hosts=2))


def test_a_machine_without_the_programs_folder_stays_in_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    there = Place(folder=str(tmp_path / "gone"), arguments=("stoker",), modules=("/shared/modules",))
    monkeypatch.setattr(sys, "argv", [])

    assert not there.settle_in()
    assert (os.getcwd(), sys.argv, sys.path[-1]) == (str(tmp_path), ["stoker"], "/shared/modules")


@pytest.fixture
def job_elsewhere(tmp_path, monkeypatch):
    """What is to be done with rows, in a process that is not where they were opened."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "here" / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    monkeypatch.chdir(tmp_path / "here")
    job = Job(
        read=packed(partial(stoker.open("rows.csv").chunks, 1 << 20)),
        begin=packed(lambda: lambda chunk: bytes(chunk.data)),
        place=replace(Place.here(), folder=str(tmp_path / "gone")),
    )
    monkeypatch.chdir(tmp_path / "there")
    return job


def test_rows_are_read_from_where_they_were_opened_in_a_process_elsewhere(job_elsewhere):
    (made,) = map(job_elsewhere.worker(), job_elsewhere.items())

    assert unpacked(made).taken() == b"1,2\n3,4\n"


def test_a_machine_that_lacks_the_rows_is_told_and_that_it_lacks_the_folder(job_elsewhere, tmp_path):
    (tmp_path / "here" / "rows.csv").unlink()
    (made,) = map(job_elsewhere.worker(), job_elsewhere.items())

    with pytest.raises(DataError) as found:
        unpacked(made).taken()

    assert str(found.value) == (
        f"as seen by host {socket.gethostname()}: rows.csv: cannot be read (No such file or directory); "
        f"check the path; {socket.gethostname()} has no folder {tmp_path / 'gone'}, where the program was "
        "started"
    )

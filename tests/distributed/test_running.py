"""What is told between the hosts and the program that begins them, without Ray."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

import stoker
from crews import Here
from stoker import distributed
from stoker.cluster import Outcome, Place, failed, is_of_a_lost_host
from stoker.distributed import Host
from stoker.distributed.desk import Desk
from stoker.distributed.relaying import Player, Relay
from stoker.distributed.running import _followed
from stoker.distributed.working import Work, _outcome, require_reachable, take_place
from stoker.errors import (
    ChangedDataError,
    DataError,
    MissingExtraError,
    NonFiniteLossError,
    OptionError,
    RunError,
    WorkerError,
)
from stoker.runlock import running
from stoker.signals import Terminated
from stoker.training.displays import PlainDisplay
from stoker.training.progress import Display


class Noted(Display):
    """Remembers what it is to show."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def stage(self, name, unit=""):
        display = self

        class Stage:
            def __enter__(self):
                display.seen.append(f"{name} begins")
                return lambda done, total: display.seen.append(f"{name} {done}/{total}")

            def __exit__(self, *exception):
                display.seen.append(f"{name} ends")

        return Stage()

    def note(self, name, text):
        self.seen.append(f"{name}: {text}")


def test_without_ray_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'stoker\[ray\]'"):
        distributed.run(print, hosts=2)


def test_what_only_carries_word_between_hosts_imports_nothing_that_computes():
    heavy = {"numpy", "pyarrow", "numba", "jax", "keras", "stoker.feed", "stoker.sources"}
    code = f"import sys, stoker.distributed.desk; print(sorted({heavy} & set(sys.modules)))"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "[]\n"


def test_the_package_has_what_it_names():
    assert [getattr(distributed, name).__name__ for name in dir(distributed)] == [
        "Host",
        "fit",
        "helped",
        "run",
    ]
    with pytest.raises(AttributeError, match=r"module 'stoker\.distributed' has no attribute 'runs'"):
        distributed.runs  # noqa: B018


def test_there_is_at_least_one_host():
    with pytest.raises(OptionError, match="hosts must be an integer from 1 on, got 0"):
        distributed.run(print, hosts=0)


def test_what_shows_progress_is_refused_as_by_fit():
    with pytest.raises(OptionError, match="progress must be auto, bar, notebook, plain or none, got 'loud'"):
        distributed.run(print, hosts=2, progress="loud")


@pytest.mark.parametrize("progress", ["plain", Display()])
def test_a_display_is_closed_by_whoever_made_it(progress, monkeypatch):
    closed = []
    monkeypatch.setattr(PlainDisplay, "close", lambda self: closed.append("ours"))
    monkeypatch.setattr(Display, "close", lambda self: closed.append("theirs"))
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtraError):
        distributed.run(print, hosts=2, progress=progress)

    assert closed == (["ours"] if progress == "plain" else [])


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_another_backend_is_refused_with_what_to_set(monkeypatch, backend):
    monkeypatch.setattr("stoker.backends.choose", lambda: backend)

    with pytest.raises(OptionError, match=f"JAX backend, and this is {backend}: set KERAS_BACKEND=jax"):
        distributed.run(print, hosts=2)


def test_what_the_first_host_shows_is_shown_in_order():
    sent, display = [], Noted()
    relay = Relay(sent.append, 0.1)
    with relay.stage("survey", "B") as progress:
        progress(1, 2)
    relay.note("rows", "3")

    Player(display).play(sent)

    assert display.seen == ["survey begins", "survey 1/2", "survey ends", "rows: 3"]


def test_stages_of_a_host_that_is_lost_end():
    display = Noted()
    player = Player(display)

    player.play([("enter", ("survey", "B")), ("lost", ())])

    assert display.seen[:2] == ["survey begins", "survey ends"]
    assert display.seen[2].startswith("hosts: one of them was lost")
    assert not player.is_training


def test_what_the_first_host_prints_comes_on_standard_error_and_is_no_training(capsys):
    sent, display = [], Noted()
    player = Player(display)
    Relay(sent.append, 0.1).printed("seed=5")

    player.play(sent)

    assert capsys.readouterr() == ("", "seed=5\n")
    assert (display.seen, player.is_training) == ([], False)


def test_a_run_directory_names_the_command_that_began_the_hosts(tmp_path, monkeypatch):
    monkeypatch.setattr("stoker.distributed.working.RayCrew", lambda **given: Here(1))
    place = replace(Place.here(), program="process 7 on box")

    def signed(host):
        with running(tmp_path / "run"):
            return (tmp_path / "run/.lock").read_text()

    task = Work(function=signed, desk=Desk(), interval=1.0, place=place, anywhere=True)
    assert _outcome(task, Host(rank=0, count=1)).taken() == place.program
    assert Place.here().program.startswith(f"process {os.getpid()} on ")


def test_training_is_what_is_done_between_stages():
    player = Player(Noted())
    found = [player.is_training]

    for message in (("enter", ("survey", "B")), ("leave", ()), ("note", ("rows", "3"))):
        player.play([message])
        found.append(player.is_training)

    assert found == [False, False, True, True]


class Hosts:
    """Ray's trainer and its desk, as `_followed` knows them, and who asks the program to stop meanwhile."""

    def __init__(self, *asked: BaseException | None) -> None:
        self.asked, self.heard = list(asked), []
        self.look, self.ask_to_stop = (SimpleNamespace(remote=each) for each in (self._look, self._stop))

    def is_over(self):
        if self.asked and (asked := self.asked.pop(0)) is not None:
            raise asked
        return not self.asked

    def _look(self):
        return [("note", ("rows", "3"))], None if self.asked else Outcome(value="ended")

    def _stop(self, number):
        self.heard.append(number)


@pytest.fixture
def following(monkeypatch):
    monkeypatch.setattr("stoker.distributed.running.heard", lambda answer: answer)
    return lambda hosts: _followed(hosts, hosts, Player(Display())).taken()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_asks_once_is_told_to_the_hosts(number, following):
    hosts = Hosts(None, asking(number), None, None)

    assert (following(hosts), hosts.heard) == ("ended", [number])


def test_sigterm_that_comes_twice_counts_once(following):
    hosts = Hosts(None, Terminated(signal.SIGTERM), Terminated(signal.SIGTERM), None, None)

    assert (following(hosts), hosts.heard) == ("ended", [signal.SIGTERM])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_behind_another_signal_waits_for_nobody(number, following):
    with pytest.raises(KeyboardInterrupt):
        following(Hosts(None, asking(number), KeyboardInterrupt(), None))


def test_before_training_nobody_is_waited_for(following):
    with pytest.raises(Terminated):
        following(Hosts(Terminated(signal.SIGTERM), None))


def asking(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else Terminated(number)


def test_messages_are_heard_once_and_the_first_outcome_counts():
    desk = Desk()
    desk.begin()
    desk.call([("note", ("rows", "3"))])
    desk.settle(Outcome(value=1))
    desk.settle(Outcome(value=2))

    assert desk.look() == ([("note", ("rows", "3"))], Outcome(value=1))
    assert desk.look() == ([], Outcome(value=1))


def test_hosts_that_begin_again_know_it_and_whether_all_is_settled():
    desk = Desk()

    assert [desk.begin(), desk.begin()] == [(0, False), (1, False)]
    assert desk.look()[0] == [("lost", ())]
    desk.settle(Outcome(value=1))
    assert desk.begin() == (2, True)


def test_who_asks_to_stop_is_heard_with_the_next_call():
    desk = Desk()

    desk.ask_to_stop(2)

    assert desk.call([]) == 2


def test_errors_of_stoker_arrive_as_they_were():
    error = NonFiniteLossError("the loss is nan", first_step=3, last_step=7)

    with pytest.raises(NonFiniteLossError, match="the loss is nan") as found:
        failed(error, 1).taken()

    assert (found.value.first_step, found.value.last_step, found.value.row_ids) == (3, 7, ())


def test_other_errors_are_told_with_their_host():
    with pytest.raises(WorkerError, match="host 1 failed with ZeroDivisionError: by nothing"):
        failed(ZeroDivisionError("by nothing"), 1).taken()


def test_files_that_are_others_here_are_told_with_the_machine_once():
    said = f"as seen by host {socket.gethostname()}: a.csv changed"
    found = failed(ChangedDataError("a.csv changed"), 1)
    assert found.error == (ChangedDataError, said)
    with pytest.raises(ChangedDataError) as told:
        found.taken()
    assert failed(told.value, 0) == found


def test_a_file_that_cannot_be_read_here_is_told_with_the_machine_and_the_folder_that_it_lacks(tmp_path):
    gone, machine = replace(Place.here(), folder=str(tmp_path / "gone")), socket.gethostname()
    with pytest.raises(DataError) as found:
        stoker.open(tmp_path / "rows.csv")

    assert str(failed(found.value, 1, Place.here().lacking()).error[1]) == (
        f"as seen by host {machine}: {found.value}"
    )
    assert (
        failed(found.value, 1, gone.lacking())
        .error[1]
        .endswith(f"; check the path; {machine} has no folder {gone.folder}, where the program was started")
    )
    assert f"box'; {machine} has no folder" in failed(KeyError("box"), 1, gone.lacking()).error[1]
    assert failed(DataError("rows.csv, line 7: no number"), 1, gone.lacking()).error[1].endswith("no number")


def test_answers_are_there_until_all_have_them():
    desk = Desk()
    desk.post("survey", ["all"], 2)
    desk.call([])

    desk.thank("survey")
    assert desk.posted("survey") == (["all"], 1)
    desk.thank("survey")
    assert desk.posted("survey") == (None, 1)


def test_a_signal_arrives_as_one():
    with pytest.raises(KeyboardInterrupt):
        Outcome(signal=2).taken()


def test_what_a_lost_host_breaks_elsewhere_is_no_error_of_its_own():
    class JaxRuntimeError(RuntimeError):
        pass

    assert is_of_a_lost_host(JaxRuntimeError("Connection closed by peer"))
    assert is_of_a_lost_host(
        ValueError("UNKNOWN: Gloo AllGather failed: [pair.cc:538] Connection reset by peer")
    )
    assert not is_of_a_lost_host(ValueError("Connection closed by peer"))


def test_a_machine_without_the_programs_folder_is_refused_unless_it_does_not_matter(tmp_path):
    gone = replace(Place.here(), folder=str(tmp_path / "gone"))

    take_place(gone, anywhere=True)
    with pytest.raises(RunError, match=r"has no folder .*gone, where .* say anywhere=True"):
        take_place(gone, anywhere=False)


@pytest.mark.parametrize(
    ("address", "machines", "is_refused"),
    [
        ("127.0.1.1", {"10.0.0.1", "10.0.0.2"}, True),
        ("127.0.1.1", {"10.0.0.1"}, False),
        ("10.0.0.1", {"10.0.0.1", "10.0.0.2"}, False),
    ],
)
def test_a_machine_whose_name_means_itself_alone_is_refused_among_several(
    monkeypatch, address, machines, is_refused
):
    monkeypatch.setattr("socket.gethostname", lambda: "box")
    monkeypatch.setattr("socket.gethostbyname", lambda name: address)
    if not is_refused:
        require_reachable(machines)
        return

    with pytest.raises(RunError, match=r"box takes its own name for 127\.0\.1\.1"):
        require_reachable(machines)

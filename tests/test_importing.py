"""Keras is imported where no signal is raised."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
import threading
from importlib.machinery import ExtensionFileLoader, ModuleSpec

import pytest

from moments import moments
from stoker import signals
from stoker.cli.importing import begin_importing
from stoker.signals import Taken, Terminated, raise_for
from waiting import until

SLOW = """
from slow_gate import begun, ended, go
begun.set()
assert go.wait(20)
ended.set()
"""


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """Says that ``slow_module`` is being imported, and lets that go on."""
    (tmp_path / "slow_gate.py").write_text(
        "import threading\nbegun, go, ended = (threading.Event() for _ in range(3))\n"
    )
    (tmp_path / "slow_module.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    import slow_gate  # type: ignore[import-not-found]

    yield slow_gate
    for name in ("slow_gate", "slow_module"):
        sys.modules.pop(name, None)


@pytest.mark.timeout(60)
def test_ctrl_c_is_raised_in_the_thread_that_waits_and_what_is_loaded_comes_to_its_end(gate):
    importing = begin_importing(lambda: importlib.import_module("slow_module"))

    def press() -> None:
        assert gate.begun.wait(20)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)

    def wait() -> None:
        presser.start()
        importing.join(30)

    with pytest.raises(KeyboardInterrupt):
        wait()
    presser.join(30)
    assert not gate.ended.is_set()
    gate.go.set()
    assert gate.ended.wait(30)  # Python 3.11 takes a thread for ended whose join was interrupted


@pytest.mark.timeout(60)
def test_what_cannot_be_imported_is_told_by_the_one_who_imports_it_then():
    importing = begin_importing(lambda: importlib.import_module("stoker.there_is_no_such_module"))
    importing.join(30)
    assert "stoker.there_is_no_such_module" not in sys.modules


@pytest.mark.timeout(60)
def test_a_signal_while_a_library_of_c_is_loaded_is_raised_when_it_is():
    found = map(importlib.util.find_spec, ("_json", "_heapq", "array", "msgspec._core"))
    spec = next(each for each in found if isinstance(each.loader, ExtensionFileLoader))
    loaded: list[object] = []

    def look(frame, event, argument):
        if event == "c_return" and argument.__name__ == "create_dynamic":
            sys.setprofile(None)
            os.kill(os.getpid(), signal.SIGTERM)

    def load() -> None:
        with Taken(raise_for):
            sys.setprofile(look)
            loaded.append(importlib.util.module_from_spec(spec))
            until(lambda: False)

    try:
        with pytest.raises(Terminated):
            load()
    finally:
        sys.setprofile(None)
    assert loaded


@pytest.mark.timeout(60)
def test_whenever_an_import_is_interrupted_other_threads_can_import(monkeypatch, tmp_path):
    monkeypatch.setattr(signals, "_MOMENT", 0.001)
    (tmp_path / "made_for_this.py").write_text("import threading\n")
    monkeypatch.syspath_prepend(tmp_path)
    importing = ModuleSpec.__init__.__code__.co_filename

    def load() -> None:
        importlib.import_module("made_for_this")

    place = 0
    for place in moments(load, within=lambda name: name == importing):
        sys.modules.pop("made_for_this", None)
        other = threading.Thread(target=load, daemon=True)
        other.start()
        other.join(20)
        assert not other.is_alive(), f"a lock is kept where the signal comes at moment {place}"
        sys.modules.pop("made_for_this", None)
    assert place > 20

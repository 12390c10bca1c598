"""What Ray Data leaves running behind a stream, without Ray."""

from __future__ import annotations

import threading

import pytest

from stoker.cluster import streaming


class Executor(threading.Thread):
    """Ends when somebody waits for it, if at all."""

    def __init__(self, *, ends: bool) -> None:
        super().__init__(daemon=True, name="executor")
        self.ends, self.asked = ends, threading.Event()

    def run(self) -> None:
        self.asked.wait(60)

    def join(self, timeout: float | None = None) -> None:
        if self.ends:
            self.asked.set()
        super().join(timeout)


@pytest.fixture
def of_ray_data(monkeypatch):
    monkeypatch.setattr(Executor, "__module__", "ray.data._internal.execution.streaming_executor")


def test_what_executes_is_waited_for_and_what_only_fetches_is_not(of_ray_data):
    fetched = threading.Event()
    fetcher = threading.Thread(target=fetched.wait, args=(60,), daemon=True)
    with streaming._executors_ended():
        executor = Executor(ends=True)
        executor.start()
        fetcher.start()
    assert (executor.is_alive(), fetcher.is_alive()) == (False, True)
    fetched.set()
    fetcher.join()


def test_what_does_not_end_is_told(of_ray_data, monkeypatch):
    monkeypatch.setattr(streaming, "_END_SECONDS", 0.01)
    executor = Executor(ends=False)
    with pytest.warns(UserWarning, match="Ray Data's executor has not ended"), streaming._executors_ended():
        executor.start()
    executor.asked.set()
    executor.join()

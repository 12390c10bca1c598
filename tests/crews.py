"""A crew of this process: functions, tasks and results go there and back as bytes, as on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import cloudpickle

from stoker.crew import Crew


class Here(Crew):
    """Does tasks when they are asked for; knows what was asked for, and what was told."""

    def __init__(self, size: int = 2) -> None:
        self.size, self.tasks_a_host = size, size
        self.done: list[tuple[str, Any]] = []

    def each(self, function: Callable[[Any, Any], Any], tasks: Iterable[Any], common: Any) -> Iterator[Any]:
        sent = cloudpickle.dumps((function, common))
        for task in tasks:
            there, known = cloudpickle.loads(sent)
            self.done.append((function.__name__, task))
            yield _sent(there(known, _sent(task)))


def _sent(value: Any) -> Any:
    return cloudpickle.loads(cloudpickle.dumps(value))


class Follower(Crew):
    """One that trains with others and does not lead: told what a leader found out."""

    size = tasks_a_host = 1

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers

    def each(self, function: Any, tasks: Any, common: Any) -> Iterator[Any]:
        raise AssertionError("who follows has nothing done")

    def told(self, about: str, ask: Callable[[], Any]) -> Any:
        return cloudpickle.loads(cloudpickle.dumps(self.answers.pop(0)))


class Leader(Here):
    """Notes what it tells."""

    def __init__(self, size: int = 2) -> None:
        super().__init__(size)
        self.answers: list[Any] = []

    def told(self, about: str, ask: Callable[[], Any]) -> Any:
        self.answers.append(ask())
        return self.answers[-1]

"""Where the hosts and the program that began them leave word for each other; an actor of Ray's."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stoker.cluster import Outcome, heard
from stoker.distributed.board import Board

if TYPE_CHECKING:
    from stoker.distributed.relaying import Message

__all__ = ["Courier", "Desk", "couriered"]

_SECONDS = 0.2


class Desk(Board):
    """What was said and not yet heard.

    Examples
    --------
    >>> desk = Desk()
    >>> desk.begin(), desk.call([("note", ("rows", "3"))]), desk.look()
    ((0, False), 0, ([('note', ('rows', '3'))], None))
    """

    def __init__(self) -> None:
        super().__init__()
        self._messages: list[Message] = []
        self._outcome: Outcome | None = None
        self._begun = 0
        self._signal = 0
        self._controller: Any = None

    def introduce(self, controller: Any) -> None:
        """Ray's actor that begins the hosts is there."""
        self._controller = controller

    def controller(self) -> Any:
        """Who begins the hosts, None before it was introduced."""
        return self._controller

    def begin(self) -> tuple[int, bool]:
        """The first host begins: how often it did before, and whether all is settled already."""
        self._begun += 1
        if self._begun > 1 and self._outcome is None:
            self._messages.append(("lost", ()))
        return self._begun - 1, self._outcome is not None

    def call(self, messages: Sequence[Message]) -> int:
        """Leave messages; the signal by which the hosts are asked to stop, 0 while nobody asks."""
        self._messages.extend(messages)
        self._beats += 1
        return self._signal

    def settle(self, outcome: Outcome) -> None:
        """Leave what came out; the first of several counts."""
        self._outcome = self._outcome or outcome

    def look(self) -> tuple[list[Message], Outcome | None]:
        """What was left since, and what came out, if it did."""
        messages, self._messages = self._messages, []
        return messages, self._outcome

    def ask_to_stop(self, signal: int) -> None:
        """Ask the hosts to stop by a signal."""
        self._signal = signal


class Courier:
    """Carries between the first host and the desk, in a thread of its own."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk
        self._waiting: list[Message] = []
        self._ended = threading.Event()
        self._signal = 0
        self._thread = threading.Thread(target=self._run, name="stoker-courier", daemon=True)

    def send(self, message: Message) -> None:
        """Have a message brought to the desk soon."""
        self._waiting.append(message)

    def asked(self) -> int:
        """The signal by which training is asked to stop, 0 while nobody asks."""
        return self._signal

    def begin(self) -> None:
        """Start."""
        self._thread.start()

    def end(self) -> None:
        """Bring what is left, and stop."""
        self._ended.set()
        self._thread.join()
        self._carry()

    def _run(self) -> None:
        while not self._ended.wait(_SECONDS):
            self._carry()

    def _carry(self) -> None:
        count = len(self._waiting)
        messages, self._waiting[:count] = self._waiting[:count], []
        self._signal = heard(self._desk.call.remote(messages))


@contextmanager
def couriered(desk: Any) -> Iterator[Courier]:
    """Inside, a courier is under way."""
    courier = Courier(desk)
    courier.begin()
    try:
        yield courier
    finally:
        courier.end()

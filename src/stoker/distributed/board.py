"""What one host found out for all that train together: where it leaves answers, and others find them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from stoker.cluster import Outcome, failed, heard
from stoker.cluster.shipping import packed, unpacked
from stoker.errors import WorkerError

__all__ = ["Board", "Boards"]

_LOOK_SECONDS = 0.2
"""Between two looks, once somebody has waited for long; before, a tenth of the time waited."""
_SILENT_SECONDS = 180.0
"""Of the first host, until it is taken for lost."""

R = TypeVar("R")


class Board:
    """Answers by name, each until all others have it; a part of the desk.

    Examples
    --------
    >>> board = Board()
    >>> board.post("survey", [b"all"], 1)
    >>> board.posted("survey"), board.posted("texts")
    (([b'all'], 0), (None, 0))
    >>> board.thank("survey"), board.posted("survey")
    (None, (None, 0))
    """

    def __init__(self) -> None:
        self._answers: dict[str, tuple[list[Any], int]] = {}
        self._beats = 0

    def post(self, name: str, answer: list[Any], readers: int) -> None:
        """Leave an answer for so many others."""
        if readers:
            self._answers[name] = answer, readers

    def posted(self, name: str) -> tuple[list[Any] | None, int]:
        """An answer, None while there is none; and a number that grows while the first host is there."""
        return self._answers.get(name, (None, 0))[0], self._beats

    def thank(self, name: str) -> None:
        """One of the others has it."""
        answer, readers = self._answers.pop(name)
        self.post(name, answer, readers - 1)


class Boards:
    """A host's way to the board: the answers that are told one after the other, in all of them alike.

    Parameters
    ----------
    desk
        The actor.
    rank, count, attempt
        Of the host; answers of an earlier attempt are others.
    """

    def __init__(self, desk: Any, rank: int, count: int, attempt: int) -> None:
        self._desk, self._rank, self.count, self._attempt = desk, rank, count, attempt
        self._told: Counter[str] = Counter()

    def told(self, about: str, ask: Callable[[], R]) -> R:
        """The first host's answer; see `stoker.crew.Crew.told`."""
        self._told[about] += 1
        name = f"{about}, {self._told[about]} in attempt {self._attempt}"
        return self._asked(name, ask) if self._rank == 0 else self._awaited(name)

    def _asked(self, name: str, ask: Callable[[], R]) -> R:
        try:
            outcome = Outcome(value=ask())
        except Exception as error:
            self._post(name, failed(error, self._rank))
            raise
        self._post(name, outcome)
        value: R = outcome.value
        return value

    def _post(self, name: str, outcome: Outcome) -> None:
        import ray

        answer = [ray.put(packed(outcome))]  # in a list it stays a reference
        heard(self._desk.post.remote(name, answer, self.count - 1))

    def _awaited(self, name: str) -> Any:
        begun = since = time.monotonic()
        seen = -1
        while True:
            answer, beats = heard(self._desk.posted.remote(name))
            if answer is not None:
                outcome: Outcome = unpacked(heard(answer[0]))
                heard(self._desk.thank.remote(name))
                return outcome.taken()
            if beats != seen:
                seen, since = beats, time.monotonic()
            if time.monotonic() - since > _SILENT_SECONDS:
                raise WorkerError(
                    f"the first host has been silent for {_SILENT_SECONDS:.0f} seconds while the others wait "
                    "for what it surveys and fits: `ray status` tells whether its node is alive"
                )
            time.sleep(min(_LOOK_SECONDS, 0.01 + (time.monotonic() - begun) / 10))

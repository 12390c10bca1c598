"""Where processes that train together meet between two steps, and what they settle there.

A step needs all of them, so whatever keeps one from the next step must keep all from it. What the numbers of
the training decide is the same everywhere. What a clock, a signal or a person decides is not: it is settled
where all meet, behind a step that all of them know beforehand, and the first process's clock is the one that
counts. There, too, each hands over what it has counted since, so that what the first one records is of all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from stoker.group import Group
from stoker.training.handover import Handover
from stoker.training.interrupts import Interrupts

__all__ = ["Meeting"]

_DIGEST = 1 << 128
_WORD = 1 << 64
_MICRO = 1_000_000
_SECONDS = 0.25
"""About how long it takes until they meet again."""
_MOST_STEPS = 1 << 12


class Meeting:
    """Meetings of the group during one training; of a group of one, nothing happens.

    Parameters
    ----------
    group
        The processes.
    model, training, interrupts
        What is trained, where batches come from, and who asks to stop.
    """

    def __init__(self, group: Group, model: Any, training: Handover, interrupts: Interrupts) -> None:
        self._group, self._model, self._training, self._interrupts = group, model, training, interrupts
        self.is_shared = not group.is_alone
        self._waited = 0.0
        self._steps = 1
        self._at = time.perf_counter()

    def hold(self) -> None:
        """Give the first process what all have counted; stop where anybody asks for it."""
        if not self.is_shared:
            return
        training, group = self._training, self._group
        waited = max(0.0, training.wait_seconds - self._waited)
        order, member = training.digests
        asked = self._interrupts.wanted or group.asked()
        found = group.words(
            [
                *divmod(order, _WORD),
                *divmod(member, _WORD),
                training.rows,
                int(waited * _MICRO),
                asked,
                int(self._model.stop_training),
            ]
        )
        if group.is_first:
            training.digests = _sum(found, 0), _sum(found, 2)
            training.rows = sum(each[4] for each in found)
            # All wait for the one that waits longest.
            training.wait_seconds += max(each[5] for each in found) / _MICRO - waited
            self._waited = training.wait_seconds
        else:
            self._hand_over()
        number = next((each[6] for each in found if each[6]), 0)
        if number:
            self._interrupts.agree(number)
        if any(each[7] for each in found):
            self._model.stop_training = True

    def decided(self, ask: Callable[[], bool]) -> bool:
        """What the first process says; the others are not asked."""
        return self._group.told(ask)

    def next_look(self, finished: int, batch: int) -> int:
        """The count of finished batches behind which they meet again: the first process's, or sooner."""
        return self._group.told(lambda: min(batch, finished + self._pace()))

    def go_on(self) -> None:
        """The run goes on from counts that are of all: the first process has them."""
        self._waited = self._training.wait_seconds
        if not self._group.is_first:
            self._hand_over()

    def _hand_over(self) -> None:
        training = self._training
        training.digests, training.rows, training.wait_seconds = (0, 0), 0, 0.0
        self._waited = 0.0

    def _pace(self) -> int:
        """Steps until they meet again, by how long those took that were taken since."""
        now = time.perf_counter()
        passed, self._at = now - self._at, now
        if passed < _SECONDS / 2:
            self._steps = min(2 * self._steps, _MOST_STEPS)
        elif passed > 2 * _SECONDS:
            self._steps = max(1, self._steps // 2)
        return self._steps


def _sum(found: list[tuple[int, ...]], place: int) -> int:
    return sum(each[place] * _WORD + each[place + 1] for each in found) % _DIGEST

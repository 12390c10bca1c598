"""Which rows a view holds, told while the number of rows is still unknown.

Membership in a split or fold depends on the group of 1,000 that an ordinal lies in, and only the last group
is shorter. So the rows of a view made of these and of chosen rows are certain up to the last whole group of
each step; a shard needs the number of rows, which a scan ahead of the pass must count.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stoker.sources.bits import BitSpec
from stoker.sources.bound import BoundView
from stoker.sources.views import RankSpec, ShardSpec, TakeSpec, View

__all__ = ["Horizon"]

_GROUP = 1_000
_ENDLESS = 1 << 48
_LARGEST_WAIT = 64 * _GROUP
"""Rows that may wait for certainty; a split so sparse that more would is counted ahead like a shard."""


class Horizon:
    """Membership of rows in a view during a pass.

    Parameters
    ----------
    view
        Of the source.
    num_slots
        Slots in all where they are known, which `needs_count` asks for.
    """

    def __init__(self, view: View, num_slots: int | None = None) -> None:
        self._view = view
        self._known = num_slots is not None
        self._bound = view.bind(
            _ENDLESS if num_slots is None else num_slots, are_counted=num_slots is not None
        )
        self._prefixes = [
            View(steps=view.steps[:depth]).bind(_ENDLESS, are_counted=False)
            for depth in range(len(view.steps))
            if not self._known
        ]

    @property
    def num_bytes(self) -> int:
        """Memory that it takes to tell the view's rows: of rows chosen one by one, 8 bytes each, or a bit."""
        return self._bound.num_bytes

    @staticmethod
    def needs_count(view: View) -> bool:
        """Whether the slots must be counted before the pass."""
        spread = _GROUP
        for step in view.steps:
            if isinstance(step, TakeSpec | BitSpec):
                return False
            if isinstance(step, ShardSpec):
                return True
            if isinstance(step, RankSpec):
                size = _part_size(step)
                if size == 0 or spread > _LARGEST_WAIT:
                    return True
                spread = spread * _GROUP // size
        return False

    def certain(self, num_slots: int) -> int:
        """Rows [0, certain) of the first `num_slots` are members or not, whatever follows."""
        if self._known or not self._view.steps:
            return num_slots
        limit, ordinals = num_slots, num_slots
        for step, prefix in zip(self._view.steps, self._prefixes, strict=True):
            if not isinstance(step, RankSpec):
                # How many rows were chosen is known: what narrows them further does not depend on the end.
                break
            groups = ordinals // _GROUP
            limit = min(limit, _id_of(prefix, groups * _GROUP))
            ordinals = groups * _part_size(step)
        return limit

    def close(self, num_slots: int) -> None:
        """Learn the number of slots; from now on everything is certain.

        Raises
        ------
        ChangedDataError
            There were more or fewer when rows were chosen among them.
        """
        if not self._known:
            self._bound = self._view.bind(num_slots)
            self._known = True

    def mask(self, first_id: int, count: int) -> npt.NDArray[np.bool_] | None:
        """Whether each of the ids [first_id, first_id + count) is a member; None where all are."""
        return self._bound.mask(first_id, count) if self._view.steps else None


def _part_size(step: RankSpec) -> int:
    below, upto = step.ranks(_GROUP)
    return upto - below if step.part == 0 else _GROUP - (upto - below)


def _id_of(view: BoundView, ordinal: int) -> int:
    if ordinal >= view.num_rows:
        return view.num_slots
    return int(view.ids_of(np.array([ordinal], np.int64))[0])

"""Blocks of an object that are asked for before they are wanted, several requests at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container, Iterator, Sequence
from typing import TypeAlias

from stoker.prefetch import Prefetched, prefetch
from stoker.sources.remote.names import AT_ONCE, RUN_BLOCKS

__all__ = ["Ahead", "Run", "runs_of"]

Run: TypeAlias = tuple[int, int]
"""Blocks from one to before another, which one request asks for."""
_Fetched: TypeAlias = tuple[Run, list[bytes]]


def runs_of(first: int, behind: int) -> Iterator[Run]:
    """The blocks [first, behind) in runs."""
    for begin in range(first, behind, RUN_BLOCKS):
        yield begin, min(begin + RUN_BLOCKS, behind)


class Ahead:
    """Gives blocks; for one thread at a time.

    Parameters
    ----------
    fetch
        Gives the blocks of a run; called in other threads.
    num_blocks
        Of the object.
    expected
        Runs in the order in which their blocks are wanted, about; None for all from the first one wanted on.
    held
        Blocks that were wanted last and are kept, at most.
    """

    def __init__(
        self,
        fetch: Callable[[Run], list[bytes]],
        num_blocks: int,
        *,
        expected: Sequence[Run] | None = None,
        held: int = RUN_BLOCKS + 1,
    ) -> None:
        self._fetch, self._num_blocks = fetch, num_blocks
        self._expected, self._most = expected, max(held, RUN_BLOCKS + 1)
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._coming: Container[int] = range(0)
        self._results: Prefetched[Run, _Fetched] | None = None
        if expected is not None:
            self._coming = {number for run in expected for number in range(*run)}

    def take(self, number: int) -> bytes:
        """A block, whenever it was expected."""
        found = self._held.get(number)
        if found is not None:
            self._held.move_to_end(number)
            return found
        if self._expected is None and not self._is_near(number):
            self._begin(runs_of(number, self._num_blocks))
            self._coming = range(number, self._num_blocks)
        elif self._results is None and self._expected:
            self._begin(iter(self._expected))
        while number in self._coming:
            self._take_in()
            if number in self._held:
                return self._held[number]
        (found,) = self._fetch((number, number + 1))
        self._hold(number, found)
        return found

    def close(self) -> None:
        """Stop asking; idempotent."""
        results, self._results = self._results, None
        self._held.clear()
        if results is not None:
            results.close()

    def _is_near(self, number: int) -> bool:
        """Whether a block is among the next ones of a reading in order."""
        coming = self._coming
        return isinstance(coming, range) and number in coming[: 2 * AT_ONCE * RUN_BLOCKS]

    def _begin(self, runs: Iterator[Run]) -> None:
        self.close()
        self._results = prefetch(
            lambda run: (run, self._fetch(run)), runs, workers=AT_ONCE, in_flight=AT_ONCE, name="ahead"
        )

    def _take_in(self) -> None:
        assert self._results is not None
        found = next(self._results, None)
        if (
            found is None
        ):  # an error, which another thread was told, ended it: what failed may be asked for again
            self._coming = range(0)
            return
        (begin, behind), blocks = found
        if isinstance(self._coming, range):
            self._coming = range(behind, self._num_blocks)
        elif isinstance(self._coming, set):
            self._coming.difference_update(range(begin, behind))
        for number, block in enumerate(blocks, begin):
            self._hold(number, block)

    def _hold(self, number: int, block: bytes) -> None:
        self._held[number] = block
        while len(self._held) > self._most:
            self._held.popitem(last=False)

"""An epoch's batches as one closable iterator: windows read and batches made ahead, in order and bounded."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from stoker.errors import OptionError
from stoker.loader import BatchGroup, Loader, Window
from stoker.prefetch import Prefetched, prefetch
from stoker.types import Batch, OrderSpec, Rank, Sampler, StreamLimits

__all__ = ["BatchStream"]


class BatchStream(Iterator[Batch]):
    """The batches of one epoch from a position on.

    Parameters
    ----------
    loader, sampler
        Where rows come from, and in what order.
    encode
        Makes the batches of a group; called in worker threads.
    epoch, start_batch
        Where to begin.
    rank
        Whose rows of each batch; None for all of them. All ranks have the same number of batches, of which
        the last may be empty for some.
    limits
        How far to work ahead.
    release
        Called when the stream has ended, is closed or forgotten: gives back the room that it took.

    Raises
    ------
    OptionError
        If the epoch has fewer batches than `start_batch`.
    """

    def __init__(
        self,
        loader: Loader,
        sampler: Sampler,
        encode: Callable[[BatchGroup], list[Batch]],
        *,
        epoch: int,
        start_batch: int = 0,
        rank: Rank | None = None,
        limits: StreamLimits,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self._release = weakref.finalize(self, release)
        self._release.atexit = False
        spec = sampler.spec
        if not 0 <= start_batch <= spec.num_batches:
            raise OptionError(f"start_batch must lie in [0, {spec.num_batches}], got {start_batch}")
        first_window = start_batch * spec.batch_size // spec.window
        windows = prefetch(
            lambda window: loader.load(sampler.request(epoch, window, rank)),
            range(first_window, spec.num_windows),
            workers=limits.workers if limits.windows_in_flight else 0,
            in_flight=max(1, limits.windows_in_flight),
            name="read",
        )
        tasks = _Groups(windows, spec, limits.group_batches, start_batch)
        self._groups = prefetch(
            lambda group: encode(group.ready()),
            tasks,
            workers=limits.workers,
            in_flight=limits.groups_in_flight,
            name="transform",
        )
        self._batches: deque[Batch] = deque()

    def ready(self) -> bool:
        """Whether the next batch, or the end, can be had without waiting."""
        return bool(self._batches) or self._groups.ready()

    def __next__(self) -> Batch:
        if not self._batches:
            try:
                self._batches.extend(next(self._groups))
            except BaseException:
                self.close()
                raise
        return self._batches.popleft()

    def close(self) -> None:
        """End every thread and forget what was made ahead; idempotent."""
        self._groups.close()
        self._batches.clear()
        self._release()


class _Once:
    """A window that is on its way: the first who needs it has it loaded, if nobody else does."""

    def __init__(self, load: Callable[[], Window]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._window: Window | None = None

    def get(self) -> Window:
        """The window; waits for it."""
        with self._lock:
            if self._window is None:
                self._window = self._load()
            return self._window


class _Promised(NamedTuple):
    """A group of batches of a window that may not be read yet."""

    window: _Once
    first: int
    behind: int
    batch_size: int

    def ready(self) -> BatchGroup:
        """The group; waits for its window."""
        return BatchGroup(self.window.get(), self.first, self.behind, self.batch_size)


class _Groups(Iterator[_Promised]):
    """Groups of batches, window after window; which they are is arithmetic, and waits for no window.

    So a worker that makes batches waits for their window, and not the consumer: windows become batches while
    the consumer itself waits for a step's result.
    """

    def __init__(
        self, windows: Prefetched[int, Window], spec: OrderSpec, group_batches: int, start_batch: int
    ) -> None:
        self._windows, self._spec, self._group_batches = windows, spec, group_batches
        self._next_batch = start_batch
        self._current: _Once | None = None

    def __next__(self) -> _Promised:
        spec, first = self._spec, self._next_batch
        if first >= spec.num_batches:
            raise StopIteration
        size = spec.window // spec.batch_size
        start = first // size * size
        if self._current is None or first == start:
            self._current = _Once(self._windows.promise())
        behind = min(first + self._group_batches, start + size, spec.num_batches)
        self._next_batch = behind
        return _Promised(self._current, first - start, behind - start, spec.batch_size)

    def close(self) -> None:
        """End the stage that reads windows."""
        self._windows.close()
        self._current = None

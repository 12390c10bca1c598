"""An epoch's batches as one closable iterator: windows read and batches made ahead, in order and bounded."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterator

from stoker.errors import OptionError
from stoker.loader import BatchGroup, Loader, Window
from stoker.prefetch import Prefetched, prefetch
from stoker.types import Batch, Sampler, StreamLimits

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
            lambda window: loader.load(sampler.request(epoch, window)),
            range(first_window, spec.num_windows),
            workers=limits.workers if limits.windows_in_flight else 0,
            in_flight=max(1, limits.windows_in_flight),
            name="read",
        )
        tasks = _Groups(windows, spec.batch_size, limits.group_batches, start_batch)
        self._groups = prefetch(
            encode, tasks, workers=limits.workers, in_flight=limits.groups_in_flight, name="transform"
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


class _Groups(Iterator[BatchGroup]):
    """Groups of batches, window after window, that can tell whether the next is at hand."""

    def __init__(
        self, windows: Prefetched[int, Window], batch_size: int, group_batches: int, start_batch: int
    ) -> None:
        self._windows = windows
        self._batch_size, self._group_batches, self._start_batch = batch_size, group_batches, start_batch
        self._current: deque[BatchGroup] = deque()

    def ready(self) -> bool:
        """Whether the next group can be had without waiting for a window."""
        return bool(self._current) or self._windows.ready()

    def __next__(self) -> BatchGroup:
        while not self._current:
            window = next(self._windows)
            self._current.extend(window.groups(self._batch_size, self._group_batches, self._start_batch))
        return self._current.popleft()

    def close(self) -> None:
        """End the stage that reads windows."""
        self._windows.close()
        self._current.clear()

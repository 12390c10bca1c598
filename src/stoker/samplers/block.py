"""Blocks of consecutive rows in random order, and the rows of a window of blocks shuffled together.

Reading stays sequential within a block, so that a shuffled epoch over a file costs about what a plain scan
does; how far rows mix is what block and window say.
"""

from __future__ import annotations

import numpy as np

from stoker.kernels.mixing import permute_in_place
from stoker.samplers.base import BaseSampler, epoch_key
from stoker.samplers.exact import permuted, unpermuted
from stoker.types import IntArray

__all__ = ["BlockSampler"]


class BlockSampler(BaseSampler):
    """Windows over a stream of permuted blocks, each window permuted lane by lane."""

    def _read(self, epoch: int, window: int, start: int, stop: int) -> tuple[IntArray, IntArray]:
        short = self._short_slot(epoch)
        first_slot, last_slot = self._slot_of(start, short), self._slot_of(stop - 1, short)
        slots = np.arange(first_slot, last_slot + 1, dtype=np.int64)
        ranges = self._block_ranges(epoch, slots)
        ranges[0, 0] += start - self._slot_start(first_slot, short)
        ranges[-1, 1] = ranges[-1, 0] + stop - max(start, self._slot_start(last_slot, short))
        ascending = np.argsort(ranges[:, 0])
        stream = self._stream_in_storage(ranges, ascending)
        return ranges[ascending], stream[self._shuffled(epoch, window, stop - start)]

    @property
    def _num_blocks(self) -> int:
        return -(-self.spec.num_rows // self.spec.block)

    def _short_slot(self, epoch: int) -> int:
        """The slot of the last, short block; behind the last slot where every block is full."""
        spec, count = self.spec, self._num_blocks
        if spec.num_rows % spec.block == 0:
            return count
        last = np.array([count - 1], np.int64)
        return int(unpermuted(last, count, epoch_key(spec.seed, epoch, 1))[0])

    def _slot_start(self, slot: int, short: int) -> int:
        """The place of the stream at which a slot begins, given the short block's slot."""
        missing = -self.spec.num_rows % self.spec.block
        return slot * self.spec.block - (missing if slot > short else 0)

    def _slot_of(self, place: int, short: int) -> int:
        """The slot that a place of the stream lies in, given the short block's slot."""
        block = self.spec.block
        missing = -self.spec.num_rows % block
        if place < short * block + block - missing:
            return min(place // block, short)
        return (place + missing) // block

    def _block_ranges(self, epoch: int, slots: IntArray) -> IntArray:
        """View positions of the blocks in the given slots, int64 of shape (s, 2)."""
        spec = self.spec
        blocks = permuted(slots, self._num_blocks, epoch_key(spec.seed, epoch, 1))
        firsts = blocks * spec.block
        return np.stack([firsts, np.minimum(firsts + spec.block, spec.num_rows)], axis=1)

    @staticmethod
    def _stream_in_storage(ranges: IntArray, ascending: IntArray) -> IntArray:
        """For each place of the stream, its row among the ranges once they are sorted."""
        lengths = ranges[:, 1] - ranges[:, 0]
        sorted_starts = np.empty_like(lengths)
        sorted_lengths = lengths[ascending]
        sorted_starts[ascending] = np.cumsum(sorted_lengths) - sorted_lengths
        stream_starts = np.cumsum(lengths) - lengths
        stored: IntArray = np.arange(int(lengths.sum())) + np.repeat(sorted_starts - stream_starts, lengths)
        return stored

    def _shuffled(self, epoch: int, window: int, size: int) -> IntArray:
        """The place of the stream, counted within the window, that each place of the window takes.

        A full window is split into lanes that are permuted apart and dealt out in turn, so that a rank that
        needs some lanes of each batch reads those alone; a short last window is one lane.
        """
        spec = self.spec
        lanes = spec.lanes if size == spec.window else 1
        places = np.arange(size, dtype=np.int64).reshape(lanes, size // lanes)
        for lane in range(lanes):
            permute_in_place(places[lane], epoch_key(spec.seed, epoch, 2, window, lane))
        share = spec.batch_size // spec.lanes if lanes > 1 else size
        return np.ascontiguousarray(places.reshape(lanes, -1, share).transpose(1, 0, 2)).reshape(-1)

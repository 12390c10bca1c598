"""Pieces of files that were decoded last: whoever comes next may want them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from stoker.sources.chunks import ParsedChunk
from stoker.types import IntArray

__all__ = ["HELD_BYTES", "HeldPieces", "Piece"]

HELD_BYTES = 8 << 20
"""Decoded pieces that are kept take at most this."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Decoded rows of one file: ids from `first_row` on, and those of them that must not be read."""

    first_row: int
    parsed: ParsedChunk
    bad: IntArray
    num_bytes: int


class HeldPieces:
    """Pieces by file and place, those that were wanted last; safe to use from several threads."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[int, int], Piece] = OrderedDict()
        self._lock = threading.Lock()
        self.num_bytes = 0

    def get(self, file: int, place: int) -> Piece | None:
        """A piece, if it is held."""
        with self._lock:
            found = self._held.get((file, place))
            if found is not None:
                self._held.move_to_end((file, place))
            return found

    def keep(self, file: int, place: int, piece: Piece) -> None:
        """Hold a piece, and let go of those that were not wanted for longest."""
        with self._lock:
            old = self._held.pop((file, place), None)
            self.num_bytes += piece.num_bytes - (0 if old is None else old.num_bytes)
            self._held[file, place] = piece
            while self.num_bytes > HELD_BYTES and len(self._held) > 1:
                self.num_bytes -= self._held.popitem(last=False)[1].num_bytes

    def drop(self, file: int) -> None:
        """Let go of a file's pieces."""
        with self._lock:
            for key in [key for key in self._held if key[0] == file]:
                self.num_bytes -= self._held.pop(key).num_bytes

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._held.clear()
            self.num_bytes = 0

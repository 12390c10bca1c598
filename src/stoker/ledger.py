"""One account of the memory that stoker's buffers take: charged when made, released when collected."""

from __future__ import annotations

import mmap
import re
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from stoker.errors import OptionError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Charge", "Ledger", "allocated_bytes", "parse_bytes"]

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


def parse_bytes(text: str | int) -> int:
    """Read an amount of memory: ``64MB``, ``1.5 GiB``, ``800000``.

    Examples
    --------
    >>> parse_bytes("64MB"), parse_bytes("1.5 GiB"), parse_bytes(1000)
    (64000000, 1610612736, 1000)
    """
    if isinstance(text, int):
        amount: float = text
    else:
        match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([A-Za-z]*)\s*", text) if isinstance(text, str) else None
        unit = _UNITS.get(match[2].upper()) if match is not None else None
        if match is None or unit is None or (unit == 1 and "." in match[1]):
            raise OptionError(f"memory must be a size such as 64MB, 1.5GiB or 800000 bytes, got {text!r}")
        amount = float(match[1]) * unit
    if amount < 1:
        raise OptionError(f"memory must be at least one byte, got {text!r}")
    return int(amount)


def allocated_bytes(array: npt.NDArray[Any]) -> int:
    """Bytes of an array that are memory of this process; 0 where it shows a mapped file."""
    owner: Any = array
    while owner is not None and not isinstance(owner, mmap.mmap):
        owner = getattr(owner, "base", None)
    return array.nbytes if owner is None else 0


class Ledger:
    """Bytes held now and at the peak, by kind of buffer; safe to use from several threads.

    Parameters
    ----------
    limit
        The memory budget in bytes. The ledger records and reports; the plan is what keeps below it.

    Examples
    --------
    >>> ledger = Ledger(limit=1_000)
    >>> charge = ledger.charge("window", 400)
    >>> charge.release()
    >>> ledger.current, ledger.peak
    (0, 400)
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        # Releases arrive from finalizers, which may run in the middle of `_add` on the same thread: they are
        # only noted here, and booked by whoever holds the lock next.
        self._returned: deque[tuple[str, int]] = deque()
        self._current: dict[str, int] = {}
        self._peaks: dict[str, int] = {}
        self._total = 0
        self._peak = 0
        self._returned_aside: deque[tuple[str, int]] = deque()

    @property
    def current(self) -> int:
        """Bytes held now."""
        with self._lock:
            self._book_returns()
            return self._total

    @property
    def peak(self) -> int:
        """Bytes held at most at any moment so far."""
        return self._peak

    @property
    def peaks_by_kind(self) -> dict[str, int]:
        """The most bytes that each kind of buffer has held; the kinds need not have peaked together."""
        with self._lock:
            return dict(sorted(self._peaks.items()))

    def charge(self, kind: str, num_bytes: int) -> Charge:
        """Charge bytes to a kind of buffer until the charge is released."""
        self._add(kind, num_bytes)
        return Charge(self, kind, num_bytes)

    def try_charge(self, kind: str, num_bytes: int) -> Charge | None:
        """Charge bytes if they stay within the limit together with all that is charged; else None."""
        with self._lock:
            self._book_returns()
            if self._total + num_bytes > self.limit:
                return None
            self._book(kind, num_bytes)
        return Charge(self, kind, num_bytes)

    def tie(self, kind: str, num_bytes: int, owner: object) -> None:
        """Charge bytes until nobody holds `owner` any more."""
        charge = self.charge(kind, num_bytes)
        weakref.finalize(owner, charge.release).atexit = False

    def tie_aside(self, kind: str, num_bytes: int, owner: object) -> None:
        """Take down bytes that go by the model and not by the data, until nobody holds `owner` any more.

        They are a kind of their own in `peaks_by_kind`, and no part of what the limit is for: a copy of a
        model's variables takes what the model takes, whatever the memory for data is.
        """
        self._add(kind, num_bytes, counts=False)
        weakref.finalize(owner, self._returned_aside.append, (kind, num_bytes)).atexit = False

    def held(self, kind: str) -> int:
        """Bytes of one kind that are held now."""
        with self._lock:
            self._book_returns()
            return self._current.get(kind, 0)

    def attach(self, kind: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Charge an array's bytes until nobody holds it, or a view of it, any more; return the array.

        The array must own its memory: a view is collected before the memory it shows.
        """
        self.tie(kind, array.nbytes, array)
        return array

    def _add(self, kind: str, num_bytes: int, *, counts: bool = True) -> None:
        with self._lock:
            self._book_returns()
            self._book(kind, num_bytes, counts=counts)

    def _book(self, kind: str, num_bytes: int, *, counts: bool = True) -> None:
        held = self._current.get(kind, 0) + num_bytes
        self._current[kind] = held
        self._peaks[kind] = max(self._peaks.get(kind, 0), held)
        self._total += num_bytes if counts else 0
        self._peak = max(self._peak, self._total)

    def _book_returns(self) -> None:
        while self._returned:
            kind, num_bytes = self._returned.popleft()
            self._current[kind] -= num_bytes
            self._total -= num_bytes
        while self._returned_aside:
            kind, num_bytes = self._returned_aside.popleft()
            self._current[kind] -= num_bytes

    def _give_back(self, kind: str, num_bytes: int) -> None:
        self._returned.append((kind, num_bytes))


class Charge:
    """Bytes charged to a ledger; `release` gives them back once, however often it is called."""

    __slots__ = ("_kind", "_ledger", "_num_bytes")

    def __init__(self, ledger: Ledger, kind: str, num_bytes: int) -> None:
        self._ledger, self._kind, self._num_bytes = ledger, kind, num_bytes

    def release(self) -> None:
        """Give the bytes back."""
        num_bytes, self._num_bytes = self._num_bytes, 0
        if num_bytes:
            self._ledger._give_back(self._kind, num_bytes)

    def __enter__(self) -> Charge:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

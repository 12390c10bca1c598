"""Arrays that grow chunk by chunk and do not stay in memory when they become large."""

from __future__ import annotations

import tempfile
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError

__all__ = ["GrowingArray"]

_SPILL_BYTES = 4 << 20


class GrowingArray:
    """A one-dimensional array made by appending; beyond a few MB it lives in an unnamed temporary file.

    Parameters
    ----------
    dtype
        Of the elements.
    spill_bytes
        What may be held in memory before the array moves to the file.

    Examples
    --------
    >>> ids = GrowingArray(np.int64)
    >>> ids.append(np.array([3, 5]))
    >>> ids.append(np.array([8]))
    >>> len(ids), ids.finish().tolist()
    (3, [3, 5, 8])
    """

    def __init__(self, dtype: npt.DTypeLike, *, spill_bytes: int = _SPILL_BYTES) -> None:
        self._dtype = np.dtype(dtype)
        self._spill_bytes = spill_bytes
        self._parts: list[npt.NDArray[Any]] = []
        self._held = 0
        self._length = 0
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return self._length

    def append(self, values: npt.NDArray[Any]) -> None:
        """Add the elements of an array of shape (n,)."""
        if not len(values):
            return
        # A copy, so that a slice of a large buffer does not keep the buffer.
        part = np.array(values, self._dtype)
        self._parts.append(part)
        self._held += part.nbytes
        self._length += len(part)
        if self._held > self._spill_bytes:
            self._spill()

    def finish(self) -> npt.NDArray[Any]:
        """All elements: in memory, or mapped read-only from the temporary file, which goes with the array.

        Raises
        ------
        DataError
            If the temporary file cannot hold them.
        """
        if self._file is None:
            return np.concatenate(self._parts) if self._parts else np.empty(0, self._dtype)
        self._spill()
        # The mapping holds the file by itself.
        mapped = np.memmap(self._file, self._dtype, mode="r", shape=(self._length,))
        self.close()
        return mapped

    def close(self) -> None:
        """Give the temporary file back; idempotent. What was not finished is lost."""
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="stoker-")  # noqa: SIM115 - lives as long as the array
            for part in self._parts:
                part.tofile(self._file)
            self._file.flush()
        except OSError as error:
            raise DataError(
                f"the survey could not write to the temporary folder {tempfile.gettempdir()} ({error}): "
                "free space there, or set TMPDIR to a folder with room"
            ) from error
        self._parts.clear()
        self._held = 0

"""Stand-ins for rows on disk: an array in memory behind the duties of a RowReader."""

from __future__ import annotations

import numpy as np

from stoker.types import Matrix, Rows


class ArrayReader:
    """Rows of an array of shape (slots, k), with a label column beside; each read is a copy."""

    def __init__(self, array: np.ndarray, labels: np.ndarray | None = None) -> None:
        self.array = array
        self.labels = np.arange(len(array)) if labels is None else labels
        self.reads: list[np.ndarray] = []

    @property
    def num_slots(self) -> int:
        return len(self.array)

    def read(self, ids: np.ndarray) -> Rows:
        self.reads.append(ids)
        return Rows(
            num_rows=len(ids),
            features=tuple(f"x{column}" for column in range(self.array.shape[1])),
            matrix=Matrix.of(np.ascontiguousarray(self.array[ids])),
            columns={"label": self.labels[ids]},
        )

    def close(self) -> None:
        pass


class WholeView:
    """Every slot is a row: position p is id p."""

    def __init__(self, num_rows: int) -> None:
        self.num_rows = num_rows

    def ids_of(self, positions: np.ndarray) -> np.ndarray:
        return positions

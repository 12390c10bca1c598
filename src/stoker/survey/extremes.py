"""Values so extreme that they spoil what is computed of them: found by statistics, then by their place."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from contextlib import closing
from functools import partial

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError
from stoker.ledger import Ledger
from stoker.prefetch import available_cores, prefetch
from stoker.sources import Chunk, Source
from stoker.survey.drawing import chunk_bytes
from stoker.survey.finding import find_rows
from stoker.survey.labels import LabelCounts
from stoker.survey.problems import ColumnProblem, Kind
from stoker.survey.unpacking import charge_unpacking
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import Rows

__all__ = ["extreme_problems"]

_SQUARED = math.sqrt(float(np.finfo(np.float32).max))
"""From here on, 1.8e19, a square is no float32: a loss of squares is infinite, and so is a variance."""
_ENOUGH_ROWS = 50
_REST = 1e-6
"""What all other values add to the sum of squares where one alone decides it: a thousandth of the spread."""
_CONSTANT = 1e-12
"""Less than that may be rounding: all others may be one value, of which a single other one is no wonder…"""
_NO_INDICATOR = 1e6
"""… but for one like this."""
_CLASSES = 50
_LOOKED_AT_BYTES = 4 << 30
"""How far into the files a place is looked for."""
_CLOSE = 1e-6


def extreme_problems(
    source: Source,
    statistics: ColumnStatistics,
    labels: Mapping[str, LabelCounts],
    spreads: Mapping[str, tuple[float, float] | None],
    *,
    ledger: Ledger | None = None,
) -> list[ColumnProblem]:
    """Columns with a value that overflows float32 when it is squared, or decides mean and spread alone.

    None of them stands in the way. Only where there is one the files are read again, up to its first place.

    Parameters
    ----------
    source, statistics
        The rows, and what their features are.
    labels, spreads
        Each label's counts, and of numbers mean and variance.
    ledger
        Charged for what is read, which it bounds.
    """
    found: dict[str, tuple[Kind, float, int]] = {}
    if statistics.features is not None and statistics.num_rows:
        found |= _features(statistics)
    for name, counts in labels.items():
        spread = spreads[name]
        seen = None if spread is None else _of_label(counts, *spread)
        if seen is not None:
            found[name] = (*seen, counts.num_rows)
    wanted = {name: value for name, (_, value, _) in found.items()}
    places = _places(source, wanted, ledger or Ledger(sys.maxsize)) if found else {}
    return [
        _problem(source, name, kind, value, count, places.get(name))
        for name, (kind, value, count) in found.items()
    ]


def _features(statistics: ColumnStatistics) -> dict[str, tuple[Kind, float, int]]:
    assert statistics.features is not None
    count = statistics.count
    with np.errstate(all="ignore"):
        mean, variance = statistics.mean, statistics.variance
    ends = zip(statistics.minimum.tolist(), statistics.maximum.tolist(), strict=True)
    found: dict[str, tuple[Kind, float, int]] = {}
    for name, (low, high), middle, square, rows in zip(
        statistics.features, ends, mean.tolist(), variance.tolist(), count.tolist(), strict=True
    ):
        seen = _judge(low, high, middle, square, rows) if rows else None
        if seen is not None:
            found[name] = (*seen, rows)
    return found


def _of_label(labels: LabelCounts, mean: float, variance: float) -> tuple[Kind, float] | None:
    if labels.minimum is None or labels.maximum is None:
        return None
    seen = _judge(labels.minimum, labels.maximum, mean, variance, labels.num_rows)
    are_classes = labels.kind == "int" and labels.classes is not None and len(labels.classes) <= _CLASSES
    return None if seen is not None and seen[0] == "outlier" and are_classes else seen


def _judge(low: float, high: float, mean: float, variance: float, count: int) -> tuple[Kind, float] | None:
    """What is wrong with the extreme values of a column, and which of the two it is."""
    if max(abs(low), abs(high)) > _SQUARED:
        return "overflow", low if abs(low) > abs(high) else high
    total = variance * count
    if count < _ENOUGH_ROWS or not 0 < total < math.inf:
        return None
    value = low if mean - low > high - mean else high
    rest = (total - (value - mean) ** 2 * count / (count - 1)) / total
    alone = rest <= _REST and (rest > _CONSTANT or abs(value) >= _NO_INDICATOR)
    return ("outlier", value) if alone else None


def _problem(
    source: Source, name: str, kind: Kind, value: float, count: int, place: tuple[int, str, int] | None
) -> ColumnProblem:
    row, file, line = (None, None, None) if place is None else place
    drop = "" if name in source.answers else f", or drop=[{name!r}]"
    return ColumnProblem(
        column=name,
        kind=kind,
        count=1 if kind == "outlier" else count,
        file=file,
        line=line if source.has_lines else None,
        row=row,
        example=f"{value:g}",
        remedy=f"correct it, or leave its row out of the file{drop}",
    )


def _places(source: Source, wanted: Mapping[str, float], ledger: Ledger) -> dict[str, tuple[int, str, int]]:
    """Row, file and line of the first row with each column's value, as far as the files are looked at."""
    left, rows, read = dict(wanted), dict[str, int](), 0
    workers = available_cores()
    target = chunk_bytes(ledger.limit, workers + 1, has_floats=True)
    try:
        with closing(
            prefetch(
                partial(_look, source, dict(wanted), ledger),
                charge_unpacking(source.chunks(target), source.paths, ledger),
                workers=workers,
                in_flight=workers + 1,
                name="find",
            )
        ) as looked:
            for num_bytes, found in looked:
                for name, row in found.items():
                    if left.pop(name, None) is not None:
                        rows[name] = row
                read += num_bytes
                if not left or read > _LOOKED_AT_BYTES:
                    break
        ids = np.unique(np.array(list(rows.values()), np.int64))
        by_row = {row.row: row for row in find_rows(source, ids, with_values=False, ledger=ledger)}
    except DataError:  # a file that cannot be read again is told by those who need it
        return {}
    return {name: (row, by_row[row].file, by_row[row].line) for name, row in rows.items()}


def _look(
    source: Source, wanted: Mapping[str, float], ledger: Ledger, chunk: Chunk
) -> tuple[int, dict[str, int]]:
    """Bytes of a chunk, and its first row with each of the values."""
    texts = chunk.num_bytes if source.text_features else 0
    numbers = 8 * chunk.num_records * (len(source.numeric_features) + len(source.labels))
    with ledger.charge("finding", chunk.num_bytes + texts + numbers):
        rows = source.parse(chunk, np.dtype(np.float64)).rows
        return chunk.num_bytes, _first_rows(rows, wanted, chunk.first_row)


def _first_rows(rows: Rows, wanted: Mapping[str, float], first_row: int) -> dict[str, int]:
    """The first row with each of the values; the first of `rows` is `first_row`."""
    found = dict[str, int]()
    for name, value in wanted.items():
        values: npt.NDArray[np.float64]
        if rows.matrix is not None and name in rows.features:
            width = rows.matrix.num_columns
            values = np.asarray(rows.matrix.values)[rows.features.index(name) :: width]
        else:
            values = np.asarray(rows.columns[name], np.float64)
        at = np.flatnonzero(values >= value * (1 - _CLOSE) if value > 0 else values <= value * (1 - _CLOSE))
        if len(at):
            found[name] = first_row + int(at[0])
    return found

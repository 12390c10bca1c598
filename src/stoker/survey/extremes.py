"""Values so extreme that they spoil what is computed of them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import partial

import numpy as np
import numpy.typing as npt

from stoker.errors import DataError
from stoker.ledger import Ledger
from stoker.prefetch import available_cores, prefetch
from stoker.sources import BoundView, Chunk, Source
from stoker.survey.drawing import chunk_bytes
from stoker.survey.labels import LabelCounts
from stoker.survey.marks import Marks
from stoker.survey.problems import ColumnProblem, Kind
from stoker.survey.result import Survey
from stoker.survey.unpacking import charge_unpacking
from stoker.transforms.statistics import ColumnStatistics
from stoker.types import Rows

__all__ = ["extreme_problems", "told_extreme"]

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
    marks: Marks,
    view: Callable[[], BoundView],
    *,
    ledger: Ledger | None = None,
) -> list[ColumnProblem]:
    """Columns with values whose squares overflow float32, or with one that alone decides mean and spread.

    None of them stands in the way. Only for a value of the second kind the files are read again, up to it.

    Parameters
    ----------
    source, statistics
        The rows, and what their features are.
    labels, spreads
        Each label's counts, and of numbers mean and variance.
    marks
        Of features and labels.
    view
        Gives the rows that all of these are of.
    ledger
        Charged for what is read, which it bounds.
    """
    alone = dict[str, float]()
    if statistics.features is not None and statistics.num_rows:
        alone |= _features(statistics)
    for name, counts in labels.items():
        spread = spreads[name]
        value = None if spread is None else _of_label(counts, *spread)
        if value is not None:
            alone[name] = value
    alone = {name: value for name, value in alone.items() if name not in marks.squared}
    rows = _rows_with(source, view(), alone, ledger or Ledger(sys.maxsize)) if alone else {}
    names = [*(statistics.features or ()), *labels]
    problems = []
    for name in names:
        if name in marks.squared:
            mark = marks.squared[name]
            problems.append(_problem(source, name, "overflow", mark.value, mark.count, mark.row))
        elif name in alone:
            problems.append(_problem(source, name, "outlier", alone[name], 1, rows.get(name)))
    return problems


def told_extreme(found: Survey, column: str, ledger: Ledger) -> str:
    """Where the value of a column stands that is furthest from 0, and which it is: the middle of a sentence.

    Empty where it cannot be found. Reads the files up to there.
    """
    if column in found.view_counts:
        ends = (found.view_counts[column].maximum, found.view_counts[column].minimum)
    else:
        place = found.features.index(column)
        ends = (float(found.statistics.maximum[place]), float(found.statistics.minimum[place]))
    value = max((end for end in ends if end is not None), key=abs)
    row = _rows_with(found.source, found.view, {column: value}, ledger).get(column)
    return "" if row is None else f", first at {found.source.told(row, found.index)}, '{value:g}'"


def _features(statistics: ColumnStatistics) -> dict[str, float]:
    assert statistics.features is not None
    count = statistics.count
    with np.errstate(all="ignore"):
        mean, variance = statistics.mean, statistics.variance
    ends = zip(statistics.minimum.tolist(), statistics.maximum.tolist(), strict=True)
    found = dict[str, float]()
    for name, (low, high), middle, square, rows in zip(
        statistics.features, ends, mean.tolist(), variance.tolist(), count.tolist(), strict=True
    ):
        value = _judge(low, high, middle, square, rows) if rows else None
        if value is not None:
            found[name] = value
    return found


def _of_label(labels: LabelCounts, mean: float, variance: float) -> float | None:
    if labels.minimum is None or labels.maximum is None:
        return None
    if labels.kind == "int" and labels.classes is not None and len(labels.classes) <= _CLASSES:
        return None
    return _judge(labels.minimum, labels.maximum, mean, variance, labels.num_rows)


def _judge(low: float, high: float, mean: float, variance: float, count: int) -> float | None:
    """The extreme value of a column that alone decides mean and spread, if one does."""
    total = variance * count
    if count < _ENOUGH_ROWS or not 0 < total < math.inf:
        return None
    value = low if mean - low > high - mean else high
    rest = (total - (value - mean) ** 2 * count / (count - 1)) / total
    alone = rest <= _REST and (rest > _CONSTANT or abs(value) >= _NO_INDICATOR)
    return value if alone else None


def _problem(
    source: Source, name: str, kind: Kind, value: float, count: int, row: int | None
) -> ColumnProblem:
    drop = "" if name in source.answers else f", or drop=[{name!r}]"
    mend = "correct it, or leave its row" if count == 1 else "correct them, or leave their rows"
    return ColumnProblem(
        column=name,
        kind=kind,
        count=count,
        row=row,
        example=f"{value:g}",
        remedy=f"{mend} out of the file{drop}",
    )


def _rows_with(
    source: Source, view: BoundView, wanted: Mapping[str, float], ledger: Ledger
) -> dict[str, int]:
    """Id of the view's first row with each column's value, as far as the files are looked at."""
    left, rows, read = dict(wanted), dict[str, int](), 0
    workers = available_cores()
    target = chunk_bytes(ledger.limit, workers + 1, has_floats=True)
    with (
        suppress(DataError),  # a file that cannot be read again is told by those who need it
        closing(
            prefetch(
                partial(_look, source, view, dict(wanted), ledger),
                charge_unpacking(source.chunks(target), source.paths, ledger),
                workers=workers,
                in_flight=workers + 1,
                name="find",
            )
        ) as looked,
    ):
        for num_bytes, found in looked:
            for name, row in found.items():
                if left.pop(name, None) is not None:
                    rows[name] = row
            read += num_bytes
            if not left or read > _LOOKED_AT_BYTES:
                break
    return rows


def _look(
    source: Source, view: BoundView, wanted: Mapping[str, float], ledger: Ledger, chunk: Chunk
) -> tuple[int, dict[str, int]]:
    """Bytes of a chunk, and its first row of the view with each of the values."""
    texts = chunk.num_bytes if source.text_features else 0
    numbers = 8 * chunk.num_records * (len(source.numeric_features) + len(source.labels))
    with ledger.charge("finding", chunk.num_bytes + texts + numbers):
        rows = source.parse(chunk, np.dtype(np.float64)).rows
        meant = view.mask(chunk.first_row, chunk.num_records)
        return chunk.num_bytes, _first_rows(rows, meant, wanted, chunk.first_row)


def _first_rows(
    rows: Rows, meant: npt.NDArray[np.bool_], wanted: Mapping[str, float], first_row: int
) -> dict[str, int]:
    """The first row of those that are meant with each of the values; the first of `rows` is `first_row`."""
    found = dict[str, int]()
    for name, value in wanted.items():
        values: npt.NDArray[np.float64]
        if rows.matrix is not None and name in rows.features:
            width = rows.matrix.num_columns
            values = np.asarray(rows.matrix.values)[rows.features.index(name) :: width]
        else:
            values = np.asarray(rows.columns[name], np.float64)
        near = value * (1 - _CLOSE)
        at = np.flatnonzero((values >= near if value > 0 else values <= near) & meant)
        if len(at):
            found[name] = first_row + int(at[0])
    return found

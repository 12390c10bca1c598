"""The vocabulary that the rooms share: rows, requests, batches, and the duties of those who make them.

Shapes are written with ``n`` rows, ``k`` numeric feature columns and ``B`` rows a batch.
"""

from __future__ import annotations

from stoker.types.batch import Batch
from stoker.types.columns import (
    KIND_WORDS,
    LISTS,
    LONG,
    ColumnKind,
    ColumnSpec,
    EachKind,
    FeedSpec,
    InputKind,
    InputSpec,
    TargetSpec,
    Task,
    is_number,
)
from stoker.types.order import OrderKind, OrderSpec, Position, Rank, ReadRequest, StreamLimits
from stoker.types.protocols import Progress, RowReader, RowSink, Sampler, Transform
from stoker.types.rows import Arrays, IntArray, Matrix, Rows, SparseRows, Uint64Array

__all__ = [
    "KIND_WORDS",
    "LISTS",
    "LONG",
    "Arrays",
    "Batch",
    "ColumnKind",
    "ColumnSpec",
    "EachKind",
    "FeedSpec",
    "InputKind",
    "InputSpec",
    "IntArray",
    "Matrix",
    "OrderKind",
    "OrderSpec",
    "Position",
    "Progress",
    "Rank",
    "ReadRequest",
    "RowReader",
    "RowSink",
    "Rows",
    "Sampler",
    "SparseRows",
    "StreamLimits",
    "TargetSpec",
    "Task",
    "Transform",
    "Uint64Array",
    "is_number",
]

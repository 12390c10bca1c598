"""Which rows a run could take: the files' record slots, less those left out, narrowed by the view."""

from __future__ import annotations

import numpy as np

from stoker.audit.described import read_policy
from stoker.audit.difference import Difference, Differs
from stoker.runrecords import RunRecord
from stoker.samplers import make_sampler, positions_in
from stoker.sources import BoundView, Source
from stoker.survey import Survey, survey
from stoker.types import IntArray, OrderSpec, Progress

__all__ = ["bound_view", "first_epoch", "ids_between"]

_TABLE_LIMIT = 1 << 31
"""Rows up to which a split is remembered: 256 MiB then, and no group of rows is hashed twice."""


def bound_view(
    source: Source, record: RunRecord, progress: Progress | None = None, *, is_proved: bool = False
) -> BoundView:
    """The run's rows by position.

    Where rows were left out, the survey tells which: a stored one where there is one, else the files are read
    and every row is parsed.

    Parameters
    ----------
    source
        The run's rows: files and view.
    record
        What run.json says.
    progress
        Called with bytes done and bytes in all while files are read.
    is_proved
        Whether the files are known to hold what the run recorded.

    Raises
    ------
    Differs
        There are more or fewer rows than the run had.
    """
    num_slots, excluded = sum(file.num_rows for file in record.files), np.empty(0, np.int64)
    if record.excluded_rows:
        found = _survey(source, record, progress, stored=True)
        if is_proved and _is_stale(found, record):
            found = _survey(source, record, progress, stored=False)
        _require_files(found, record)
        excluded = found.excluded
    if len(excluded) != record.excluded_rows:
        text = f"{len(excluded):,} rows are left out now, and {record.excluded_rows:,} were by the run"
        raise Differs(Difference(kind="rows", text=text))
    view = source.view.bind(num_slots, excluded, table_limit=_TABLE_LIMIT)
    assert record.plan is not None
    if view.num_rows != record.plan.order.num_rows:
        text = (
            f"the files have {view.num_rows:,} rows to train on, and the run had "
            f"{record.plan.order.num_rows:,}"
        )
        raise Differs(Difference(kind="rows", text=text))
    return view


def first_epoch(record: RunRecord) -> int:
    """The epoch that the run began with, counted from 0: its steps are counted from there."""
    if record.epochs:
        return record.epochs[0].epoch
    told = record.training.get("initial_epoch", 0)
    return told if isinstance(told, int) else 0


def ids_between(order: OrderSpec, view: BoundView, epoch: int, start: int, stop: int) -> IntArray:
    """Row ids of the places [start, stop) of an epoch, in their order: int64 of shape (stop - start,)."""
    sampler, pieces = make_sampler(order), [np.empty(0, np.int64)]
    for window in range(start // order.window, -(-stop // order.window)):
        request, first = sampler.request(epoch, window), window * order.window
        ids = view.ids_of(positions_in(request.ranges))[request.order]
        pieces.append(ids[max(0, start - first) : stop - first])
    return np.concatenate(pieces)


def _survey(source: Source, record: RunRecord, progress: Progress | None, *, stored: bool) -> Survey:
    na, on_bad_row = read_policy(record, "the run")
    return survey(
        source,
        na=na,
        on_bad_row=on_bad_row,
        progress=progress,
        stored=stored,
        spool=None,
        # Columns of a run with named inputs have transforms, texts and lists beside numbers among them.
        texts="given" if record.spec is not None and record.spec.inputs else "refused",
    )


def _is_stale(found: Survey, record: RunRecord) -> bool:
    return [file.digest for file in found.files] != [file.digest for file in record.files]


def _require_files(found: Survey, record: RunRecord) -> None:
    for path, now, then in zip(found.paths, found.files, record.files, strict=True):
        if now.digest != then.digest:
            text = f"{path} is not what was trained on"
            raise Differs(Difference(kind="file", text=text, file=path))

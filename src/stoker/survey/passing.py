"""The pass over the files of a source: by this process alone, or by many."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from stoker import folders
from stoker.crew import Crew
from stoker.errors import ChangedDataError, StokerError, WorkerError
from stoker.ledger import Ledger, allocated_bytes
from stoker.sources import Source
from stoker.sources.index import RowIndex
from stoker.sources.index_builder import IndexBuilder
from stoker.sources.spool_writer import SpoolWriter
from stoker.survey import store
from stoker.survey.keeper import Keeper
from stoker.survey.kept import KeptRows
from stoker.survey.packed import spooled
from stoker.survey.policy import Policy
from stoker.survey.recording import recorded
from stoker.survey.result import others_of
from stoker.survey.scan import Pass
from stoker.survey.together import is_worth_sharing, measured_together, survey_together
from stoker.types import Progress, Rows, RowSink

__all__ = ["charge_index", "found_together", "keeper_of", "one_pass", "require_the_same"]

_UNPACKED_TIMES = 8
"""What compressed files are taken to unpack to, where nothing depends on it but where the index grows."""
_INDEX_IN_MEMORY = 1 << 30
"""Bytes of data whose index, about 6 MB, may be in memory; or four times the memory, if that is less."""


def keeper_of(source: Source, limit: int, ledger: Ledger | None, beyond: RowSink | None) -> Keeper:
    """A keeper of a source's rows; see `Keeper`."""
    others = others_of(source)
    return Keeper(features=source.numeric_features, others=others, limit=limit, ledger=ledger, beyond=beyond)


def one_pass(
    source: Source,
    policy: Policy,
    keys: store.Keys,
    keeper: Keeper,
    workers: int,
    progress: Progress | None,
    ledger: Ledger | None,
    spool: SpoolWriter | None,
    must_keep: bool,
    learn: Callable[[Rows], None] | None,
    notes: list[str],
    crew: Crew | None = None,
) -> tuple[store.Found, KeptRows | None]:
    """Go over all files once, with a crew if there is one; rows are kept if they fit and there is none.

    Raises
    ------
    ChangedDataError
        If a file changes meanwhile.
    """
    before = source.identity()
    num_bytes = sum(identity.size for identity in before)
    expected = num_bytes * (_UNPACKED_TIMES if source.is_packed else 1)
    in_memory = expected <= min(_INDEX_IN_MEMORY, math.inf if ledger is None else 4 * ledger.limit)
    with _index_folder(source, in_memory) as folder, closing(IndexBuilder(folder)) as builder:
        done = Pass(
            source=source,
            policy=policy,
            builder=builder,
            keeper=keeper,
            ledger=ledger,
            num_bytes=num_bytes,
            spool=spool,
            must_keep=must_keep,
            learn=learn,
        )
        with closing(done.tally.excluded):
            if crew is None:
                done.run(workers=workers, progress=progress)
            else:
                survey_together(done, crew, progress)
            excluded = done.tally.excluded.finish()
        index = builder.finish(source.places, [identity.size for identity in before])
    if crew is not None:
        measured_together(done, crew, index, excluded)
    if ledger is not None and folder is None:
        charge_index(index, ledger)
    for old, new in zip(before, source.identity(), strict=True):
        if old != new:
            raise ChangedDataError(
                f"{old.path} changed while it was surveyed: survey it when nobody writes to it"
            )
    record = recorded(source, policy, keys, done, index, excluded, store.file_records(before, index))
    found = store.Found(record=record, index=index, excluded=excluded, statistics=done.statistics)
    kept = keeper.finish(done.dtype) if crew is None else None
    if kept is None and spool is not None:
        spooled(spool, index, source.paths[0], notes)
    return found, kept


@contextmanager
def _index_folder(source: Source, in_memory: bool) -> Iterator[Path | None]:
    """Where the index of large data grows; what is mapped of it outlives the folder."""
    if in_memory:
        yield None
        return
    for home in (*folders.homes(source.places[0]), Path(tempfile.gettempdir())):
        try:
            scratch = folders.scratch_folder(home)
            folder = scratch.__enter__()
        except OSError:
            continue
        try:
            yield folder
        finally:
            scratch.__exit__(None, None, None)
        return
    yield None


def found_together(
    source: Source,
    policy: Policy,
    keys: store.Keys,
    crew: Crew,
    workers: int,
    progress: Progress | None,
    ledger: Ledger | None,
    stored: bool,
) -> tuple[store.Found, float, list[str]]:
    """What is stored of the source, or what many find; how long that took, and notes.

    Where they come to an error, one surveys all files by itself, which tells all that is wrong of them; but
    what one of the machines alone cannot read is told as that.
    """
    notes: list[str] = []
    found = store.find(source, keys, progress=progress, notes=notes) if stored else None
    if found is not None:
        return found, 0.0, notes
    began = time.perf_counter()
    num_bytes = sum(identity.size for identity in source.identity())
    for helpers in (crew, None) if is_worth_sharing(num_bytes) else (None,):
        keeper = keeper_of(source, 0, ledger, None)
        try:
            found, _ = one_pass(
                source, policy, keys, keeper, workers, progress, ledger, None, False, None, notes, helpers
            )
            break
        except (ChangedDataError, WorkerError):
            raise
        except StokerError as error:
            if helpers is None or error.machine:
                raise
    assert found is not None
    if stored:
        store.save(found.record, found.index, found.excluded, first_path=source.places[0], notes=notes)
    return found, time.perf_counter() - began, notes


def charge_index(index: RowIndex, ledger: Ledger) -> None:
    """Charge an index for what it takes of the memory."""
    for array in (index.anchor_rows, index.anchor_offsets, index.checksums):
        if allocated_bytes(array):
            ledger.attach("index", array)


def require_the_same(source: Source, found: store.Found) -> None:
    """Refuse files that are not as long as another process found them; readers check what they hold."""
    for path, known, identity in zip(source.paths, found.record.files, source.identity(), strict=True):
        if known.size != identity.size:
            raise ChangedDataError(
                f"{path} has {identity.size:,} bytes, and {known.size:,} where it was surveyed: all hosts "
                "must see the same files"
            )

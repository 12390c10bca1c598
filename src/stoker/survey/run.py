"""Surveys a source: by what is stored of it, or by one pass over its files."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from stoker import folders
from stoker.errors import BadRowError, ChangedDataError, DataError
from stoker.ledger import Ledger
from stoker.prefetch import available_cores
from stoker.sources import Source
from stoker.sources.index_builder import IndexBuilder
from stoker.sources.spool import clean_spools
from stoker.sources.spool_writer import SpoolWriter
from stoker.survey import store
from stoker.survey.extremes import extreme_problems
from stoker.survey.images import images_from_state
from stoker.survey.judge import array_problems, column_problems, label_problems, row_problems, text_problems
from stoker.survey.keeper import Keeper
from stoker.survey.kept import KeptRows
from stoker.survey.labels import check_class_names
from stoker.survey.lengths import TextLengths
from stoker.survey.packed import is_unpacked, recollect, spool_of, spooled
from stoker.survey.policy import BadRows, NaOption, Policy, Role, Texts
from stoker.survey.problems import ColumnProblem, refuse
from stoker.survey.profiles import profiles_from_state
from stoker.survey.records import VERSION, FileRecord, SurveyRecord, label_counts, label_record
from stoker.survey.result import Survey, others_of
from stoker.survey.scan import Pass
from stoker.survey.valuelengths import lengths_from_state
from stoker.types import Progress, Rows, RowSink
from stoker.waits import watched

__all__ = ["source_key", "survey"]

_UNPACKED_TIMES = 8
"""What compressed files are taken to unpack to, where nothing depends on it but where the index grows."""
_INDEX_IN_MEMORY = 1 << 30
"""Bytes of data whose index, about 6 MB, may be in memory; or four times the memory, if that is less."""


@watched()
def survey(
    source: Source,
    *,
    role: Role = "train",
    na: NaOption = "error",
    on_bad_row: BadRows = "error",
    max_bad_rows: int | None = None,
    keep_bytes: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
    ledger: Ledger | None = None,
    stored: bool = True,
    spool: bool | None = True,
    beyond: RowSink | None = None,
    texts: Texts = "refused",
    learn: Callable[[Rows], None] | None = None,
) -> Survey:
    r"""Read every row of a source once and tell what is in it; or recall what was told before.

    Parameters
    ----------
    source
        The rows; statistics are over its view.
    role
        ``"train"``, ``"valid"`` or ``"predict"``: only rows to train on need two classes.
    na
        What becomes of blanks: ``"error"``, ``"mean"``, ``"zero"`` or ``"drop-row"``; or a word by column.
    on_bad_row
        Whether rows that cannot be parsed are an error or are left out; ``"quarantine"`` leaves out the same
        rows as ``"skip"``, and whoever asked for it writes them to a file.
    max_bad_rows
        How many may be left out; None for any number.
    keep_bytes
        Memory for the rows themselves; they are kept where all of them fit.
    workers
        Threads that parse; None for one a core, 0 for none but the caller's. It changes no result.
    progress
        Called with the bytes done and the bytes in all.
    ledger
        Charged for what is in flight and for kept rows.
    stored
        Whether to look for, and leave, a stored survey beside the data.
    spool
        Whether compressed files whose rows do not fit into `keep_bytes` may be unpacked beside the data; if
        not, they are refused. None leaves that to whoever reads rows, if anybody does.
    beyond
        Given all rows, as the pass comes to them, if they are not kept; rows that are left out are zeros and
        empty texts. A stored survey gives it none.
    texts
        Whether features of text beside numbers are ``"refused"``, have transforms that were ``"given"``, or
        get them ``"chosen"``: then what they hold is told as well.
    learn
        Given the view's rows, less those that are left out, in their order and as the pass comes to them. A
        stored survey gives it none.

    Raises
    ------
    BadRowError
        If rows cannot be parsed, or more than `max_bad_rows`; every trouble is in the message.
    ColumnError
        If a column cannot be used as it is; every blocking problem is in the message.
    DataError
        If there is one class only, or no row is left.
    ChangedDataError
        If a file changes meanwhile.
    OptionError
        If an argument cannot be or has no effect.
    MemoryBudgetError
        If rows of compressed files do not fit into memory and may not be unpacked.

    Examples
    --------
    >>> import stoker, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "tiny.csv")
    >>> _ = path.write_text("x,y\n1,0\n2,1\n3,0\n4,1\n")
    >>> found = survey(stoker.open(path, label="y"))
    >>> found.num_rows, str(found.dtype), found.labels.classes, found.statistics.mean.tolist()
    (4, 'uint8', (0, 1), [2.5])
    """
    policy = Policy(blanks=na, bad_rows=on_bad_row, max_bad_rows=max_bad_rows, role=role, texts=texts)
    threads = available_cores() if workers is None else workers
    keys = store.keys_of(source, policy)
    stored = stored and source.is_lasting
    notes: list[str] = []
    found = store.find(source, keys, progress=progress, notes=notes) if stored else None
    seconds, keeper = 0.0, _keeper(source, keep_bytes, ledger, beyond if found is None else None)
    kept: KeptRows | None = None
    by_position = not source.is_packed or (
        spool is True and found is not None and is_unpacked(source, found.index)
    )
    clean_spools(source.places[0])
    if found is None:
        began = time.perf_counter()
        # What takes in the rows spares unpacking them for it; texts are read once more, to learn from them.
        unpack = bool(spool) and (beyond is None or len(source.features) > len(source.numeric_features))
        with spool_of(source, unpack) as writer:
            must_keep = source.is_packed and spool is False
            found, kept = _pass(
                source, policy, keys, keeper, threads, progress, ledger, writer, must_keep, learn, notes
            )
        if stored:
            store.save(found.record, found.index, found.excluded, first_path=source.places[0], notes=notes)
        seconds = time.perf_counter() - began
    _refuse(source, policy, found.record)
    result = _result(source, found, kept, seconds, keys, notes)
    if result.kept is None and not seconds and spool is not None:
        kept = recollect(
            result,
            keeper,
            by_position=by_position,
            keep_bytes=keep_bytes,
            may_spool=spool,
            workers=threads,
            ledger=ledger,
            notes=notes,
        )
        result = _result(source, found, kept, seconds, keys, notes)
    return result


def source_key(
    source: Source,
    *,
    role: Role = "train",
    na: NaOption = "error",
    on_bad_row: BadRows,
    texts: Texts = "refused",
) -> str:
    """`Survey.source_key` of a survey that is yet to be made."""
    return store.keys_of(source, Policy(blanks=na, bad_rows=on_bad_row, role=role, texts=texts)).source


def _keeper(source: Source, limit: int, ledger: Ledger | None, beyond: RowSink | None) -> Keeper:
    others = others_of(source)
    return Keeper(features=source.numeric_features, others=others, limit=limit, ledger=ledger, beyond=beyond)


def _pass(
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
) -> tuple[store.Found, KeptRows | None]:
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
            done.run(workers=workers, progress=progress)
            excluded = done.tally.excluded.finish()
        index = builder.finish(source.places, [identity.size for identity in before])
    if ledger is not None and folder is None:
        for array in (index.anchor_rows, index.anchor_offsets, index.checksums):
            ledger.attach("index", array)
    for old, new in zip(before, source.identity(), strict=True):
        if old != new:
            raise ChangedDataError(
                f"{old.path} changed while it was surveyed: survey it when nobody writes to it"
            )
    record = _record(source, policy, keys, done, store.file_records(before, index))
    found = store.Found(record=record, index=index, excluded=excluded, statistics=done.statistics)
    kept = keeper.finish(done.dtype)
    if kept is None and spool is not None:
        spooled(spool, index, source.paths[0], notes)
    return found, kept


def _record(
    source: Source, policy: Policy, keys: store.Keys, done: Pass, files: tuple[FileRecord, ...]
) -> SurveyRecord:
    return SurveyRecord(
        version=VERSION,
        key=keys.survey,
        source=keys.described,
        policy=keys.policy,
        files=list(files),
        num_slots=done.num_slots,
        num_bytes=done.num_bytes,
        num_bad=done.tally.num_bad,
        num_skipped=done.tally.num_skipped,
        num_dropped=done.tally.num_dropped,
        dtype=str(done.dtype),
        statistics=done.statistics.state(),
        texts=None if done.texts is None else done.texts.state(),
        values={name: seen.state() for name, seen in (done.values or {}).items()} or None,
        images={name: seen.state() for name, seen in (done.images or {}).items()} or None,
        profiles=None
        if done.profiles is None
        else {name: profile.state() for name, profile in done.profiles.items()},
        labels={name: label_record(counts) for name, counts in done.labels.items()},
        view_labels={name: label_record(counts) for name, counts in done.view_labels.items()},
        problems=_judge(source, policy, done),
        arrays=[],
    )


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


def _judge(source: Source, policy: Policy, done: Pass) -> list[ColumnProblem]:
    statistics = done.statistics
    empty: frozenset[str] = frozenset()
    if statistics.features is not None:
        empty = frozenset(np.array(statistics.features, object)[statistics.count == 0].tolist())
    problems = []
    if policy.texts == "refused":
        problems = text_problems(source, done.examples, done.num_slots)
        problems += array_problems(source, done.num_slots)
    problems += row_problems(source, done.tally, policy, empty, done.num_slots)
    if policy.role == "train":
        unreadable = {problem.column for problem in problems if problem.blocking}
        whole, seen = done.labels, done.view_labels
        for label in source.labels:
            if label not in unreadable:
                problems += label_problems(label, whole[label], seen[label])
        problems += column_problems(source, statistics)
    if policy.role != "predict":
        spreads = {name: tally.spread for name, tally in done.inside.items()}
        problems += extreme_problems(source, statistics, done.view_labels, spreads, ledger=done.ledger)
    return problems


def _refuse(source: Source, policy: Policy, record: SurveyRecord) -> None:
    refuse(record.problems, paths=source.paths)
    if source.class_names is not None and source.label is not None:
        labels = label_counts(record.labels[source.label])
        check_class_names(labels, source.class_names, path=source.paths[0], every=policy.role == "train")
    if policy.max_bad_rows is not None and record.num_skipped > policy.max_bad_rows:
        first = [
            replace(problem, remedy="").describe()
            for problem in record.problems
            if problem.kind != "blank" and problem.row is not None
        ]
        rows = "1 row" if record.num_skipped == 1 else f"{record.num_skipped:,} rows"
        raise BadRowError(
            f"{source.paths[0]}: {rows} cannot be parsed, and at most {policy.max_bad_rows:,} may be skipped "
            f"(max_bad_rows=); correct them or allow {record.num_skipped:,}:\n  " + "\n  ".join(first)
        )


def _result(
    source: Source,
    found: store.Found,
    kept: KeptRows | None,
    seconds: float,
    keys: store.Keys,
    notes: list[str],
) -> Survey:
    record = found.record
    view = source.view.bind(record.num_slots, found.excluded)
    if not view.num_rows:
        raise DataError(
            f"{source.paths[0]}: no row is left to use of {record.num_slots:,}, {record.num_skipped:,} being "
            f"skipped and {record.num_dropped:,} dropped for a blank; correct the data, or choose other rows"
        )
    contents = [[file.size, file.digest] for file in record.files]
    return Survey(
        source=source,
        view=view,
        index=found.index,
        excluded=found.excluded,
        num_skipped=record.num_skipped,
        num_dropped=record.num_dropped,
        num_slots=record.num_slots,
        num_bytes=record.num_bytes,
        files=tuple(record.files),
        dtype=np.dtype(record.dtype),
        statistics=found.statistics,
        texts=None if record.texts is None else TextLengths.from_state(record.texts),
        values=lengths_from_state(record.values, source.table.schema.features),
        images=images_from_state(record.images, source.table.schema.features),
        profiles=profiles_from_state(record.profiles),
        counts={name: label_counts(counts) for name, counts in record.labels.items()},
        view_counts={name: label_counts(counts) for name, counts in record.view_labels.items()},
        problems=tuple(record.problems),
        kept=kept,
        seconds=seconds,
        notes=tuple(notes),
        source_key=keys.source,
        data_digest=store.digest_of([contents, keys.source, record.dtype]),
    )

"""Surveys a source: by what is stored of it, or by one pass over its files."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from stoker.crew import current
from stoker.errors import BadRowError, DataError
from stoker.ledger import Ledger
from stoker.prefetch import available_cores
from stoker.sources import Source
from stoker.sources.parts import can_be_parted
from stoker.sources.spool import clean_spools
from stoker.survey import store
from stoker.survey.images import images_from_state
from stoker.survey.kept import KeptRows
from stoker.survey.labels import check_class_names
from stoker.survey.lengths import TextLengths
from stoker.survey.packed import is_unpacked, recollect, spool_of
from stoker.survey.passing import charge_index, found_together, keeper_of, one_pass, require_the_same
from stoker.survey.policy import BadRows, NaOption, Policy, Role, Texts
from stoker.survey.problems import refuse
from stoker.survey.profiles import profiles_from_state
from stoker.survey.records import SurveyRecord, label_counts
from stoker.survey.result import Survey
from stoker.survey.valuelengths import lengths_from_state
from stoker.types import Progress, Rows, RowSink
from stoker.waits import watched

__all__ = ["source_key", "survey"]


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
        ``"train"``, ``"valid"``, ``"predict"``, ``"convert"`` or ``"inspect"``: only rows to train on need
        two classes, and who converts or inspects rows is offered no more than to skip bad ones.
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
    >>> temporary = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(temporary.name, "tiny.csv")
    >>> _ = path.write_text("x,y\n1,0\n2,1\n3,0\n4,1\n")
    >>> found = survey(stoker.open(path, label="y"))
    >>> found.num_rows, str(found.dtype), found.labels.classes, found.statistics.mean.tolist()
    (4, 'uint8', (0, 1), [2.5])
    >>> temporary.cleanup()
    """
    policy = Policy(blanks=na, bad_rows=on_bad_row, max_bad_rows=max_bad_rows, role=role, texts=texts)
    threads = available_cores() if workers is None else workers
    keys = store.keys_of(source, policy)
    stored = stored and source.is_lasting
    crew = current() if can_be_parted(source) else None
    if crew is not None:
        clean_spools(source.places[0])
        ask = partial(found_together, source, policy, keys, crew, threads, progress, ledger, stored)
        found, seconds, notes = crew.told(f"survey {keys.survey}", ask)
        require_the_same(source, found)
        if ledger is not None and not ledger.held("index"):  # who leads has charged it
            charge_index(found.index, ledger)
        kept, keeper, is_new = None, keeper_of(source, keep_bytes, ledger, None), False
    else:
        notes = []
        known = store.find(source, keys, progress=progress, notes=notes) if stored else None
        is_new, seconds, kept = known is None, 0.0, None
        keeper = keeper_of(source, keep_bytes, ledger, beyond if is_new else None)
        by_position = not source.is_packed or (
            spool is True and known is not None and is_unpacked(source, known.index)
        )
        clean_spools(source.places[0])  # now that those of this survey are held
        if known is None:
            began = time.perf_counter()
            # What takes in the rows spares unpacking them for it; texts are read once more, to learn from.
            unpack = bool(spool) and (beyond is None or len(source.features) > len(source.numeric_features))
            with spool_of(source, unpack) as writer:
                must_keep = source.is_packed and spool is False
                found, kept = one_pass(
                    source, policy, keys, keeper, threads, progress, ledger, writer, must_keep, learn, notes
                )
            if stored:
                store.save(
                    found.record, found.index, found.excluded, first_path=source.places[0], notes=notes
                )
            seconds = time.perf_counter() - began
        else:
            found = known
    _refuse(source, policy, found.record)
    result = _result(source, found, kept, seconds, keys, notes)
    if result.kept is None and not is_new and spool is not None:
        kept = recollect(
            result,
            keeper,
            by_position=crew is not None or by_position,
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

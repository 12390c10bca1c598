"""What a pass found, as the record that is stored, with what is wrong of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from stoker.sources import Source
from stoker.sources.index import RowIndex
from stoker.survey.extremes import extreme_problems
from stoker.survey.judge import array_problems, column_problems, label_problems, row_problems, text_problems
from stoker.survey.placing import placed
from stoker.survey.policy import Policy
from stoker.survey.problems import ColumnProblem
from stoker.survey.records import VERSION, FileRecord, SurveyRecord, label_record
from stoker.survey.scan import Pass
from stoker.survey.store import Keys
from stoker.types import IntArray

__all__ = ["recorded"]

_COUNTED_IN_VIEW = ("overflow", "outlier", "large_integer")
"""Kinds that count values of the rows that are taken; constant columns count those rows themselves."""


def recorded(
    source: Source,
    policy: Policy,
    keys: Keys,
    done: Pass,
    index: RowIndex,
    excluded: IntArray,
    files: tuple[FileRecord, ...],
) -> SurveyRecord:
    """The record of a pass over files, which are told by who they were and what they held."""
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
        problems=placed(_judge(source, policy, done, excluded), source, index),
        arrays=[],
    )


def _judge(source: Source, policy: Policy, done: Pass, excluded: IntArray) -> list[ColumnProblem]:
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
        problems += column_problems(statistics, done.marks)
    if policy.role not in ("predict", "convert"):
        spreads = {name: tally.spread for name, tally in done.inside.items()}
        problems += extreme_problems(
            source,
            statistics,
            done.view_labels,
            spreads,
            done.marks,
            partial(source.view.bind, done.num_slots, excluded),
            ledger=done.ledger,
        )
    return _told_among(problems, source, policy, statistics.num_rows)


def _told_among(
    problems: list[ColumnProblem], source: Source, policy: Policy, num_rows: int
) -> list[ColumnProblem]:
    """The problems, of which those whose values are counted in a part of the rows say in which."""
    if not source.view.steps:
        return problems
    among = f"the {num_rows:,} rows {'to train on' if policy.role == 'train' else 'that are taken'}"
    return [
        replace(problem, among=among) if problem.kind in _COUNTED_IN_VIEW else problem for problem in problems
    ]

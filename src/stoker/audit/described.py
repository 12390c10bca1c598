"""How a run's rows were opened and chosen, as run.json says it: typed, so that a damaged record is told."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from stoker.errors import RunError
from stoker.runrecords import RunRecord
from stoker.sources import Source
from stoker.sources.formats import FORMATS
from stoker.sources.nameless import NAMELESS
from stoker.types import ColumnKind

__all__ = ["DescribedFile", "DescribedSource", "DescribedStep", "described", "read_described", "read_policy"]

_LONGEST_HEADER = 64 << 20
_MOST_COLUMNS = 1 << 20

_Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
_Character = Annotated[str, msgspec.Meta(pattern=r"^[\x01-\x7f]?$")]


class DescribedFile(msgspec.Struct, frozen=True, kw_only=True):
    """How one file is written: of delimited text all but the last three, of texts these; of others none."""

    delimiter: _Character = ""
    quote: _Character = ""
    header: bool = False
    data_offset: Annotated[int, msgspec.Meta(ge=0, le=_LONGEST_HEADER)] = 0
    width: Annotated[int, msgspec.Meta(ge=0, le=_MOST_COLUMNS)] = 0
    class_name: str = msgspec.field(name="class", default="")
    classes: list[str] = []
    names: str = ""


class DescribedStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a view; which fields it has its kind says."""

    kind: str
    fraction: float = 0.0
    seed: int = 0
    part: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0
    index: _Count = 0
    count: _Count = 0
    column: str = ""
    folds: _Count = 0
    condition: str = ""
    sha256: str = ""


class _View(msgspec.Struct, frozen=True, kw_only=True):
    steps: list[DescribedStep]


class DescribedSource(msgspec.Struct, frozen=True, kw_only=True):
    """`Source.describe`, but for what the files' headers say anyhow."""

    format: str
    features: list[tuple[str, ColumnKind]]
    label: tuple[str, ColumnKind] | None
    more_labels: list[tuple[str, ColumnKind]] = []
    weight: tuple[str, ColumnKind] | None = None
    kept: list[str]
    declared: list[str]
    images: list[str] = []
    files: list[DescribedFile]
    where: str = ""
    view: _View

    @property
    def labels(self) -> list[tuple[str, ColumnKind]]:
        """Names and kinds of all labels."""
        return [*([] if self.label is None else [self.label]), *self.more_labels]


class _Reading(msgspec.Struct, frozen=True, kw_only=True):
    format: str | None
    names: list[str]


class _Policy(msgspec.Struct, frozen=True, kw_only=True):
    na: str | dict[str, str] = "error"
    on_bad_row: str = "error"


def described(source: Source) -> dict[str, Any]:
    """What run.json says of a source."""
    known: dict[str, Any] = msgspec.to_builtins(source.describe())
    for file in known["files"]:
        file.pop("places", None)
    return known


def read_described(record: RunRecord, run: str) -> tuple[DescribedSource, str | None, tuple[str, ...]]:
    """What a run's record says of its source, of the format and, where files have no header, of the columns.

    Raises
    ------
    RunError
        It says nothing, or nothing that can be.
    """
    if not record.source:
        raise RunError(f"{run} does not say how its rows were chosen: an earlier stoker wrote it")
    try:
        source = msgspec.convert(record.source, DescribedSource)
        reading = msgspec.convert(record.reading, _Reading)
    except msgspec.ValidationError as error:
        raise _damaged(run, error) from error
    if source.format not in (*NAMELESS, *FORMATS):
        raise _damaged(run, f"there is no format {source.format!r}")
    if len(source.files) != len(record.files) or not source.features:
        raise _damaged(run, "files or features are missing")
    for file in source.files:
        if source.format == "csv" and not (file.delimiter and file.width):
            raise _damaged(run, "a table without delimiter or columns")
    return source, reading.format, tuple(reading.names)


def read_policy(record: RunRecord, run: str) -> tuple[Any, Any]:
    """What became of blanks and of bad rows: `na` and `on_bad_row` of `stoker.survey.survey`.

    Raises
    ------
    RunError
        The record does not say it.
    """
    try:
        policy = msgspec.convert(record.policy, _Policy)
    except msgspec.ValidationError as error:
        raise _damaged(run, error) from error
    return policy.na, policy.on_bad_row


def _damaged(run: str, why: object) -> RunError:
    return RunError(f"{run}: run.json is damaged where it says how the rows were read ({why}): restore it")

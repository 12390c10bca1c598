"""A run's training rows, opened as they were: the same columns, dialect and view, wherever the files lie."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import msgspec

from stoker.audit.described import DescribedFile, DescribedSource, DescribedStep, described, read_described
from stoker.audit.difference import Difference, Differs
from stoker.errors import ColumnError, DataError, OptionError, RunError
from stoker.given import located
from stoker.runrecords import RunRecord
from stoker.sources import Source
from stoker.sources.base import Table
from stoker.sources.bits import BitSpec
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.conditions import Condition
from stoker.sources.csv import CsvTable
from stoker.sources.csv_open import Written, layout_as_known, whole_head
from stoker.sources.dialect import Dialect
from stoker.sources.files import identify
from stoker.sources.folder import FolderTable
from stoker.sources.folder_listing import list_files
from stoker.sources.formats import FORMATS
from stoker.sources.groups import split_by_group
from stoker.sources.lines import LinesTable
from stoker.sources.nameless import NAMELESS
from stoker.sources.packing import packing_of
from stoker.sources.paths import expand_paths
from stoker.sources.remote import is_remote
from stoker.sources.schema import FileLayout, Schema, find
from stoker.sources.strata import folds_by_value, split_by_stratum
from stoker.sources.views import FoldSpec, HeadSpec, ShardSpec, Spec, SplitSpec, TakeSpec
from stoker.sources.where import rows_where
from stoker.types import ColumnSpec

__all__ = ["NAME_THEM", "RowsOption", "is_absent", "parted", "reopened", "with_view"]

RowsOption: TypeAlias = "Source | str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None"
"""Where the rows are now: a Source, or files; None for the files where they were."""

NAME_THEM = "if the files lie elsewhere now, name them behind the run directory, all and in their order"


def reopened(record: RunRecord, rows: RowsOption, run: str) -> Source:
    """A run's training files with every row; `with_view` narrows them to the run's.

    Parameters
    ----------
    record
        What run.json says.
    rows
        Where the files are now.
    run
        The run directory, for messages.

    Raises
    ------
    RunError
        The run does not say how its rows were read.
    OptionError
        Other rows are given than the run could have had.
    Differs
        A file is absent, or is no such file any more.
    """
    if record.generator is not None:
        raise RunError(
            f"{run} was trained on a generator, {record.generator.name}: which rows it gave, nobody but the "
            "generator knows; rows of files opened by stoker.open can be proved and shown again"
        )
    known, format_name, names = read_described(record, run)
    if record.plan is None:
        raise RunError(f"{run} has no plan: its run.json is damaged")
    if isinstance(rows, Source):
        if record.spec is not None and record.spec.inputs:
            rows = _narrowed_to(rows, known)
        _require_described(rows, record.source)
        return rows
    if known.format in NAMELESS:
        raise OptionError(
            f"{run} was trained on rows in memory or of a query, which have no name to find them "
            "by: open them as that program did, and give the Source: stoker.verify(run, source), "
            "stoker.replay(run, source, step=…)"
        )
    paths = _known_paths(record) if rows is None else list(expand_paths(rows, folders=True))
    if len(paths) != len(record.files):
        raise OptionError(
            f"{run} was trained on {len(record.files)} files, and {len(paths)} are given: name all of them, "
            "in the order of the training"
        )
    for path in paths:
        if is_absent(path):
            text = f"{path} is not there; {NAME_THEM}"
            raise Differs(Difference(kind="file", text=text, file=path))
    schema = _schema(known, names)
    if known.format in ("csv", "folder", "lines"):
        return Source(table=_table(schema, known, format_name, paths))
    return Source(table=_any_table(schema, known, record, paths))


def _known_paths(record: RunRecord) -> list[str]:
    """Where the files were; those named from the folder of the command are looked for there, too."""
    folder = record.options.get("folder")
    if not isinstance(folder, str):
        return [file.path for file in record.files]
    named = [(file.path, os.path.join(folder, file.path)) for file in record.files]
    return [there if not os.path.exists(path) and os.path.exists(there) else path for path, there in named]


def parted(record: RunRecord, paths: list[str]) -> tuple[list[str], list[str] | None]:
    """The files that were trained on, and those that were validated on, if they are named, too."""
    trained, tested = len(record.files), len(record.validation_files)
    if not tested or len(paths) != trained + tested:
        return paths, None
    return paths[:trained], paths[trained:]


def is_absent(path: str) -> bool:
    """Whether a file or folder of this machine is not where its path says."""
    return not is_remote(path) and not os.path.exists(located(path))


def with_view(source: Source, record: RunRecord, run: str) -> Source:
    """The rows of the files that the run was to train on; a source that has a view already is the run's.

    Raises
    ------
    OptionError
        The rows were chosen by `Source.take`, and only who chose them knows which they are.
    Differs
        A split by groups now chooses other rows.
    """
    if source.view.steps:
        return source
    for step in read_described(record, run)[0].view.steps:
        source = _narrowed(source, step, run)
    return source


def _narrowed(source: Source, step: DescribedStep, run: str) -> Source:
    spec: Spec
    if step.kind == "split":
        spec = SplitSpec(fraction=step.fraction, seed=step.seed, part=step.part)
    elif step.kind == "fold":
        spec = FoldSpec(count=step.count, index=step.index, seed=step.seed, part=step.part)
    elif step.kind == "shard":
        spec = ShardSpec(index=step.index, count=step.count)
    elif step.kind == "head":
        spec = HeadSpec(count=step.count)
    elif step.kind in ("group", "stratum", "stratified fold", "grouped fold", "where"):
        spec = _chosen_again(source, step)
    elif step.kind == "take":
        raise OptionError(
            f"{run} was trained on {step.count:,} rows that a program chose with take(), and run.json knows "
            "only their checksum: open and choose them as that program did, and give the Source: "
            "stoker.verify(run, source), stoker.replay(run, source, step=…)"
        )
    else:
        raise RunError(
            f"{run}: run.json names a choice of rows that this stoker does not know, {step.kind!r}"
        )
    return replace(source, view=source.view.then(spec))


def _chosen_again(source: Source, step: DescribedStep) -> TakeSpec | BitSpec:
    """The rows that were chosen by what stands in them, which the files tell; they must be the run's."""
    chosen: TakeSpec | BitSpec
    if step.kind == "where":
        by, chosen = f"the condition {step.condition!r}", rows_where(source, step.condition)
    elif step.kind in ("group", "stratum"):
        SplitSpec(fraction=step.fraction, seed=step.seed, part=step.part)  # refuses what cannot be
        divide = split_by_group if step.kind == "group" else split_by_stratum
        by = f"the split by {step.column!r}"
        chosen = divide(source, step.fraction, step.seed, step.column)[step.part]
    else:
        FoldSpec(count=step.folds, index=step.index, seed=step.seed, part=step.part)
        together = step.kind == "grouped fold"
        pairs = folds_by_value(source, step.folds, step.seed, step.column, together=together)
        by, chosen = f"folding by {step.column!r}", pairs[step.index][1 - step.part]
    told = chosen.describe()
    if (told["count"], told["sha256"]) != (step.count, step.sha256):
        text = f"{by} chooses {chosen.count:,} other rows than the run's"
        raise Differs(Difference(kind="rows", text=text))
    return chosen


def _narrowed_to(source: Source, known: DescribedSource) -> Source:
    """The source with the columns alone that the inputs of a run were made of, as its feed narrowed it."""
    schema, used = source.table.schema, {name for name, _ in known.features}
    narrow = replace(
        schema,
        features=tuple(column for column in schema.features if column.name in used),
        declared=schema.declared | set(known.declared),
        images=frozenset(known.images),
    )
    return replace(source, table=source.table.with_schema(narrow))


def _require_described(source: Source, known: Mapping[str, Any]) -> None:
    """Refuse a source that is not read as the run's was."""
    found = described(source)
    names = [name for name in sorted({*found, *known}) if found.get(name) != known.get(name)]
    if names:
        raise OptionError(
            f"the source given is not that of the run: it differs in {', '.join(names)}; open it with the "
            "options of the training"
        )


def _schema(known: DescribedSource, names: tuple[str, ...]) -> Schema:
    return Schema(
        features=tuple(ColumnSpec(name=name, kind=kind) for name, kind in known.features),
        labels=tuple(ColumnSpec(name=name, kind=kind) for name, kind in known.labels),
        weight=None if known.weight is None else ColumnSpec(name=known.weight[0], kind=known.weight[1]),
        kept=tuple(known.kept),
        declared=frozenset(known.declared),
        images=frozenset(known.images),
        file_names=names,
    )


def _any_table(schema: Schema, known: DescribedSource, record: RunRecord, paths: Sequence[str]) -> Table:
    """Files of a format that has no ways to be written that a user could have to tell."""
    try:
        names = record.reading.get("label_names")
        written = Written(label_names=None if names is None else msgspec.convert(names, tuple[str, str]))
        template = FORMATS[known.format].template(schema, written)
        table = template.like(tuple(paths), with_label=bool(schema.labels)).with_schema(schema)
        if known.where and isinstance(table, ColumnarTable):
            table = table.where(Condition(known.where))
    except (ColumnError, DataError) as error:
        raise Differs(Difference(kind="file", text=str(error))) from error
    for path, found, file in zip(paths, table.describe()["files"], record.source["files"], strict=True):
        found = _less_folders(found, file.get("folders", {}))
        if msgspec.to_builtins(found) != file:
            names = sorted(name for name in {*found, *file} if found.get(name) != file.get(name))
            text = f"{path} has other {' and '.join(names)} than when it was trained on"
            raise Differs(Difference(kind="file", text=text, file=path))
    return table


def _less_folders(found: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a file, of its folders what a run knew: where a file is named, all of them tell."""
    told = {name: value for name, value in found.get("folders", {}).items() if name in known}
    rest = {name: value for name, value in found.items() if name != "folders"}
    return {**rest, "folders": told} if told else rest


def _table(schema: Schema, known: DescribedSource, format_name: str | None, paths: Sequence[str]) -> Table:
    if known.format == "folder":
        return _folder(schema, known, paths)
    if known.format == "lines":
        return _lines(schema, known, paths)
    layouts = tuple(_layout(path, file) for path, file in zip(paths, known.files, strict=True))
    for layout in layouts:
        for name in schema.used:
            try:
                find(name, layout, "the column")
            except ColumnError as error:
                raise _other_header(layout.path, str(error)) from error
    return CsvTable(schema=schema, layouts=layouts, written=Written(format=format_name))


def _layout(path: str, file: DescribedFile) -> FileLayout:
    try:
        return layout_as_known(
            path,
            Dialect(delimiter=file.delimiter, quote=file.quote),
            has_header=file.header,
            data_offset=file.data_offset,
            width=file.width,
        )
    except DataError as error:
        raise _other_header(path, str(error)) from error


def _other_header(path: str, why: str) -> Differs:
    text = f"{path} has another header than when it was trained on: {why.removeprefix(f'{path}: ')}"
    return Differs(Difference(kind="file", text=text, file=path))


def _folder(schema: Schema, known: DescribedSource, paths: Sequence[str]) -> FolderTable:
    try:
        listings = tuple(list_files(path, with_label=known.label is not None) for path in paths)
    except DataError as error:
        raise Differs(Difference(kind="file", text=str(error))) from error
    table = FolderTable(schema=schema, listings=listings)
    for path, found, file in zip(paths, table.describe()["files"], known.files, strict=True):
        if (found["classes"], found["names"]) != (file.classes, file.names):
            what = "classes" if found["classes"] != file.classes else "files"
            text = f"{path} has other {what} than when it was trained on"
            raise Differs(Difference(kind="file", text=text, file=path))
    return table


def _lines(schema: Schema, known: DescribedSource, paths: Sequence[str]) -> LinesTable:
    for path, file in zip(paths, known.files, strict=True):
        try:
            whole_head(path, file.data_offset)
        except DataError as error:
            raise _other_header(path, str(error)) from error
    layouts = tuple(
        FileLayout(
            path=path,
            dialect=Dialect(delimiter=",", quote=""),
            has_header=False,
            names=("text", "label"),
            data_offset=file.data_offset,
            size=identify(path).size,
            packing=packing_of(path),
        )
        for path, file in zip(paths, known.files, strict=True)
    )
    table = LinesTable(schema=schema, layouts=layouts, written=Written(format="lines"))
    for path, found, file in zip(paths, table.describe()["files"], known.files, strict=True):
        if found["class"] != file.class_name:
            raise OptionError(
                f"{path}: its name says the class {found['class']!r}, and the run read this file as "
                f"{file.class_name!r}: give the files in the order of the training, named by their classes"
            )
    return table

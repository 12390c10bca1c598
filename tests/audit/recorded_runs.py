"""Runs as training records them, made without a model: the rows of a feed are taken and written down."""

from __future__ import annotations

import csv
import random
from itertools import pairwise
from pathlib import Path

import stoker
from stoker.audit.contents import contents_of
from stoker.audit.described import described
from stoker.feed import Feed
from stoker.rundir import RunDirectory
from stoker.runrecords import EpochRecord, FileRecord, RunRecord
from stoker.sources import Source
from stoker.survey import Survey

_DIGEST = 1 << 128


def record_run(
    folder: Path,
    feed: Feed,
    *,
    epochs: int = 2,
    last_batches: int | None = None,
    validation: Feed | None = None,
) -> RunDirectory:
    """The run directory that a training on a feed would leave, `last_batches` of the last epoch finished."""
    stage, found = feed.stage, feed.survey
    tested = None if validation is None else validation.survey
    record = RunRecord(
        versions={"stoker": "0.1.0"},
        created="2026-01-01T00:00:00+00:00",
        backend="jax",
        options={},
        files=_files(found),
        validation_files=[] if tested is None else _files(tested),
        validation_reading={} if tested is None else {"format": None, "names": []},
        validation_source={} if tested is None else described(tested.source),
        reading={"format": stage.source.table.written.format, "names": []}
        if hasattr(stage.source.table, "written")
        else {"format": "folder", "names": []},
        source=described(stage.source),
        policy={"na": stage.options.na, "on_bad_row": stage.options.on_bad_row},
        columns=list(stage.source.columns),
        excluded_rows=len(found.excluded),
        spec=stage.spec,
        transform={"name": "standardize"},
        plan=stage.plan,
        epochs=[
            _epoch(feed, epoch, last_batches if epoch == epochs - 1 else None) for epoch in range(epochs)
        ],
    )
    run = RunDirectory(folder)
    run.create(record, None, contents_of(found, tested))
    return run


def _files(found: Survey) -> list[FileRecord]:
    bounds = found.index.file_rows.tolist()
    counts = [high - low for low, high in pairwise(bounds)]
    return [
        FileRecord(path=path, num_bytes=file.size, num_rows=count, digest=file.digest)
        for path, file, count in zip(found.paths, found.files, counts, strict=True)
    ]


def _epoch(feed: Feed, epoch: int, batches: int | None) -> EpochRecord:
    order = members = rows = 0
    with_all = list(feed.epoch(epoch))
    for batch in with_all[:batches]:
        order, members = (order + batch.order_digest) % _DIGEST, (members + batch.member_digest) % _DIGEST
        rows += batch.size
    return EpochRecord(
        epoch=epoch,
        metrics={},
        rows=rows,
        seconds=1.0,
        wait_seconds=0.0,
        order_digest=f"{order:032x}",
        member_digest=f"{members:032x}",
    )


def write_table(path: Path, rows: int, *, seed: int = 0, bad: tuple[int, ...] = ()) -> Path:
    """A CSV of numbers, a text with commas and line ends, a group and a label; `bad` rows have no number."""
    draw = random.Random(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "y", "note", "group", "label"])
        for row in range(rows):
            number = "none" if row in bad else draw.randrange(1000)
            note = f"row {row},\nof {path.stem}" if row % 3 == 0 else f"row {row}"
            writer.writerow([number, draw.random(), note, row // 4, draw.choice("abc")])
    return path


def open_table(*paths: Path) -> Source:
    return stoker.open(paths, label="label", drop=["note", "group"])

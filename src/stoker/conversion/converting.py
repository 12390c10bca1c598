"""From a source to a file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal

import pyarrow as pa

from stoker.cluster.spreading import require_hosts
from stoker.conversion.columns import single_columns, table_columns
from stoker.conversion.report import ConversionReport
from stoker.conversion.shuffling import Order
from stoker.conversion.sizes import Sizes
from stoker.conversion.spooling import spool_beside
from stoker.conversion.steps import Conversion, Silent, Stages
from stoker.errors import OptionError
from stoker.given import located
from stoker.ledger import Ledger, parse_bytes
from stoker.prefetch import available_cores
from stoker.rowfiles import RowFile, format_of, require_place
from stoker.sources import Source
from stoker.sources.nameless import NAMELESS, refuse_on_hosts
from stoker.waits import watched

__all__ = ["Stages", "convert"]

_SEEDS = 1 << 64


@watched()
def convert(
    source: Source,
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    shuffle: bool = False,
    seed: int = 0,
    compression: str | None = None,
    on_bad_row: Literal["error", "skip"] = "error",
    memory: str | int = "1GB",
    workers: int | None = None,
    hosts: int = 1,
    progress: Stages | None = None,
) -> ConversionReport:
    r"""Write the rows of a source's view to one file, in bounded memory.

    The rows are read twice where they do not fit the memory: once to find bad rows and types, once to write.
    Those of a query or a stream are asked for once: meanwhile they are in a temporary file beside `out`.

    Parameters
    ----------
    source
        What `stoker.open` gives, or a view of it. All its columns are written, in the order of its files, the
        label among them: integers as the narrowest of uint8, int16, int32 and int64 that holds all of them,
        other numbers as float64, or as float32 what is so in all files and in `out`, and everything else as
        it stands, dates and ``0012`` included. Blanks are nulls.
    out
        A ``.csv``, ``.jsonl``, ``.parquet`` or ``.arrow`` file; ``.csv.gz``, ``.jsonl.zst`` and the like. It
        appears when all of it is written.
    overwrite
        Whether it may take the place of a file.
    shuffle
        Whether rows are written in a random order, uniform over all of them: row p of the file is row π(p) of
        the view, π being the permutation of ``shuffle="exact"`` in epoch 0. Rows that do not fit the memory
        go through temporary files beside `out`, about as large as the rows.
    seed
        Of the order.
    compression
        Within Parquet (snappy, zstd, gzip, brotli, lz4, none) or Arrow (none, lz4, zstd).
    on_bad_row
        Whether rows that cannot be parsed are an error or are left out and counted.
    memory
        What stoker's buffers may take, 16 MB at least.
    workers
        Threads that parse; None for one a core. It changes no bit of the rows.
    hosts
        In how many processes of a Ray cluster files are parsed and rows encoded, once this one has surveyed
        them; see `docs/scale.md`. This process alone writes, the same file as without.
    progress
        Shows the stages.

    Raises
    ------
    OptionError
        `out` is there already, is one of the files that are read, has another suffix, or cannot hold lists or
        bytes that there are.
    BadRowError
        A row cannot be parsed.
    DataError
        There is no row.
    MemoryBudgetError
        The memory, or the disk for a shuffle, is too small.
    RunError
        `out` cannot be written.
    ChangedDataError
        The files change meanwhile.
    MissingExtraError, WorkerError
        With `hosts`: Ray is not installed, or its processes are lost too often.

    Examples
    --------
    >>> import stoker, tempfile, pathlib
    >>> temporary = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(temporary.name, "rows.csv")
    >>> _ = path.write_text("id,size,code\n1,2.5,0012\n2,,0700\n300,4,\n")
    >>> report = stoker.convert(stoker.open(path), path.with_suffix(".parquet"))
    >>> report.num_rows, report.columns
    (3, (('id', 'int16'), ('size', 'double'), ('code', 'string')))
    >>> temporary.cleanup()
    """
    if not isinstance(source, Source):
        raise OptionError(f"convert takes what stoker.open gives, got {type(source).__name__}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < _SEEDS:
        raise OptionError(f"seed must be an integer in [0, 2**64), got {seed!r}")
    if seed and not shuffle:
        raise OptionError("seed= has no effect without shuffle=True")
    if on_bad_row not in ("error", "skip"):
        raise OptionError(f"on_bad_row must be error or skip, got {on_bad_row!r}")
    require_hosts(hosts)
    if hosts > 1 and source.table.format in NAMELESS:
        raise refuse_on_hosts()
    form, final = format_of(out, compression=compression), Path(out)
    require_place(final, overwrite=overwrite)
    _require_other(final, source)
    limit, threads = parse_bytes(memory), available_cores() if workers is None else workers
    columns = table_columns(source)
    form.require_types(pa.schema(list(columns.table.schema.array_types.items())))
    has_floats = any(column.kind == "float" for column in columns.columns)
    conversion = Conversion(
        sizes=Sizes.of(limit, threads, has_floats=has_floats),
        ledger=Ledger(limit),
        workers=threads,
        stages=progress or Silent(),
        singles=single_columns(columns) if form.name in ("parquet", "arrow") else (),
        hosts=hosts,
    )
    started = time.perf_counter()
    with spool_beside(columns, final, conversion.ledger) as conversion.spool:
        conversion.look(columns, on_bad_row)
        file = RowFile(
            final,
            conversion.layout.schema,
            form,
            overwrite=overwrite,
            group_rows=conversion.sizes.group_rows(conversion.layout),
        )
        conversion.write(file, Order(conversion.view.num_rows, seed) if shuffle else None)
    return conversion.report(file, time.perf_counter() - started)


def _require_other(final: Path, source: Source) -> None:
    for path in map(located, source.places):
        if final.exists() and os.path.exists(path) and os.path.samefile(final, path):
            raise OptionError(f"{final} is one of the files that are read: name another output")

"""What limits compressed files: the memory that unpacking takes, and that of rows that must be kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stoker.errors import MemoryBudgetError
from stoker.ledger import Ledger
from stoker.sources import Chunk

__all__ = ["charge_unpacking", "not_kept"]


def charge_unpacking(chunks: Iterator[Chunk], paths: Sequence[str], ledger: Ledger | None) -> Iterator[Chunk]:
    """Hand on the chunks of a source; what unpacks them is charged to the ledger meanwhile.

    Raises
    ------
    MemoryBudgetError
        Unpacking takes more than half of the memory.
    """
    held, charge = 0, None
    try:
        for chunk in chunks:
            if ledger is not None and chunk.unpacking_bytes != held:
                held = chunk.unpacking_bytes
                if charge is not None:
                    charge.release()
                _require_room(held, ledger, paths[chunk.file_index], by_row=chunk.by_row)
                charge = ledger.charge("unpacking", held)
            yield chunk
    finally:
        if charge is not None:
            charge.release()


def _require_room(held: int, ledger: Ledger, path: str, *, by_row: bool) -> None:
    if 2 * held > ledger.limit and by_row:
        raise MemoryBudgetError(
            f"decoding the used columns of {path} takes {held:,} bytes of memory, more than half of "
            f"memory={ledger.limit:,}: raise memory= to {2 * held:,} bytes, leave out columns with drop=, or "
            "have it written in smaller batches or pages"
        )
    if 2 * held > ledger.limit:
        raise MemoryBudgetError(
            f"{path} was compressed so that unpacking takes {held:,} bytes of memory, more than half of "
            f"memory={ledger.limit:,}: raise memory= to {2 * held:,} bytes, compress the file at a lower "
            "level, or unpack it"
        )


def not_kept(path: str) -> MemoryBudgetError:
    """What to say where the rows of compressed files must fit into memory and do not."""
    return MemoryBudgetError(
        f"{path} is compressed, so that its rows cannot be read by position; they do not fit into the third "
        "of the memory in which rows are kept, and cache='never' lets nothing be unpacked to the disk: raise "
        "memory=, leave out cache='never', or unpack the file"
    )

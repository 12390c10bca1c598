"""The pass over a part of the files, in another process, and what it tells who puts parts together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stoker.images.sizes import ImageSizes
from stoker.ledger import Ledger
from stoker.sources import Chunk, Source
from stoker.sources.parts import Part, chunks_of
from stoker.survey.images import merge_images
from stoker.survey.keeper import Keeper
from stoker.survey.labels import LabelTally
from stoker.survey.lengths import TextLengths
from stoker.survey.marks import Marks
from stoker.survey.policy import Policy
from stoker.survey.profiles import TextProfile, merge_profiles
from stoker.survey.scan import Pass
from stoker.survey.tally import SentIssues
from stoker.survey.valuelengths import ValueLengths, merge_lengths
from stoker.types import IntArray, Rows, Uint64Array

__all__ = ["PartFound", "survey_part", "take_in"]


@dataclass(slots=True)
class _Anchors:
    """The segments of a part as chunks tell them, put together: to an `IndexBuilder` they are a chunk."""

    file_index: int = -1
    first_row: int = 0
    num_records: int = 0
    offset: int = 0
    by_row: bool = False
    num_bytes: int = 0
    _parts: list[tuple[IntArray, IntArray, Uint64Array]] = field(default_factory=list)

    def add(self, chunk: Chunk, checksums: Uint64Array) -> None:
        """Take in the next chunk."""
        if self.file_index < 0:
            self.file_index, self.first_row, self.offset = chunk.file_index, chunk.first_row, chunk.offset
            self.by_row = chunk.by_row
        self.num_records += chunk.num_records
        self.num_bytes += len(chunk.data)
        self._parts.append((chunk.anchor_rows, chunk.anchor_offsets, checksums))

    @property
    def data(self) -> npt.NDArray[np.uint8]:
        """Stands for the bytes of all chunks."""
        return np.broadcast_to(np.zeros((), np.uint8), self.num_bytes)

    @property
    def anchor_rows(self) -> IntArray:
        """As of a chunk."""
        return np.concatenate([part[0] for part in self._parts])

    @property
    def anchor_offsets(self) -> IntArray:
        """As of a chunk."""
        return np.concatenate([part[1] for part in self._parts])

    @property
    def checksums(self) -> Uint64Array:
        """Of all segments."""
        return np.concatenate([part[2] for part in self._parts])


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFound:
    """What is in a part of the files; attributes as those of `Pass`."""

    anchors: _Anchors
    file_bytes: int
    dtype: np.dtype[Any]
    issues: SentIssues
    marks: Marks
    examples: dict[str, tuple[int, str]]
    texts: TextLengths | None
    values: dict[str, ValueLengths] | None
    images: dict[str, ImageSizes] | None
    profiles: dict[str, TextProfile] | None
    inside: dict[str, LabelTally]
    outside: dict[str, LabelTally]


@dataclass(slots=True)
class _PartPass(Pass):
    """A pass over a part: all but statistics, for which rows are read by their places later."""

    part: Part | None = None
    slots_in_all: int = 0
    done_bytes: int = 0

    def _chunks(self, target: int) -> Iterator[Chunk]:
        assert self.part is not None
        for chunk in chunks_of(self.source, self.part, target):
            self.done_bytes += chunk.file_bytes
            yield chunk

    def _count_slots(self, target: int) -> int | None:
        return self.slots_in_all

    def _measure(self, rows: Rows, take: IntArray | None, row_id: Callable[[int], int]) -> None:
        pass


def survey_part(common: tuple[Source, Policy, int, int], part: Part) -> PartFound:
    """Survey a part.

    Parameters
    ----------
    common
        The source, what to do with blanks and bad rows, rows of all files, and bytes that this may take.
    part
        Which part.
    """
    source, policy, num_slots, memory = common
    anchors = _Anchors()
    keeper = Keeper(features=source.numeric_features, others=(), limit=0)
    done = _PartPass(
        source=source,
        policy=policy,
        builder=anchors,  # type: ignore[arg-type]  # takes chunks as one does
        keeper=keeper,
        num_bytes=1,
        ledger=Ledger(memory),
        part=part,
        slots_in_all=num_slots,
        num_slots=part.first_row,
    )
    done.run(workers=0, progress=None)
    return PartFound(
        anchors=anchors,
        file_bytes=done.done_bytes,
        dtype=done.dtype,
        issues=done.tally.sent(),
        marks=done.marks,
        examples=done.examples,
        texts=done.texts,
        values=done.values,
        images=done.images,
        profiles=done.profiles,
        inside=done.inside,
        outside=done.outside,
    )


def take_in(done: Pass, found: PartFound) -> None:
    """Have a pass know what was found in the part that follows."""
    anchors = found.anchors
    done.builder.add(anchors, anchors.checksums)
    done.num_slots += anchors.num_records
    done.dtype = np.promote_types(done.dtype, found.dtype)
    done.tally.take_in(found.issues)
    done.marks.merge(found.marks)
    done.examples = done.examples or found.examples
    if found.texts is not None:
        done.texts = found.texts if done.texts is None else done.texts.merge(found.texts)
    done.values = merge_lengths(done.values, found.values or {})
    done.images = merge_images(done.images, found.images or {})
    done.profiles = merge_profiles(done.profiles, found.profiles)
    for mine, theirs in ((done.inside, found.inside), (done.outside, found.outside)):
        for name, tally in theirs.items():
            mine[name] = mine[name].merge(tally)

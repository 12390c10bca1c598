"""The survey's figures and the transform's as the facts that a plan depends on."""

from __future__ import annotations

import os
import shutil

import numpy as np

from stoker.cache import Draft
from stoker.folders import homes
from stoker.given import located
from stoker.kernels.padding import padded_width
from stoker.ledger import allocated_bytes
from stoker.plan import DataFacts, MachineFacts
from stoker.prefetch import available_cores
from stoker.sources import Source
from stoker.sources.bound import BoundView
from stoker.survey import Survey
from stoker.transforms.base import InputTransform
from stoker.transforms.columns import Columns

__all__ = ["data_facts", "machine_facts"]

_TEXT_BYTES = 32  # of a value that comes along, with its place
_NUMBER_BYTES = 4
_ANSWER_BYTES = 12  # of a label or weight beside the first label, as it is read and as a model takes it
_PAIR_BYTES = 16  # of an index and its value, before and after they are put side by side


def data_facts(
    found: Survey,
    view: BoundView,
    inputs: InputTransform,
    *,
    keep: int = 0,
    pays_survey: bool = True,
    holds_transform: bool = False,
) -> DataFacts:
    """What the plan must know of a feed.

    Parameters
    ----------
    found, view
        The survey, and which of its rows are fed.
    inputs
        The features' transform; before it is fitted, only what does not depend on it is right.
    keep
        Columns that come along.
    pays_survey
        Whether index and kept rows are this feed's, and not another's that shares them.
    holds_transform
        Whether the transform is this feed's.
    """
    answers = len(found.source.answers)
    carried = keep * _TEXT_BYTES + max(0, answers - 1) * _ANSWER_BYTES
    index = found.index
    held = (index.anchor_rows, index.anchor_offsets, index.checksums, found.excluded) if pays_survey else ()
    lengths = () if found.texts is None else found.texts.longest_first()
    numbers = found.source.numeric_features
    return DataFacts(
        num_rows=view.num_rows,
        num_slots=found.num_slots,
        num_bytes=found.num_bytes,
        num_features=_most_numbers(inputs, lengths[0][0] if lengths else 0),
        feature_bytes=_feature_bytes(inputs),
        num_columns=len(numbers) + max(1, answers),
        row_bytes=len(numbers) * found.dtype.itemsize + 8 + carried,
        text_lengths=lengths,
        text_columns=len(found.source.text_features),
        value_lengths=tuple(seen.longest_first() for seen in found.values.values()),
        transform_bytes=inputs.num_bytes if holds_transform else 0,
        working_bytes=_working_bytes(inputs, found),
        carried_bytes=carried,
        kept=found.kept is not None,
        kept_bytes=found.kept.num_bytes if found.kept is not None and pays_survey else 0,
        places_bytes=view.num_bytes + sum(map(allocated_bytes, held)),
        survey_seconds=found.seconds,
        access=found.source.random_access,
        unit_rows=found.source.unit_rows,
        reading_bytes=found.source.reading_bytes,
    )


def _working_bytes(inputs: InputTransform, found: Survey) -> int:
    """What a thread holds while it makes a batch: images of other files may be larger than those known."""
    if not inputs.working_bytes:
        return 0
    return max(inputs.working_bytes, *(seen.decoding_bytes for seen in found.images.values()))


def _feature_bytes(inputs: InputTransform) -> int:
    """What a number of a row of a batch takes."""
    if inputs.output == "named":
        return _NUMBER_BYTES
    return _PAIR_BYTES if inputs.output == "sparse" else np.dtype(inputs.dtype).itemsize


def _most_numbers(inputs: InputTransform, longest: int) -> int:
    """Numbers that a row of a batch holds at most: of pairs so many as the widest batch has.

    Of several inputs together, those of another size count as so many numbers as take the same memory.
    """
    if not inputs.is_fitted:
        return 1
    if isinstance(inputs, Columns):
        return sum(
            -(-_most_numbers(part.transform, longest) * _feature_bytes(part.transform) // _NUMBER_BYTES)
            for part in inputs.parts
        )
    if inputs.output != "sparse":
        return inputs.num_outputs
    return padded_width(inputs.most_entries(longest), inputs.num_outputs)


def machine_facts(source: Source, draft: Draft | None = None) -> MachineFacts:
    """Cores, and free bytes where the data are; those that a draft of the cache takes count as free."""
    path = located(source.places[0])
    folder = homes(path if "://" in path else os.path.realpath(path))[0]
    while not folder.exists():
        folder = folder.parent
    taken = 0 if draft is None else draft.bytes_beside(folder)
    return MachineFacts(cores=available_cores(), free_disk_bytes=shutil.disk_usage(folder).free + taken)

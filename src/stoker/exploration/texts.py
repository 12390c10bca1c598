"""What texts are like: classes, lengths, the most frequent words and pairs of words."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from stoker.choice import choose_text_model
from stoker.exploration.frequent import Frequent, Ranked
from stoker.exploration.grams import Grams, count_grams, take_in
from stoker.given import located
from stoker.prefetch import available_cores, prefetch
from stoker.sources import Source
from stoker.sources.text_batches import TextBatch
from stoker.survey.labels import LabelCounts, LabelTally
from stoker.survey.lengths import TextLengths
from stoker.transforms.chunks import as_texts
from stoker.transforms.cutting import word_cutter
from stoker.types import Progress

__all__ = ["TextReport", "explore_texts"]

_CHUNK_BYTES = 4 << 20
_ROOM = 1 << 18
_SHOWN = 50
_MOST_WORKERS = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextReport:
    """What `explore_texts` found.

    Attributes
    ----------
    paths, num_bytes
        The files, and what they take on the disk.
    columns
        The columns of text.
    num_rows, num_left_out
        Rows looked at, and rows that cannot be read or have no label.
    labels
        The classes and how often each occurs; None without a label.
    class_names
        What the classes 1, 2, … are called, where a file beside the data says so.
    lengths
        How long the texts are.
    words, pairs
        The most frequent.
    model, reason
        What ``--model auto`` would take if all rows were trained on, and why.
    """

    paths: tuple[str, ...]
    num_bytes: int
    columns: tuple[str, ...]
    num_rows: int
    num_left_out: int
    labels: LabelCounts | None
    class_names: tuple[str, ...] | None
    lengths: TextLengths
    words: Ranked
    pairs: Ranked
    model: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data; lengths as pairs of words and rows."""
        labels = None if self.labels is None else msgspec.to_builtins(self.labels)
        return {
            "paths": list(self.paths),
            "bytes": self.num_bytes,
            "columns": list(self.columns),
            "rows": self.num_rows,
            "left_out": self.num_left_out,
            "labels": labels,
            "class_names": self.class_names,
            "median_words": self.lengths.median_words,
            "ratio": self.num_rows / max(self.lengths.median_words, 1.0),
            "model": self.model,
            "reason": self.reason,
            "lengths": [list(pair) for pair in self.lengths.words()],
            "words": msgspec.to_builtins(self.words),
            "pairs": msgspec.to_builtins(self.pairs),
        }


def explore_texts(
    source: Source,
    *,
    on_bad_row: Literal["error", "skip"] = "error",
    room: int = _ROOM,
    workers: int | None = None,
    progress: Progress | None = None,
) -> TextReport:
    r"""Look at the texts of a source once, from its first row to its last.

    Memory grows neither with rows nor with the vocabulary: about 50 MB for each of the workers, of which
    there are four at most.

    Parameters
    ----------
    source
        Opened with ``text=``; its label, if it has one, is counted.
    on_bad_row
        Whether rows that cannot be read, or have no label, are an error or are left out and counted.
    room
        Different words, and different pairs of words, that are counted at once. While there are not more,
        counts are exact; else each may be too low by what `Ranked.error` says, at most all words ÷ `room`.
    workers
        Threads; None for one a core. It changes no result.
    progress
        Called with the bytes done and the bytes in all.

    Raises
    ------
    ColumnError
        The source has no text column.
    BadRowError
        A row is bad.

    Examples
    --------
    >>> import stoker, tempfile, pathlib
    >>> temporary = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(temporary.name, "tiny.csv")
    >>> _ = path.write_text("kind,text\nham,see you soon\nspam,buy now\nspam,buy it now\n")
    >>> report = explore_texts(stoker.open(path, label="kind", text="text"))
    >>> report.labels.classes, report.labels.counts, report.words.names[0]
    (('ham', 'spam'), (1, 2), 'buy')
    >>> temporary.cleanup()
    """
    found = _Found(source, room)
    cutter = word_cutter(lowercase=True, strip_accents=True)

    def look(batch: TextBatch) -> tuple[TextBatch, tuple[Grams, Grams]]:
        return batch, count_grams(as_texts(batch.texts), cutter)

    threads = min(available_cores(), _MOST_WORKERS) if workers is None else workers
    batches = source.text_batches(chunk_bytes=_CHUNK_BYTES, on_bad_row=on_bad_row)
    with prefetch(look, batches, workers=threads, in_flight=max(threads, 1), name="inspect") as looked:
        for batch, counted in looked:
            found.take_in(batch, counted)
            if progress is not None:
                progress(min(found.done, found.total), found.total)
    return found.report()


class _Found:
    """What was found so far in the texts of a source, which come from the first to the last."""

    def __init__(self, source: Source, room: int) -> None:
        self._source = source
        self._words, self._pairs = Frequent(room=room, shown=_SHOWN), Frequent(room=room, shown=_SHOWN)
        label = source.table.schema.label
        self._tally = None if label is None else LabelTally(label.kind)
        self._lengths = TextLengths()
        self._seen = self._stop = 0
        self.done, self.total = 0, sum(map(_size, map(located, source.places)))

    def take_in(self, batch: TextBatch, counted: tuple[Grams, Grams]) -> None:
        """Add the next texts, whose words and pairs of words were counted."""
        self._seen += len(batch.ids)
        # Of rows that the view leaves out nobody can tell whether they are bad.
        self._stop = int(batch.ids[-1]) + 1 if self._source.view.steps else batch.stop
        self._lengths.update(batch.columns, list(batch.columns))
        if self._tally is not None:
            self._tally.update(batch.labels)
        words, pairs = counted
        take_in(words, self._words)
        take_in(pairs, self._pairs)
        self.done += batch.file_bytes

    def report(self) -> TextReport:
        """All of it."""
        model, reason = choose_text_model(self._seen, self._lengths.median_words)
        return TextReport(
            paths=self._source.paths,
            num_bytes=self.total,
            columns=tuple(self._source.text_features),
            num_rows=self._seen,
            num_left_out=self._stop - self._seen,
            labels=None if self._tally is None else self._tally.result(),
            class_names=self._source.class_names,
            lengths=self._lengths,
            words=self._words.ranked(),
            pairs=self._pairs.ranked(),
            model=model,
            reason=reason,
        )


def _size(path: str) -> int:
    """Bytes of a file, or of all files in a folder."""
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(
        os.path.getsize(os.path.join(parent, name)) for parent, _, names in os.walk(path) for name in names
    )

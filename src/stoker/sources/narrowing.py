"""What narrows a source's rows: splits, folds, conditions, the first rows, chosen ones, shards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from stoker.errors import ColumnError, OptionError
from stoker.ledger import parse_bytes
from stoker.sources.columnar.stream import StreamUnits
from stoker.sources.groups import split_by_group
from stoker.sources.schema import require_name
from stoker.sources.strata import folds_by_value, split_by_stratum
from stoker.sources.views import FoldSpec, HeadSpec, ShardSpec, Spec, SplitSpec, TakeSpec
from stoker.sources.where import rows_where
from stoker.types import IntArray

if TYPE_CHECKING:
    from stoker.sources.base import Source

__all__ = ["Narrowing"]

_MEMORY = 10**9


class Narrowing:
    """The part of `Source` that makes views of its rows."""

    __slots__ = ()

    @property
    def _source(self) -> Source:
        return cast("Source", self)

    def narrowed(self, step: Spec) -> Source:
        """The rows of this view that one more step leaves."""
        raise NotImplementedError

    def split(
        self,
        fraction: float,
        seed: int = 0,
        *,
        group: str | None = None,
        stratify: str | None = None,
        memory: str | int | None = None,
    ) -> tuple[Source, Source]:
        r"""Two views in file order: about `fraction` of the rows, and the others.

        In each group of 1,000 consecutive rows, bad ones counted, the ``round(fraction * size)`` with the
        smallest hash under `seed` are in the first part.

        Parameters
        ----------
        fraction
            Of the rows, or of the groups, in the first part.
        seed
            Of the hash.
        group
            A column of the files: rows with the same value, as it is written, come into the same part, by the
            value's hash. The files are read once for it, now; the parts hold 8 bytes a row, which a feed
            counts, and 26 are held until it is done.
        stratify
            A column of the files, of which each value has its share in both parts: of 1,000 consecutive rows
            of one value, ``round(fraction * size)`` are in the first. The files are read once for it, too;
            up to 50 bytes a row are held until it is done, and 8 then.
        memory
            What may be held until it is done, with `group` or `stratify`: bytes, or a text such as ``"2GB"``;
            None: 1 GB. A feed of the parts tells of it in its own account.

        Raises
        ------
        OptionError
            `fraction` does not lie between 0 and 1, or `seed` not in [0, 2**64), or both columns are named;
            or a column decides about a query's rows, and the query has no ``ORDER BY``.
        ColumnError
            There is no such column.
        DataError
            All rows fall into one part.
        MemoryBudgetError
            `memory` is too little for so many rows.

        Examples
        --------
        >>> import stoker, tempfile, pathlib
        >>> temporary = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(temporary.name, "phrases.tsv")
        >>> _ = path.write_text("SentenceId\tPhrase\tSentiment\n" + "".join(
        ...     f"{row // 3}\tphrase {row}\t{row % 5}\n" for row in range(300)))
        >>> rows = stoker.open(path, label="Sentiment", text="Phrase")
        >>> train, valid = rows.split(0.9, seed=1, group="SentenceId")
        >>> sides = [{i // 3 for batch in part.text_batches() for i in batch.ids.tolist()}
        ...          for part in (train, valid)]
        >>> sides[0] & sides[1]
        set()
        >>> temporary.cleanup()
        """
        first: Spec
        second: Spec
        if _one_of(group=group, stratify=stratify, memory=memory):
            _require_column(self._source, group=group, stratify=stratify)
            _require_order(self._source)
            by = split_by_group if group is not None else split_by_stratum
            first, second = by(self._source, fraction, seed, group or stratify or "", _limit(memory))
        else:
            first, second = (SplitSpec(fraction=fraction, seed=seed, part=part) for part in (0, 1))
        return self.narrowed(first), self.narrowed(second)

    def folds(
        self,
        count: int,
        seed: int = 0,
        *,
        group: str | None = None,
        stratify: str | None = None,
        memory: str | int | None = None,
    ) -> list[tuple[Source, Source]]:
        r"""Pairs of views for cross-validation: the rows outside of each of `count` folds, and those in it.

        In each group of 1,000 consecutive rows, bad ones counted, fold j has those whose hash under `seed`
        has a rank in [⌊j·size/count⌋, ⌊(j+1)·size/count⌋): sizes differ by one row a group at most.

        Parameters
        ----------
        count
            How many folds, 2 to 1,000.
        seed
            Of the hash.
        group, stratify
            As in `split`: rows that share a value are in one fold, or every fold has its share of each. Then
            the views hold 8 bytes a row for each fold.
        memory
            As in `split`.

        Raises
        ------
        OptionError
            `count` or `seed` cannot be, or both columns are named; or a column decides about a query's rows,
            and the query has no ``ORDER BY``.
        ColumnError
            There is no such column.
        DataError
            A fold would be empty.
        MemoryBudgetError
            `memory` is too little for so many rows.

        Examples
        --------
        >>> import stoker, tempfile, pathlib
        >>> temporary = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(temporary.name, "points.csv")
        >>> _ = path.write_text("x,y\n" + "".join(f"{row},{row % 2}\n" for row in range(30)))
        >>> pairs = stoker.open(path, label="y").folds(3, seed=1)
        >>> [valid.view.bind(30).num_rows for train, valid in pairs]
        [10, 10, 10]
        >>> temporary.cleanup()
        """
        if _one_of(group=group, stratify=stratify, memory=memory):
            _require_column(self._source, group=group, stratify=stratify)
            _require_order(self._source)
            column, together = group or stratify or "", group is not None
            pairs = folds_by_value(self._source, count, seed, column, together=together, limit=_limit(memory))
            return [(self.narrowed(others), self.narrowed(fold)) for others, fold in pairs]
        specs = [
            [FoldSpec(count=count, index=index, seed=seed, part=part) for part in (1, 0)]
            for index in range(FoldSpec(count=count, index=0, seed=seed, part=0).count)
        ]
        return [(self.narrowed(others), self.narrowed(fold)) for others, fold in specs]

    def where(self, condition: str) -> Source:
        r"""The view of the rows that satisfy a condition; the files are read once for it, now.

        What statistics of Parquet's row groups and folders' names exclude is not read for it. Whoever wants
        no other rows at all says ``stoker.open(…, where=)``, and spares the survey from reading them, too.

        Parameters
        ----------
        condition
            Comparisons of columns with numbers, texts or other columns (``==``, ``!=``, ``<``, ``<=``, ``>``,
            ``>=``, ``in``), joined by ``and``, ``or`` and ``not``; ``x is None`` asks for a blank, and
            ``col('unit price')`` is a column whose name is no word. A comparison with a blank is not true. It
            is read, not run. Rows in which a value that is asked for cannot be parsed stay: they are bad
            rows, and told as such. The view holds a bit and a quarter for each row of its parent, which a
            feed counts; two bytes a row are held until it is done.

        Raises
        ------
        OptionError
            It cannot be read, or compares numbers with texts.
        ColumnError
            There is no such column.
        DataError
            No row satisfies it.

        Examples
        --------
        >>> import stoker, tempfile, pathlib
        >>> temporary = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(temporary.name, "people.csv")
        >>> _ = path.write_text("age,city,y\n31,Rome,0\n,Rome,1\n44,Oslo,1\n70,Rome,0\n")
        >>> rows = stoker.open(path, label="y").where("30 < age <= 65 or city == 'Rome' and age is None")
        >>> rows.view.bind(4).ids(0, 3).tolist()
        [0, 1, 2]
        >>> temporary.cleanup()
        """
        _require_order(self._source)
        return self.narrowed(rows_where(self._source, condition))

    def head(self, count: int) -> Source:
        """The view of the first `count` rows of this view, bad ones counted; of all, if there are fewer.

        Raises
        ------
        OptionError
            `count` is no number from 1 on.
        """
        return self.narrowed(HeadSpec(count=count))

    def take(self, indices: Sequence[int] | IntArray) -> Source:
        """The view of the given rows of this view, counted from 0 with bad rows, in file order.

        Raises
        ------
        OptionError
            An index is negative, no integer, or given twice.
        """
        return self.narrowed(TakeSpec.of(indices))

    def shard(self, index: int, count: int) -> Source:
        """Part `index` of `count` equal contiguous parts of this view.

        Raises
        ------
        OptionError
            There is no such part; or the rows are a query's, which is asked twice and has no ``ORDER BY``.

        Examples
        --------
        >>> import stoker
        >>> rows = stoker.open({"x": [1, 2, 3, 4, 5]})
        >>> [rows.shard(index, 2).view.bind(5).ids(0, 2).tolist() for index in range(2)]
        [[0, 1], [2, 3]]
        """
        _require_order(self._source)
        return self.narrowed(ShardSpec(index=index, count=count))


def _require_order(source: Source) -> None:
    """Refuse rows that would be read once to be divided and once to be used, each time in another order.

    Those of which their own order says that it is the same are compared as they are read again.

    Raises
    ------
    OptionError
        Nothing says in which order they come.
    """
    files = [getattr(file, "file", file) for file in getattr(source.table, "files", ())]
    streams = [file for file in files if isinstance(file, StreamUnits)]
    for stream in streams:
        stream.divided()
    if not all(stream.is_ordered for stream in streams):
        raise OptionError(
            f"{source.paths[0]}: its rows would be asked for once to divide them, and again to use them, and "
            "nothing says that they come in the same order: rows would fall into the wrong part. Give the "
            "query an ORDER BY that decides between any two rows, such as a key; write its rows to a file "
            "first (stoker convert); or, for a condition, say where= as it is opened, which asks once"
        )


def _require_column(source: Source, *, group: str | None, stratify: str | None) -> None:
    """Refuse a column that is absent, in the words of the option that names it."""
    option, column = ("stratify", stratify) if group is None else ("group", group)
    try:
        source.without_label().keeping([require_name(option, column)])
    except ColumnError as error:
        raise ColumnError(str(error).replace("keep=:", f"{option}=:", 1)) from None


def _limit(memory: str | int | None) -> int:
    """What may be held until rows are divided."""
    return _MEMORY if memory is None else parse_bytes(memory)


def _one_of(*, group: str | None, stratify: str | None, memory: str | int | None) -> bool:
    """Whether a column decides; only one may."""
    if group is not None and stratify is not None:
        raise OptionError("group= keeps rows together and stratify= divides them: name one of them")
    if memory is not None and group is None and stratify is None:
        raise OptionError("memory has no effect without group= or stratify=: rows one by one need none")
    return group is not None or stratify is not None

"""Several transforms, each of columns of its own: what gives a model several named inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np

from stoker.errors import ColumnError, OptionError
from stoker.stored import require
from stoker.transforms.base import FittedTransform, InputTransform, Unread, nearest
from stoker.transforms.kinds import KINDS, read_state
from stoker.transforms.selected import Selection
from stoker.transforms.texts import TextTransform
from stoker.types import ColumnKind, InputKind, InputSpec, IntArray, Rows

__all__ = ["Columns", "ColumnsOf", "Part"]

ColumnsOf: TypeAlias = "InputTransform | tuple[str | Sequence[str], InputTransform]"
"""What stands behind an input's name: a transform of the column of that name, or columns and a transform."""


@dataclass(frozen=True, slots=True)
class Part:
    """One input: its name, the columns that it is made of, and what makes it of them."""

    name: str
    columns: tuple[str, ...]
    transform: InputTransform

    @property
    def spec(self) -> InputSpec:
        """What a model must know of it; the transform is fitted."""
        made = self.transform
        return InputSpec(
            name=self.name,
            columns=self.columns,
            kind=made.input_kind,
            shape=made.row_shape,
            dtype=made.dtype,
            num_tokens=made.num_tokens,
        )


class Columns(InputTransform):
    r"""Columns to the named inputs of one model, each by a transform of its own.

    Parameters
    ----------
    inputs
        By the name of each input the transform of the column that is called so, or ``(columns, transform)``
        for one input of several columns, or of a column with another name. Columns that stand nowhere are
        left out; one may stand in several inputs.

    Attributes
    ----------
    parts
        The inputs in this order.

    Raises
    ------
    OptionError
        If there is no input, a name cannot be that of an input, or something is no transform of features.

    Notes
    -----
    `apply` gives a mapping with what each transform gives. In a batch of a feed x is a mapping, too: arrays
    of shape (B, k), and for a sparse input in turn a mapping of ``indices`` and ``values``; so a model is
    made with ``keras.Model({"price": …, "review": {"indices": …, "values": …}}, outputs)``.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from stoker.transforms import SequenceVectorizer, Standardize
    >>> from stoker.types import Matrix
    >>> matrix, texts = Matrix.of(np.array([[1], [3]])), {"review": pa.array(["good", "bad film"])}
    >>> rows = Rows(num_rows=2, features=("price",), matrix=matrix, columns=texts)
    >>> made = Columns({"price": Standardize(), "review": SequenceVectorizer()}).fit(rows)
    >>> {name: array.tolist() for name, array in made.apply(rows, np.array([0, 1])).items()}
    {'price': [[-1.0], [1.0]], 'review': [[0, 1], [2, 3]]}
    """

    name = "columns"

    def __init__(self, inputs: Mapping[str, ColumnsOf]) -> None:
        if not isinstance(inputs, Mapping) or not inputs:
            raise OptionError(
                "Columns takes a mapping from names of inputs to transforms, such as "
                f"{{'price': stoker.Standardize()}}, got {inputs!r:.80}"
            )
        self.parts = tuple(_part(name, given) for name, given in inputs.items())
        made: set[int] = set()
        self._seen_by: dict[str, list[InputTransform]] = {}
        for part in self.parts:
            for column in part.columns:
                self._seen_by.setdefault(column, []).append(part.transform)
            if id(part.transform) in made:
                raise OptionError(
                    f"Columns: the input {part.name!r} has the transform of another one, and each learns "
                    "from its own columns: make one for each, or one input of several columns: "
                    "'name': (['a', 'b'], transform)"
                )
            made.add(id(part.transform))
        self._chosen: tuple[tuple[str, ...], tuple[Selection, ...]] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns that the inputs are made of, each once."""
        return tuple(self._seen_by)

    @property
    def inputs(self) -> tuple[InputSpec, ...]:
        """What a model must know of each input; all are fitted."""
        return tuple(part.spec for part in self.parts)

    def check_kinds(self, kinds: Mapping[str, ColumnKind]) -> None:
        """Refuse columns that there are not, or that do not hold what their transform is for.

        Parameters
        ----------
        kinds
            Of each feature column, ``"int"``, ``"float"`` or ``"text"``.

        Raises
        ------
        ColumnError
            Naming the input, the column, and the way out.
        """
        pairs = [(part, column) for part in self.parts for column in part.columns]
        for part, column in pairs:
            if column not in kinds:
                raise ColumnError(
                    f"Columns: the input {part.name!r} is made of the column {column!r}, and there is no "
                    f"such feature{nearest(column, kinds)}; there are {', '.join(map(repr, kinds)):.300}"
                )
        for part, column in pairs:
            part.transform.check_kind(column, kinds[column])

    def fills_blank(self, column: str) -> bool:
        """Whether every transform that sees a column has something for a blank in it."""
        seen = self._seen_by.get(column, ())
        return bool(seen) and all(transform.fills_blank(column) for transform in seen)

    @property
    def is_fitted(self) -> bool:
        """Whether every transform is."""
        return all(part.transform.is_fitted for part in self.parts)

    @property
    def refuses(self) -> bool:
        """Whether one of them does."""
        return any(part.transform.refuses for part in self.parts)

    @property
    def output(self) -> InputKind:
        """A mapping of inputs."""
        return "named"

    @property
    def num_outputs(self) -> int:
        """Numbers of all inputs together."""
        return sum(part.transform.num_outputs for part in self.parts)

    @property
    def num_bytes(self) -> int:
        """Memory that the fitted transforms hold, where it is worth counting."""
        return sum(part.transform.num_bytes for part in self.parts)

    @property
    def working_bytes(self) -> int:
        """What the one takes that takes most."""
        return max(part.transform.working_bytes for part in self.parts)

    def reset(self) -> None:
        """Forget what every transform learned."""
        for part in self.parts:
            part.transform.reset()

    @property
    def learns_in_parts(self) -> bool:
        """Whether all of them do."""
        return all(part.transform.learns_in_parts for part in self.parts)

    def begin_part(self, first: int) -> Self:
        """Have every transform begin with a part of the rows."""
        for part in self.parts:
            part.transform.begin_part(first)
        return self

    def partial_fit(self, rows: Rows) -> Self:
        """Have every transform learn from the next rows."""
        for part, selection in self._selections(rows):
            part.transform.partial_fit(selection.narrow(rows))
        return self

    def finish(self) -> Self:
        """Have every transform settle what waits for the last row."""
        for part in self.parts:
            part.transform.finish()
        return self

    def merge(self, other: FittedTransform) -> Self:
        """Take in what the other's transforms learned from the rows that follow, each by each."""
        self._check_merge(other)
        assert isinstance(other, Columns)
        for part, further in zip(self.parts, other.parts, strict=True):
            part.transform.merge(further.transform)
        return self

    def adopt(self, other: FittedTransform) -> Self:
        """Have every transform know what the other's has learned."""
        self._check_merge(other)
        assert isinstance(other, Columns)
        for part, known in zip(self.parts, other.parts, strict=True):
            part.transform.adopt(known.transform)
        return self

    def apply(self, rows: Rows, take: IntArray) -> Any:
        """By the name of each input what its transform gives for the row numbers `take`.

        Raises
        ------
        ColumnError
            If the rows lack a column.
        OptionError
            If a transform is not fitted.
        """
        all_of_them = np.arange(len(take), dtype=np.int64)
        return {
            part.name: part.transform.apply(selection.narrow(rows, take), all_of_them)
            for part, selection in self._selections(rows)
        }

    @property
    def leaves_unread(self) -> bool:
        """Whether one of them does."""
        return any(part.transform.leaves_unread for part in self.parts)

    def unread(self, rows: Rows, take: IntArray) -> tuple[Unread, ...]:
        """Those of every transform."""
        all_of_them = np.arange(len(take), dtype=np.int64)
        return tuple(
            found
            for part, selection in self._selections(rows)
            if part.transform.leaves_unread
            for found in part.transform.unread(selection.narrow(rows, take), all_of_them)
        )

    def options(self) -> dict[str, Any]:
        """By input its columns, and its transform's name and options, as plain data."""
        return {
            "inputs": {
                part.name: [list(part.columns), part.transform.name, part.transform.options()]
                for part in self.parts
            }
        }

    def state(self) -> dict[str, Any]:
        """Inputs in their order, each with its columns and its transform's state."""
        return {
            "name": self.name,
            "inputs": [
                {"name": part.name, "columns": list(part.columns), "transform": part.transform.state()}
                for part in self.parts
            ],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Equal transforms.

        Raises
        ------
        RunError
            If one of them is damaged.
        ValueError, TypeError, KeyError, OptionError
            If it is nothing that `state` gives.
        """
        inputs: dict[str, ColumnsOf] = {}
        for known in state["inputs"]:
            name, columns = known["name"], known["columns"]
            require(isinstance(columns, list) and columns, f"the input {name!r:.80} has no columns")
            require(name not in inputs, f"the input {name!r:.80} is there twice")
            transform = read_state(known["transform"], KINDS)
            require(isinstance(transform, InputTransform), f"the input {name!r:.80} is none of features")
            assert isinstance(transform, InputTransform)
            inputs[name] = (columns, transform)
        return cls(inputs)

    def __repr__(self) -> str:
        """Each input with its columns and the kind of its transform."""
        told = (
            f"{part.name!r}: {type(part.transform).__name__}"
            + ("" if part.columns == (part.name,) else f" of {', '.join(part.columns)}")
            for part in self.parts
        )
        return f"Columns({'; '.join(told)})"

    def _selections(self, rows: Rows) -> Iterator[tuple[Part, Selection]]:
        """Each part with what it sees of the rows."""
        chosen = self._chosen
        if chosen is None or (chosen[0] is not rows.features and chosen[0] != rows.features):
            where = {name: place for place, name in enumerate(rows.features)}
            chosen = rows.features, tuple(Selection.of(rows, part.columns, where) for part in self.parts)
            self._chosen = chosen  # for whoever comes next; two threads would write the same
        return zip(self.parts, chosen[1], strict=True)


def _part(name: object, given: object) -> Part:
    """One input as it was given, checked.

    Raises
    ------
    OptionError
        If it cannot be.
    """
    if not isinstance(name, str) or not name or "/" in name:
        raise OptionError(
            f"Columns: an input's name must be a text without '/', which Keras keeps to itself, got "
            f"{name!r}; name the input and its column apart: {{'a_b': ('a/b', transform)}}"
        )
    columns: tuple[str, ...] = (name,)
    if isinstance(given, tuple) and len(given) == 2:
        named, given = given
        columns = (named,) if isinstance(named, str) else tuple(named)
    if isinstance(given, type) and issubclass(given, InputTransform):
        raise OptionError(f"Columns: the input {name!r} has a class: write {given.__name__}()")
    if isinstance(given, Columns) or not isinstance(given, InputTransform):
        raise OptionError(
            f"Columns: the input {name!r} needs a transform of features, such as stoker.Standardize() or "
            f"stoker.NgramVectorizer(), or (columns, transform), got {given!r:.80}"
        )
    if not columns or not all(isinstance(column, str) for column in columns):
        raise OptionError(f"Columns: the input {name!r} needs names of columns, got {columns!r:.80}")
    if len(set(columns)) < len(columns):
        raise OptionError(f"Columns: the input {name!r} names a column twice: {', '.join(columns)}")
    if isinstance(given, TextTransform):
        given = _of_columns(given, name, columns)
    return Part(name, columns, given)


def _of_columns(given: TextTransform, name: str, columns: tuple[str, ...]) -> TextTransform:
    """A transform of texts that reads the columns of its input."""
    if given.columns == columns:
        return given
    if given.columns is not None:
        raise OptionError(
            f"Columns: the input {name!r} is made of {', '.join(map(repr, columns))}, and its transform has "
            f"columns={list(given.columns)!r}: leave columns= out"
        )
    made = copy(given)
    made.columns = columns
    return made

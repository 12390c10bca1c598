"""Rows that satisfy a condition such as ``age > 30 and city == 'Rome'``, which is read and never run as code.

The grammar is a small part of Python's: ``and``, ``or``, ``not``, comparisons, ``in``, ``is None``; names of
columns, ``col('unit price')`` for names that are no words, numbers and texts. Nothing else is understood.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stoker.errors import OptionError
from stoker.sources.outcomes import ANYTHING, Outcome, Range, blank_outcome, compared, either, inverted

__all__ = ["Condition"]

_LONGEST = 10_000
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
}
_INEXACT = 1 << 53
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
Columns = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Column:
    name: str


class Condition:
    """A condition on the columns of a row.

    A comparison with a blank is neither true nor false, and rows are chosen for which the whole is true;
    ``x is None`` tells blanks.

    Parameters
    ----------
    text
        The condition.

    Attributes
    ----------
    names, numeric
        Columns that it names, sorted, and those of them that it compares with numbers.

    Raises
    ------
    OptionError
        It is no condition.

    Examples
    --------
    >>> condition = Condition("0 < age <= 30 or city in ('Rome', 'Oslo')")
    >>> condition.names
    ('age', 'city')
    >>> ages, cities = pa.array([20.0, 40.0, None]), pa.array(["Bonn", "Rome", None])
    >>> condition({"age": ages, "city": cities}).to_pylist()
    [True, True, None]
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if not isinstance(text, str) or not text.strip():
            raise OptionError(f"where takes a condition such as 'age > 30 and city is None', got {text!r}")
        try:
            if len(text) > _LONGEST:
                raise ValueError(f"it has {len(text):,} characters")
            self._tree = ast.parse(text.strip(), mode="eval").body
            self._check(self._tree)
        except OptionError:
            raise
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._refused(getattr(error, "msg", None) or str(error)) from error
        sides = list(self._sides())
        self.names = tuple(
            sorted({side.name for group in sides for side in group if isinstance(side, _Column)})
        )
        self.numeric = frozenset(
            side.name
            for group in sides
            if any(isinstance(each, int | float) for each in _flat(group))
            for side in group
            if isinstance(side, _Column)
        )

    def __call__(self, columns: Columns) -> Any:
        """Whether each row satisfies it: a boolean array, null where that is not known.

        Raises
        ------
        OptionError
            A column of numbers is compared with a text, or the other way round.
        """
        return self._value(self._tree, columns)

    def outcome(self, ranges: Mapping[str, Range]) -> Outcome:
        """What it may come to for rows whose values lie in ranges; nothing is known of columns without one.

        Examples
        --------
        >>> Condition("age > 30 and age is not None").outcome({"age": Range(low=3, high=30)})
        <Outcome.FALSE|BLANK: 6>
        """
        return self._outcome(self._tree, ranges)

    def _sides(self) -> Iterator[list[Any]]:
        """What is compared in each comparison."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Compare):
                yield [self._operand(side) for side in (node.left, *node.comparators)]

    def _check(self, node: ast.expr) -> None:
        """Refuse what is not understood."""
        if isinstance(node, ast.BoolOp):
            for value in node.values:
                self._check(value)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._check(node.operand)
        elif isinstance(node, ast.Compare):
            sides = [self._operand(side) for side in (node.left, *node.comparators)]
            for left, sign, right in zip(sides, node.ops, sides[1:], strict=False):
                self._check_sign(left, sign, right)
        else:
            raise self._refused(f"{ast.unparse(node)!r} is no comparison")

    def _check_sign(self, left: Any, sign: ast.cmpop, right: Any) -> None:
        if not isinstance(left, _Column) and not isinstance(right, _Column):
            raise self._refused("one side of each comparison must be a column")
        if isinstance(sign, ast.Is | ast.IsNot) and not (isinstance(left, _Column) and right is None):
            raise self._refused("`is` asks for a blank: write COLUMN is None")
        if isinstance(sign, ast.In | ast.NotIn) and not (
            isinstance(left, _Column) and isinstance(right, tuple) and right
        ):
            raise self._refused("`in` takes COLUMN in (value, value)")

    def _operand(self, node: ast.expr) -> Any:
        """A column, a number, a text, None, or a tuple of such."""
        if isinstance(node, ast.Name):
            # Python's own names are normalised, and columns are called as the file has it.
            return _Column(ast.get_source_segment(self.text.strip(), node) or node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str | None):
            if isinstance(node.value, int) and abs(node.value) >= _INEXACT:
                raise self._refused(
                    f"{node.value} is beyond 2**53, where numbers are rounded and not told apart: have the "
                    "column read as text (types=) and compare it with a text"
                )
            return node.value
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            return tuple(self._operand(item) for item in node.elts)
        if isinstance(node, ast.UnaryOp) and type(node.op) in _SIGNS:
            number = self._operand(node.operand)
            if isinstance(number, int | float):
                return _SIGNS[type(node.op)](number)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "col":
            names = [self._operand(argument) for argument in node.args]
            if len(names) == 1 and isinstance(names[0], str) and not node.keywords:
                return _Column(names[0])
        raise self._refused(f"{ast.unparse(node)!r} is no column, number or text")

    def _value(self, node: ast.expr, columns: Columns) -> Any:
        if isinstance(node, ast.BoolOp):
            joined = pc.and_kleene if isinstance(node.op, ast.And) else pc.or_kleene
            first, *others = (self._value(value, columns) for value in node.values)
            for other in others:
                first = joined(first, other)
            return first
        if isinstance(node, ast.UnaryOp):
            return pc.invert(self._value(node.operand, columns))
        assert isinstance(node, ast.Compare)
        sides = [self._operand(side) for side in (node.left, *node.comparators)]
        found = None
        for left, sign, right in zip(sides, node.ops, sides[1:], strict=False):
            one = self._compared(left, sign, right, columns)
            found = one if found is None else pc.and_kleene(found, one)
        return found

    def _outcome(self, node: ast.expr, ranges: Mapping[str, Range]) -> Outcome:
        if isinstance(node, ast.BoolOp):
            outcomes = [self._outcome(value, ranges) for value in node.values]
            return either(outcomes) if isinstance(node.op, ast.Or) else _both(outcomes)
        if isinstance(node, ast.UnaryOp):
            return inverted(self._outcome(node.operand, ranges))
        assert isinstance(node, ast.Compare)
        sides = [self._operand(side) for side in (node.left, *node.comparators)]
        pairs = zip(sides, node.ops, sides[1:], strict=False)
        return _both([_outcome_of(left, sign, right, ranges) for left, sign, right in pairs])

    def _compared(self, left: Any, sign: ast.cmpop, right: Any, columns: Columns) -> Any:
        if isinstance(sign, ast.Is | ast.IsNot):
            blank = pc.is_null(columns[left.name])
            return blank if isinstance(sign, ast.Is) else pc.invert(blank)
        if isinstance(sign, ast.In | ast.NotIn):
            return self._among(left, right, columns, is_in=isinstance(sign, ast.In))
        self._check_kinds(left, right, columns)
        values = [columns[side.name] if isinstance(side, _Column) else side for side in (left, right)]
        return _COMPARISONS[type(sign)](*values)

    def _among(self, left: Any, right: Any, columns: Columns, *, is_in: bool) -> Any:
        for value in right:
            self._check_kinds(left, value, columns)
        values = columns[left.name]
        found = pc.is_in(values, pa.array(right, values.type))
        found = pc.if_else(pc.is_null(values), pa.scalar(None, pa.bool_()), found)
        return found if is_in else pc.invert(found)

    def _check_kinds(self, left: Any, right: Any, columns: Columns) -> None:
        for side, other in ((left, right), (right, left)):
            if not isinstance(side, _Column):
                continue
            of_numbers = pa.types.is_floating(columns[side.name].type)
            if isinstance(other, _Column):
                if of_numbers != pa.types.is_floating(columns[other.name].type):
                    raise self._refused(f"of {side.name!r} and {other.name!r} one holds numbers, one text")
            elif other is None or other == "":
                raise self._refused(f"a blank is told by {side.name} is None")
            elif isinstance(other, tuple | bool) or of_numbers != isinstance(other, int | float):
                held, wanted = ("numbers", "a number") if of_numbers else ("text", "a text in quotes")
                raise self._refused(f"{side.name!r} holds {held}: compare it with {wanted}, got {other!r}")

    def _refused(self, why: str) -> OptionError:
        shown = self.text if len(self.text) <= 200 else self.text[:200] + "…"
        return OptionError(f"where: {shown!r} cannot be read: {why}")


def _flat(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple):
            yield from value
        else:
            yield value


def _both(outcomes: list[Outcome]) -> Outcome:
    return inverted(either(map(inverted, outcomes)))


def _outcome_of(left: Any, sign: ast.cmpop, right: Any, ranges: Mapping[str, Range]) -> Outcome:
    if isinstance(sign, ast.Is | ast.IsNot):
        blank = blank_outcome(_range(left, ranges))
        return blank if isinstance(sign, ast.Is) else inverted(blank)
    if isinstance(sign, ast.In | ast.NotIn):
        values = _range(left, ranges)
        among = either(compared(values, ast.Eq, Range.of(value)) for value in right)
        return among if isinstance(sign, ast.In) else inverted(among)
    return compared(_range(left, ranges), type(sign), _range(right, ranges))


def _range(side: Any, ranges: Mapping[str, Range]) -> Range:
    return ranges.get(side.name, ANYTHING) if isinstance(side, _Column) else Range.of(side)

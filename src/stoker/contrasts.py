"""What is there and what is here, in words for people: of data, names, rows, files and transforms."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np

__all__ = [
    "Files",
    "between",
    "chosen_rows",
    "condition_differences",
    "file_differences",
    "name_differences",
    "plain",
    "row_differences",
    "transform_differences",
]

Files: TypeAlias = Sequence[tuple[str, Any]]
"""Paths, each with what tells the file's content from another's."""

_MOST_SHOWN = 120
_MOST_NAMES = 8
_BEFORE = 40
"""Characters that are shown before the first that differs."""
_PARTS = ("first part", "second part")
_FOLD_PARTS = ("the fold itself", "the rows outside of it")
_NOT_FOR_PEOPLE = ("kind", "sha256")


def plain(value: Any) -> Any:
    """As it comes back from JSON, the order of names aside."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=_told, order="deterministic"))


def _told(value: Any) -> Any:
    """Other objects by their class: their text may name an address."""
    return value.item() if isinstance(value, np.generic) else type(value).__qualname__


def between(name: str, old: Any, new: Any) -> Iterator[str]:
    """Every difference of plain data, by the names that lead to it.

    Examples
    --------
    >>> list(between("layers", {"0 Dense": {"units": 8}}, {"0 Dense": {"units": 16}}))
    ['layers.0 Dense.units: 8 there, 16 here']
    >>> list(between("early_stopping", None, 3))
    ['early_stopping: none there, 3 here']
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from between(f"{name}.{key}".replace(".config.", "."), old.get(key), new.get(key))
    elif old != new:
        yield _contrast(name, _text(old), _text(new))


def name_differences(name: str, old: Sequence[Any] | None, new: Sequence[Any] | None) -> Iterator[str]:
    """Which of two lists of names, or of classes, has what the other has not.

    Examples
    --------
    >>> list(name_differences("columns", ["a", "b", "y"], ["a", "y", "z"]))
    ["columns: 'b' there and not here", "columns: 'z' here and not there"]
    >>> list(name_differences("columns", ["a", "b"], ["b", "a"]))
    ["columns: 'a', 'b' there, 'b', 'a' here"]
    """
    if old == new:
        return
    known, given = old or (), new or ()
    gone = [each for each in known if each not in given]
    more = [each for each in given if each not in known]
    if not (known and given and (gone or more)):
        yield _contrast(name, _listed(known), _listed(given))
        return
    if gone:
        yield f"{name}: {_listed(gone)} there and not here"
    if more:
        yield f"{name}: {_listed(more)} here and not there"


def chosen_rows(source: Mapping[str, Any]) -> Any:
    """How the rows of a source were chosen, as `row_differences` takes it.

    Parameters
    ----------
    source
        What `Source.describe` told, or run.json has of it; of a damaged one its view as it stands there.

    Examples
    --------
    >>> chosen_rows({"where": "age > 30", "view": {"steps": [{"kind": "take"}]}})
    {'steps': [{'kind': 'where', 'condition': 'age > 30'}, {'kind': 'take'}]}
    """
    view, condition = plain(source.get("view")), source.get("where")
    if condition is None or not isinstance(view, dict) or not isinstance(view.get("steps"), list):
        return view
    return {**view, "steps": [{"kind": "where", "condition": condition}, *view["steps"]]}


def condition_differences(name: str, old: Any, new: Any) -> Iterator[str]:
    """What is not the same of two choices of rows, if their files were opened by other conditions.

    The digest of a file that is opened by a condition is of the rows that satisfy it.

    Examples
    --------
    >>> old, new = (chosen_rows({"where": text, "view": {"steps": []}}) for text in ("a > 3", "a > 5"))
    >>> list(condition_differences("rows of the files", old, new))
    ['rows of the files: where (condition a > 3) there, where (condition a > 5) here']
    >>> split = {"kind": "split", "fraction": 0.9, "seed": 0, "part": 0}
    >>> list(condition_differences("rows of the files", old, {"steps": [*old["steps"], split]}))
    []
    """
    if _opened_by(plain(old)) != _opened_by(plain(new)):
        yield from row_differences(name, old, new)


def row_differences(name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[str]:
    """What is not the same of two choices of rows, as `Source.describe` tells a view.

    Examples
    --------
    >>> split = {"kind": "split", "fraction": 0.9, "seed": 0, "part": 0}
    >>> list(row_differences("rows of the files", {"steps": [split]}, {"steps": []}))
    ['rows of the files: split (fraction 0.9, first part, seed 0) there, all here']
    """
    if plain(old) == plain(new):
        return
    known, given = _chosen(plain(old)), _chosen(plain(new))
    if known == given:
        yield f"{name}: {known} there, and so here, but others"
    else:
        yield f"{name}: {known} there, {given} here"


def file_differences(there: Files, here: Files) -> Iterator[str]:
    """The first file that is another, or how many there are.

    Examples
    --------
    >>> list(file_differences([("a.csv", 10)], [("b.csv", 20)]))
    ['files: a.csv there, b.csv here']
    >>> list(file_differences([("a.csv", 10)], [("./a.csv", 20)]))
    ['files: ./a.csv holds something else']
    """
    if len(there) != len(here):
        yield f"files: {len(there)} there, {len(here)} here"
        return
    for (old, known), (new, found) in zip(there, here, strict=True):
        if known != found:
            is_same = os.path.abspath(old) == os.path.abspath(new)
            yield f"files: {new} holds something else" if is_same else f"files: {old} there, {new} here"
            return


def transform_differences(name: str, old: str, new: str) -> Iterator[str]:
    """Whether two transforms are others, or have learned something else; each is its name and its digest.

    Examples
    --------
    >>> list(transform_differences("transform", "standardize 1f", "standardize 2e"))
    ['transform: standardize has learned other numbers, words or columns here']
    """
    if old == new:
        return
    known, given = (digest.rpartition(" ")[0] or digest for digest in (old, new))
    if known == given:
        yield f"{name}: {given} has learned other numbers, words or columns here"
    else:
        yield f"{name}: {known} there, {given} here"


def _contrast(name: str, old: str, new: str) -> str:
    """What stands at the first place that differs, where the texts are long."""
    if max(len(old), len(new)) > _MOST_SHOWN:
        same = next((place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), None)
        start = max(0, (min(len(old), len(new)) if same is None else same) - _BEFORE)
        old, new = (_cut(text, start) for text in (old, new))
    return f"{name}: {old} there, {new} here"


def _cut(text: str, start: int) -> str:
    stop = start + _MOST_SHOWN
    return f"{'…' if start else ''}{text[start:stop]}{'…' if len(text) > stop else ''}"


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(each)}" for name, each in value.items()) or "none"
    return str(value)


def _listed(names: Sequence[Any]) -> str:
    more = len(names) - _MOST_NAMES
    shown = ", ".join(map(repr, names[:_MOST_NAMES]))
    return (f"{shown} and {more} more" if more > 0 else shown) or "none"


def _opened_by(view: Any) -> Any:
    """The condition with which files were opened; rows that are chosen of them later are counted."""
    first = next(iter(_steps(view) or ()), {})
    return first.get("condition") if first.get("kind") == "where" and "count" not in first else None


def _steps(view: Any) -> list[dict[str, Any]] | None:
    """How rows were chosen; None of a damaged record."""
    steps = view.get("steps") if isinstance(view, dict) else None
    if not isinstance(steps, list) or not all(isinstance(step, dict) and "kind" in step for step in steps):
        return None
    return steps


def _chosen(view: Any) -> str:
    """How rows were chosen, step by step; of a damaged record as it stands there."""
    steps = _steps(view)
    if steps is None:
        return _text(view)
    return " then ".join(map(_step, steps)) or "all"


def _step(step: Mapping[str, Any]) -> str:
    parts = _FOLD_PARTS if "index" in step else _PARTS
    told = [
        parts[value] if name == "part" and value in (0, 1) else f"{name} {value}"
        for name, value in step.items()
        if name not in _NOT_FOR_PEOPLE
    ]
    return f"{step['kind']} ({', '.join(told)})"

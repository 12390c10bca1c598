"""What somebody may do to a stored file who knows how it is made: damage it, or write something else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

DEEP = 200_000
"""Levels of a nested list that no reader should follow."""

ODD = (
    None, True, -1, 0, 1, 2, 255, 2**31, 2**53, 2**62, 2**63, -(2**63), 10**30, 10**400, 0.5, -1e308, 1e308,
    "", "x", "../../../etc/passwd", "\x00", "nan", "x" * 70_000,
    [], [0], [-1], [[[]]], {}, {"name": "x"}, {"": 0},
)  # fmt: skip
"""What may stand in the place of any value of JSON."""


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values stand in plain data, containers included."""
    yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def put(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The same plain data with another value at a place."""
    if not path:
        return value
    copied = dict(tree) if isinstance(tree, dict) else list(tree)
    copied[path[0]] = put(copied[path[0]], path[1:], value)
    return copied


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    """The value at a place of plain data."""
    for key in path:
        tree = tree[key]
    return tree


@st.composite
def forgeries(draw: st.DrawFn, tree: Any) -> Any:
    """Plain data in which one to three values are others, absent, twice as many or half as many."""
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(tree))))
        if not path:
            continue
        value, parent = at(tree, path), at(tree, path[:-1])
        kind = draw(st.sampled_from(["odd", "odd", "odd", "absent", "near", "resized"]))
        if kind == "absent" and isinstance(parent, dict):
            tree = put(tree, path[:-1], {key: old for key, old in parent.items() if key != path[-1]})
        elif kind == "near" and isinstance(value, int | float) and not isinstance(value, bool):
            tree = put(tree, path, draw(st.sampled_from([value - 1, value + 1, -value, value * 1000])))
        elif kind == "resized" and isinstance(value, list | str):
            tree = put(
                tree, path, draw(st.sampled_from([value + value, value[: len(value) // 2], value[1:]]))
            )
        else:
            tree = put(tree, path, draw(st.sampled_from(ODD)))
    return tree


@st.composite
def damages(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes of which some are others, some are missing or some were added."""
    spoilt = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(spoilt) - 1)))
        kind = draw(st.sampled_from(["flip", "flip", "cut", "add", "zeros"]))
        if kind == "flip" and spoilt:
            spoilt[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del spoilt[place:]
        elif kind == "add":
            spoilt[place:place] = bytes(draw(st.integers(1, 64)))
        else:
            spoilt[place : place + 64] = bytes(len(spoilt[place : place + 64]))
    return bytes(spoilt)


@st.composite
def forged_arrays(draw: st.DrawFn, array: np.ndarray) -> np.ndarray:
    """An array of integers in which some are others, or that has another length."""
    forged = array.copy()
    for _ in range(draw(st.integers(1, 3))):
        odd = draw(st.sampled_from([-1, 0, 1, 2**31, 2**62, 2**63 - 1, int(forged.max(initial=0)) // 2 + 1]))
        if forged.size:
            forged[draw(st.integers(0, forged.size - 1))] = np.uint64(odd % 2**64).astype(array.dtype)
        if draw(st.integers(0, 4)) == 0:
            forged = forged[: forged.size // 2]
    return forged


def replaced(path: Path, content: bytes) -> None:
    """Another file under the same name: to write into a mapped one would change what others see of it."""
    other = path.with_name(path.name + ".forged")
    other.write_bytes(content)
    other.replace(path)

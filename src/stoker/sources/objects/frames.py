"""Frames of pandas: which columns they have, their index among them, and of which types these are."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from stoker.errors import DataError, OptionError

__all__ = ["frame_schema", "named_frame"]

_UNTAKEN = (pa.ArrowException, TypeError, ValueError)


def named_frame(frame: Any) -> Any:
    """The frame with texts for names, whose index has names for the levels alone that are columns, too.

    Raises
    ------
    OptionError
        Two columns have one name, or a column and a level of the index that hold different values.
    """
    names = [str(name) for name in frame.columns]
    levels = [None if name is None else str(name) for name in frame.index.names]
    plain = frame if list(frame.columns) == names else frame.set_axis(names, axis=1)
    if list(frame.index.names) != levels:
        plain = plain.rename_axis(index=levels)
    known = [*names, *(name for name in levels if name is not None and name not in names)]
    for name in known:
        if known.count(name) > 1:
            raise OptionError(f"the frame has several columns {name!r}; give them different names")
    for place, level in enumerate(levels):
        if level in names and not plain.index.get_level_values(place).equals(plain.set_index(level).index):
            raise OptionError(
                f"the frame has a column {level!r}, and other values in its index under the same name; leave "
                f"the index out with reset_index({level!r}, drop=True), or rename one of them"
            )
    return plain


def frame_schema(frame: Any) -> pa.Schema:
    """Names and types of a frame's columns, and behind them of the levels of its index that have names.

    Parameters
    ----------
    frame
        As `named_frame` gives it.

    Raises
    ------
    DataError
        A column holds values of several kinds, or such as Arrow does not have.
    """
    held = _schema(frame)
    for place, name in enumerate(frame.index.names):
        if name is not None and name not in held.names:
            level = frame.index.get_level_values(place)
            held = pa.schema([*held, *_schema(level.to_frame(index=False, name=name))])
    return held


def _schema(frame: Any) -> pa.Schema:
    try:
        return pa.Schema.from_pandas(frame, preserve_index=False).remove_metadata()
    except _UNTAKEN:
        for name in frame.columns:
            try:
                pa.Schema.from_pandas(frame[[name]], preserve_index=False)
            except _UNTAKEN as error:
                said = str(error.args[0]).splitlines()[0].rstrip(".")
                remedy = (
                    "give it dense, with sparse.to_dense()"
                    if hasattr(frame[name], "sparse")
                    else "give it values of one kind, for example with astype(str)"
                )
                raise DataError(f"the frame: column {name!r}: {said}; {remedy}") from error
        raise

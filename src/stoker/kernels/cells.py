"""Cells of a matrix whose type is told by a number, so that one kernel does for matrices of every type.

A kernel that took the matrix itself would be compiled once for each type, and the parser is the longest of
all kernels. Nothing is checked: a place must be in the matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = [
    "DTYPES",
    "FLOAT64",
    "address_of",
    "cells_of",
    "for_each_type",
    "lane_of",
    "put_float",
    "put_integer",
    "take_float",
    "type_of",
]

DTYPES = (np.uint8, np.int16, np.int32, np.int64, np.float64)
"""Matrix types that are written, each of which holds all values of those before it."""
FLOAT64 = len(DTYPES) - 1
"""The place of the last."""

_WRITTEN = tuple(np.dtype(each) for each in DTYPES)
_READ = (*_WRITTEN, *map(np.dtype, (np.float32, np.int8, np.uint16, np.uint32, np.uint64, np.bool_)))


def cells_of(matrix: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """The bytes of a C-contiguous array, as the functions here take it.

    Examples
    --------
    >>> cells_of(np.array([[1, 2]], np.int16)).tolist()
    [1, 0, 2, 0]
    """
    return matrix.reshape(-1).view(np.uint8)


def type_of(values: npt.NDArray[Any]) -> int:
    """The number of an array's type: its place in `DTYPES`, or a greater one of a type that is read alone.

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> type_of(np.zeros(1, np.int16)), type_of(np.zeros(1, np.float32))
    (1, 5)
    """
    return _READ.index(values.dtype)


def lane_of(kind: np.dtype[Any]) -> Any:
    """What LLVM calls a type of numbers."""
    if kind.kind == "f":
        return ir.DoubleType() if kind.itemsize == 8 else ir.FloatType()
    return ir.IntType(8 * kind.itemsize)


def for_each_type(
    builder: Any,
    dtype: Any,
    generate: Callable[[np.dtype[Any]], Any],
    kinds: tuple[np.dtype[Any], ...] = _WRITTEN,
) -> list[tuple[Any, Any]]:
    """Have `generate` write code for each type, of which that of number `dtype` is run.

    Returns
    -------
    For each what it returned, and the block behind its code.
    """
    behind = builder.append_basic_block("behind")
    blocks = [builder.append_basic_block(f"as.{kind}") for kind in kinds]
    switch = builder.switch(dtype, blocks[-1])
    found = []
    for place, (block, kind) in enumerate(zip(blocks, kinds, strict=True)):
        if block is not blocks[-1]:
            switch.add_case(dtype.type(place), block)
        builder.position_at_end(block)
        found.append((generate(kind), builder.block))
        builder.branch(behind)
    builder.position_at_end(behind)
    return found


def address_of(context: Any, builder: Any, array: Any, cells: Any, lane: Any, at: Any) -> Any:
    """Address of the cell `at`, of the given lane, in an array of bytes of Numba's type `array`."""
    data = context.make_array(array)(context, builder, cells).data
    return builder.gep(builder.bitcast(data, lane.as_pointer()), [at])


@intrinsic
def put_integer(typing_context: Any, cells: Any, dtype: Any, at: Any, whole: Any) -> Any:
    """Write the int64 `whole` to cell `at` of a matrix of type ``DTYPES[dtype]``, which holds it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cells_, dtype_, at_, whole_ = arguments

        def store(kind: np.dtype[Any]) -> None:
            lane = lane_of(kind)
            if kind.kind == "f":
                value = builder.sitofp(whole_, lane)
            else:
                value = builder.trunc(whole_, lane) if kind.itemsize < 8 else whole_
            builder.store(value, address_of(context, builder, signature.args[0], cells_, lane, at_))

        for_each_type(builder, dtype_, store)
        return context.get_dummy_value()

    return types.void(cells, types.int64, types.int64, types.int64), generate


@intrinsic
def put_float(typing_context: Any, cells: Any, at: Any, value: Any) -> Any:
    """Write the float64 `value` to cell `at` of a matrix of float64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cells_, at_, value_ = arguments
        address = address_of(context, builder, signature.args[0], cells_, ir.DoubleType(), at_)
        builder.store(value_, address)
        return context.get_dummy_value()

    return types.void(cells, types.int64, types.float64), generate


@intrinsic
def take_float(typing_context: Any, cells: Any, dtype: Any, at: Any) -> Any:
    """Cell `at`, as float64, of an array whose type has the number of `type_of`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cells_, dtype_, at_ = arguments
        double = ir.DoubleType()

        def load(kind: np.dtype[Any]) -> Any:
            value = builder.load(address_of(context, builder, signature.args[0], cells_, lane_of(kind), at_))
            if kind.kind == "f":
                return value if kind.itemsize == 8 else builder.fpext(value, double)
            return builder.sitofp(value, double) if kind.kind == "i" else builder.uitofp(value, double)

        loaded = for_each_type(builder, dtype_, load, _READ)
        value = builder.phi(double)
        for each, block in loaded:
            value.add_incoming(each, block)
        return value

    return types.float64(cells, types.int64, types.int64), generate

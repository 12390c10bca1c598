"""Eight bytes at a time: unaligned loads, 128-bit products, and arithmetic on the bytes within a word.

Numba has no words for the first few, so they are spelled in LLVM's. All are little-endian and check nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from stoker.kernels.compiling import inner_kernel

__all__ = [
    "ASCII_ZEROS",
    "are_digits",
    "ask_for",
    "bits_to_float",
    "count_ones",
    "digits_value",
    "find_zero",
    "leading_zeros",
    "load_word",
    "multiply_high",
    "repeated",
    "trailing_zeros",
]

ASCII_ZEROS = np.uint64(0x3030303030303030)
"""Eight times the character 0; a word of digits xor this holds their values."""

_ONES = np.uint64(0x0101010101010101)
_TOPS = np.uint64(0x8080808080808080)
_TO_TOP = np.uint64(0x7676767676767676)  # carries a byte above 9 into its top bit


@intrinsic
def load_word(typing_context: Any, data: Any, place: Any) -> Any:
    """The 8 bytes of the uint8 array `data` from `place` on, as a little-endian uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        pointer = builder.gep(array.data, [arguments[1]])
        word = builder.load(builder.bitcast(pointer, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return types.uint64(data, types.int64), generate


@intrinsic
def ask_for(typing_context: Any, array: Any, place: Any) -> Any:
    """Ask for the cache line of ``array[place]``; harmless for any address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), cgutils.voidptr_t)
        word = cgutils.int32_t
        kind = ir.FunctionType(ir.VoidType(), [address.type, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        reading, keep_near, data_not_code = word(0), word(3), word(1)
        builder.call(function, [address, reading, keep_near, data_not_code])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@intrinsic
def multiply_high(typing_context: Any, first: Any, second: Any) -> Any:
    """The upper 64 bits of the 128-bit product of two uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@intrinsic
def leading_zeros(typing_context: Any, word: Any) -> Any:
    """Zero bits above the highest set bit of a uint64 that is not 0, as int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], cgutils.true_bit)

    return types.int64(types.uint64), generate


@intrinsic
def trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Zero bits below the lowest set bit of a uint64 that is not 0, as int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.true_bit)

    return types.int64(types.uint64), generate


@intrinsic
def count_ones(typing_context: Any, word: Any) -> Any:
    """Set bits of a uint64, as int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@intrinsic
def bits_to_float(typing_context: Any, word: Any) -> Any:
    """The float64 whose bits are the given uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.uint64), generate


@inner_kernel
def repeated(byte):
    """The uint8 `byte` eight times, as uint64."""
    return np.uint64(byte) * _ONES


@inner_kernel
def find_zero(word):
    """0 if no byte of `word` is 0, else a word whose lowest set bit is the top bit of the first such byte.

    Anderson, "Bit twiddling hacks": determine if a word has a zero byte. Bits above the lowest mean nothing.
    """
    return (word - _ONES) & ~word & _TOPS


@inner_kernel
def are_digits(values):
    """Whether each byte of a word, already xor `ASCII_ZEROS`, is at most 9."""
    return ((values + _TO_TOP) | values) & _TOPS == np.uint64(0)


@inner_kernel
def digits_value(values):
    """The number that eight digits spell, from the lowest byte (most significant) on, xor `ASCII_ZEROS`."""
    pairs = (values * np.uint64(10) + (values >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    fours = ((pairs * np.uint64(6553601)) >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    return (fours * np.uint64(42949672960001)) >> np.uint64(32)

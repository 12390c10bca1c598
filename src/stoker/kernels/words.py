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
    "ask_second",
    "bits_to_float",
    "count_ones",
    "digits_value",
    "fence",
    "find_zero",
    "leading_zeros",
    "load_word",
    "multiply_high",
    "repeated",
    "store_line_past",
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


def _asking(nearness: int, doc: str) -> Any:
    def ask(typing_context: Any, array: Any, place: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            address = builder.bitcast(builder.gep(data, [arguments[1]]), cgutils.voidptr_t)
            word = cgutils.int32_t
            kind = ir.FunctionType(ir.VoidType(), [address.type, word, word, word])
            function = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
            reading, data_not_code = word(0), word(1)
            builder.call(function, [address, reading, word(nearness), data_not_code])
            return context.get_dummy_value()

        return types.void(array, types.intp), generate

    ask.__doc__ = doc
    return intrinsic(ask)


ask_for = _asking(3, "Ask for the cache line of ``array[place]``; harmless for any address.")
ask_second = _asking(2, "The same as far as the second cache: a line to the first takes one of few buffers.")


@intrinsic
def store_line_past(typing_context: Any, source: Any, begin: Any, target: Any, place: Any) -> Any:
    """``target[place : place + 16] = source[begin : begin + 16]``, float32, past the caches.

    A cache line that is written as usual is fetched from memory first. ``target[place]`` must lie at a
    multiple of 64 bytes, and a `fence` must come before anybody else reads.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        line = ir.VectorType(ir.FloatType(), 16).as_pointer()
        taken = context.make_array(source)(context, builder, arguments[0]).data
        given = context.make_array(target)(context, builder, arguments[2]).data
        values = builder.load(builder.bitcast(builder.gep(taken, [arguments[1]]), line))
        values.align = 4
        stored = builder.store(values, builder.bitcast(builder.gep(given, [arguments[3]]), line))
        stored.align = 64
        stored.set_metadata("nontemporal", builder.module.add_metadata([cgutils.int32_t(1)]))
        return context.get_dummy_value()

    return types.void(source, types.intp, target, types.intp), generate


@intrinsic
def fence(typing_context: Any) -> Any:
    """Have everything stored that was, before anything is stored later."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


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

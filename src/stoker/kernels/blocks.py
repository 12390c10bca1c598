"""Sixty-four bytes at a time: which of them are what, a bit each, and the short numbers that end among them.

Spelled in LLVM's vectors, which it cuts as the processor needs them. Nothing is checked: see what each
function reads and writes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from stoker.kernels.cells import address_of, for_each_type, lane_of, put_integer
from stoker.kernels.compiling import inner_kernel
from stoker.kernels.words import trailing_zeros

__all__ = [
    "BLOCK",
    "CAN_COMPRESS",
    "LANES",
    "LOOK_BEHIND",
    "MOST_NUMBERS",
    "compress",
    "find_bytes",
    "find_non_digits",
    "pick",
    "read_short_numbers",
    "store_short_numbers",
]

BLOCK = 64
"""Bytes that are looked at together: one for each bit of a word."""
LOOK_BEHIND = 4
"""Bytes before a block that `read_short_numbers` reads."""
LANES = 2 * BLOCK
"""Bytes that `read_short_numbers` writes."""
MOST_NUMBERS = BLOCK // 2
"""Numbers that may end in a block, and cells that `store_short_numbers` writes."""

_COMPRESS = "llvm.x86.avx512.mask.compress.v64i8"
CAN_COMPRESS = bool(binding.get_host_cpu_features().get("avx512vbmi2"))
"""Whether the processor moves chosen bytes together by one instruction; Numba caches by processor."""

_BYTE, _WORD, _MASK = ir.IntType(8), ir.IntType(64), ir.IntType(1)
_BYTES = ir.VectorType(_BYTE, BLOCK)


def _pointer(context: Any, builder: Any, vector: Any, kind: Any, array: Any, place: Any) -> Any:
    """Address of an element of an array, to load or store a vector there."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), vector.as_pointer())


def _load(builder: Any, pointer: Any) -> Any:
    vector = builder.load(pointer)
    vector.align = 1
    return vector


def _store(builder: Any, vector: Any, pointer: Any) -> None:
    builder.store(vector, pointer).align = 1


def _all(value: int, vector: Any = _BYTES) -> Any:
    return ir.Constant(vector, [value] * vector.count)


def _splat(builder: Any, byte: Any) -> Any:
    """The same byte in every lane."""
    index = ir.IntType(32)
    undefined = ir.Constant(_BYTES, ir.Undefined)
    single = builder.insert_element(undefined, byte, index(0))
    return builder.shuffle_vector(single, undefined, _all(0, ir.VectorType(index, BLOCK)))


def _is(builder: Any, vector: Any, byte: bytes) -> Any:
    return builder.icmp_unsigned("==", vector, _all(ord(byte)))


@intrinsic
def find_bytes(typing_context: Any, data: Any, place: Any, byte: Any) -> Any:
    """Which of the 64 bytes of `data` from `place` on equal `byte`: uint64, the first in the lowest bit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(builder, _pointer(context, builder, _BYTES, signature.args[0], *arguments[:2]))
        same = builder.icmp_unsigned("==", block, _splat(builder, arguments[2]))
        return builder.bitcast(same, _WORD)

    return types.uint64(data, types.int64, types.uint8), generate


@intrinsic
def find_non_digits(typing_context: Any, data: Any, place: Any) -> Any:
    """Which of the 64 bytes of `data` from `place` on are no ASCII digits, as of `find_bytes`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(builder, _pointer(context, builder, _BYTES, signature.args[0], *arguments))
        values = builder.sub(block, _all(ord("0")))
        return builder.bitcast(builder.icmp_unsigned(">", values, _all(9)), _WORD)

    return types.uint64(data, types.int64), generate


@intrinsic
def read_short_numbers(typing_context: Any, data: Any, place: Any, delimiter: Any, lanes: Any) -> Any:
    """Look at the 64 bytes from `place` on as ends of numbers, of which the digits stand in the bytes before.

    Reads ``data[place - 4 : place + 64]`` and writes to `lanes`, uint8 of shape (128,), for each byte what
    the up to three digits before it spell: the last two in the first half, the hundreds in the second.

    Returns
    -------
    delimiters, lines, others : uint64
        Which bytes are delimiters, CR or LF, and none of these nor digits.
    wrong, large : uint64
        Before which bytes stands no digit, more than three, or a padded number; and one beyond 255.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data_, place_, delimiter_, lanes_ = arguments
        kind, step = signature.args[0], place_.type
        blocks = [
            _load(builder, _pointer(context, builder, _BYTES, kind, data_, builder.sub(place_, step(back))))
            for back in range(LOOK_BEHIND + 1)
        ]
        delimiters = builder.icmp_unsigned("==", blocks[0], _splat(builder, delimiter_))
        lines = builder.or_(_is(builder, blocks[0], b"\n"), _is(builder, blocks[0], b"\r"))
        digits = [builder.sub(block, _all(ord("0"))) for block in blocks]
        beyond = [builder.icmp_unsigned(">", values, _all(9)) for values in digits]
        # A number has one digit if the second byte before its end is none, and so on.
        upto = [beyond[1]]
        for back in range(2, LOOK_BEHIND + 1):
            upto.append(builder.or_(upto[-1], beyond[back]))
        tens = builder.select(upto[1], _all(0), digits[2])
        hundreds = builder.select(upto[2], _all(0), digits[3])
        low = builder.add(digits[1], _times_ten(builder, tens))
        zero = [builder.icmp_unsigned("==", digits[back], _all(0)) for back in (2, 3)]
        padded = builder.or_(
            builder.and_(zero[0], builder.and_(upto[2], builder.not_(upto[1]))),
            builder.and_(zero[1], builder.not_(upto[2])),
        )
        wrong = builder.or_(builder.or_(beyond[1], builder.not_(upto[3])), padded)
        large = builder.or_(
            builder.icmp_unsigned(">", hundreds, _all(2)),
            builder.and_(
                builder.icmp_unsigned("==", hundreds, _all(2)), builder.icmp_unsigned(">", low, _all(55))
            ),
        )
        for half, values in enumerate((low, hundreds)):
            at = step(half * BLOCK)
            _store(builder, values, _pointer(context, builder, _BYTES, signature.args[3], lanes_, at))
        others = builder.xor(beyond[0], builder.or_(delimiters, lines))
        masks = [builder.bitcast(mask, _WORD) for mask in (delimiters, lines, others, wrong, large)]
        return context.make_tuple(builder, signature.return_type, masks)

    masks = types.UniTuple(types.uint64, 5)
    return masks(data, types.int64, types.uint8, lanes), generate


def _times_ten(builder: Any, values: Any) -> Any:
    """By additions: processors do not multiply bytes."""
    twice = builder.add(values, values)
    eight = builder.add(builder.add(twice, twice), builder.add(twice, twice))
    return builder.add(eight, twice)


def _times_hundred(builder: Any, values: Any) -> Any:
    four = builder.add(builder.add(values, values), builder.add(values, values))
    sixteen = builder.add(builder.add(four, four), builder.add(four, four))
    thirty_two = builder.add(sixteen, sixteen)
    return builder.add(builder.add(thirty_two, thirty_two), builder.add(thirty_two, four))


@intrinsic
def compress(typing_context: Any, lanes: Any, ends: Any, cells: Any, dtype: Any, at: Any) -> Any:
    """As `store_short_numbers`, by the processor's instruction for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes_, ends_, cells_, dtype_, at_ = arguments
        form = ir.FunctionType(_BYTES, [_BYTES, _BYTES, ir.VectorType(_MASK, BLOCK)])
        function = cgutils.get_or_insert_function(builder.module, form, _COMPRESS)
        mask = builder.bitcast(ends_, ir.VectorType(_MASK, BLOCK))
        first = ir.Constant(ir.VectorType(ir.IntType(32), MOST_NUMBERS), list(range(MOST_NUMBERS)))

        def together(values: Any) -> Any:
            return builder.shuffle_vector(builder.call(function, [values, _all(0), mask]), values, first)

        low, hundreds = (
            _load(builder, _pointer(context, builder, _BYTES, signature.args[0], lanes_, at_.type(half)))
            for half in (0, BLOCK)
        )

        def store(kind: np.dtype[Any]) -> None:
            lane = lane_of(kind)
            vector = ir.VectorType(lane, MOST_NUMBERS)
            if lane == _BYTE:
                values = together(builder.add(low, _times_hundred(builder, hundreds)))
            else:
                wide = ir.VectorType(ir.IntType(16), MOST_NUMBERS)
                halves = [builder.zext(together(half), wide) for half in (low, hundreds)]
                values = builder.add(halves[0], builder.mul(halves[1], _all(100, wide)))
                if kind.kind == "f":
                    values = builder.uitofp(values, vector)
                elif lane.width > 16:
                    values = builder.zext(values, vector)
            address = address_of(context, builder, signature.args[2], cells_, lane, at_)
            _store(builder, values, builder.bitcast(address, vector.as_pointer()))

        for_each_type(builder, dtype_, store)
        return context.get_dummy_value()

    return types.void(lanes, types.uint64, cells, types.int64, types.int64), generate


@inner_kernel
def store_short_numbers(lanes, ends, cells, dtype, at):
    """Write the numbers that end at the bytes `ends`, in order, to `stoker.kernels.cells` from `at` on.

    Arbitrary values may follow them, up to 32 cells in all.
    """
    if CAN_COMPRESS:
        compress(lanes, ends, cells, dtype, at)
    else:
        pick(lanes, ends, cells, dtype, at)


@inner_kernel
def pick(lanes, ends, cells, dtype, at):
    """As `store_short_numbers`, one by one."""
    while ends:
        end = trailing_zeros(ends)
        put_integer(cells, dtype, at, np.int64(lanes[end]) + 100 * np.int64(lanes[BLOCK + end]))
        ends &= ends - np.uint64(1)
        at += 1

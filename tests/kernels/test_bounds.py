"""No kernel that reads a file's bytes touches one before or behind them, nor writes beside its results.

Each array stands next to a page that may not be touched: a byte too far ends the process with a signal.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guarded import guarded, guarded_empty
from property_examples import examples
from stoker.kernels.csv import DTYPES, RULE_INTEGER, SKIP, Nulls, parse_numeric
from stoker.kernels.records import scan_records
from stoker.kernels.texts import copy_texts, find_texts

COMMA, QUOTE = np.uint8(ord(",")), np.uint8(ord('"'))
NULLS = Nulls([b"", b"NA", b"NaN"])

numbers = st.sampled_from(["0", "7", "12", "255", "256", "99999", "1234567", "-3", "2.5", "1e9", ""])
"""Those that are taken many at a time, and those that are not."""
contents = st.one_of(st.binary(max_size=300), st.text('",\r\n10.-e a', max_size=200).map(str.encode))
quotes = st.sampled_from([np.uint8(0), QUOTE])


@st.composite
def tables(draw):
    """How many columns there are, and bytes of so many or of any."""
    width = draw(st.sampled_from([1, 2, 5, 33, 100]))
    if draw(st.booleans()):
        return width, draw(contents)
    pool = draw(st.lists(numbers, min_size=1, max_size=20))
    rows = [
        ",".join(pool[(row + column) % len(pool)] for column in range(width))
        for row in range(draw(st.integers(1, 4)))
    ]
    return width, "\n".join(rows).encode()


@settings(max_examples=examples(300))
@given(contents, quotes, st.booleans(), st.booleans())
@example(b'"', QUOTE, True, True)
@example(b'1,"2""', QUOTE, True, True)
@example(b"1,2\r", QUOTE, False, True)
def test_records_are_looked_for_among_the_bytes_alone(content, quote, final, at_end):
    data = guarded(content, at_end=at_end)
    rows, offsets = np.empty((2, len(content) + 2), np.int64)
    num_records, consumed, *_ = scan_records(
        data, 0, len(content), int(COMMA), int(quote), final, 1, 0, 0, rows, offsets
    )
    assert 0 <= consumed <= len(content)
    assert 0 <= num_records <= len(content)


@settings(max_examples=examples(400))
@given(tables(), quotes, st.sampled_from(DTYPES), st.sampled_from([0, SKIP]), st.booleans())
@example((40, b"255," * 39 + b"255"), np.uint8(0), np.uint8, 0, True)
@example((1, b"1"), QUOTE, np.uint8, 0, False)
@example((1, b"1234567"), QUOTE, np.float64, 0, True)
def test_numbers_are_read_from_the_bytes_and_written_to_the_matrix_alone(table, quote, dtype, first, at_end):
    width, content = table
    num_rows = content.count(b"\n") + content.count(b"\r") + 1
    targets = np.arange(width)
    if first == SKIP:
        targets = np.array([SKIP, *range(width - 1)])
    matrix = guarded_empty((num_rows, int(targets.max()) + 1 if width > 1 or first == 0 else 0), dtype)
    parsed = parse_numeric(
        guarded(content, at_end=at_end),
        0,
        len(content),
        delimiter=int(COMMA),
        quote=int(quote),
        targets=targets.astype(np.int64),
        rules=np.full(width, RULE_INTEGER if dtype != np.float64 else 0, np.uint8),
        nulls=NULLS,
        matrix=matrix,
        extra=guarded_empty((num_rows, 0), np.float64),
        issues=guarded_empty((500, 5), np.int64),
    )
    assert 0 <= parsed.num_rows <= num_rows


@settings(max_examples=examples(300))
@given(contents, quotes, st.booleans())
def test_texts_are_found_and_copied_within_their_bytes(content, quote, at_end):
    data, columns = guarded(content, at_end=at_end), np.arange(3)
    most = content.count(b"\n") + content.count(b"\r") + 1
    spans = guarded_empty((3, most, 2), np.int64)
    count = find_texts(data, COMMA, quote, columns, spans)
    assert 0 <= count <= most
    for span in spans[:, :count]:
        out = guarded_empty((int((span[:, 1] - span[:, 0]).sum()),), np.uint8)
        bounds = guarded_empty((count + 1,), np.int64)
        copy_texts(data, quote, span, np.arange(count), bounds, out)
        assert bounds[count] <= len(out)


_TOO_FAR = """
import ctypes, sys
sys.path.insert(0, {folder!r})
from guarded import guarded
data = guarded(b"abc", at_end={at_end})
assert bytes(data) == b"abc"
ctypes.string_at(data.ctypes.data + {step}, 1)
"""


@pytest.mark.parametrize(("at_end", "step"), [(True, 3), (False, -1)])
def test_a_byte_too_far_would_be_noticed(at_end, step):
    program = _TOO_FAR.format(folder=str(Path(__file__).parents[1]), at_end=at_end, step=step)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGSEGV, done.stderr

"""Records are found where Python's csv module finds them, however the file is cut."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.kernels.compiling import kernel
from stoker.kernels.records import NO_PROBLEM, OPEN_QUOTE, scan_records, skip_record

COMMA, QUOTE = ord(","), ord('"')

noise = st.one_of(
    st.binary(max_size=200),
    st.text('",\r\n;1a', max_size=60).map(str.encode),
    st.lists(st.sampled_from([b"12", b",", b"\n", b"\r\n", b"\r", b'"', b'""', b"longer text, " * 9])).map(
        b"".join
    ),
)


@kernel
def skipped(data, place, stop, delimiter, quote):
    return skip_record(data, place, stop, delimiter, quote)


def scan(content: bytes, *, final=True, quote=QUOTE, segment=1, before=b"", after=b"", room=None):
    """Record count, bytes consumed, record starts and problem of `content` surrounded by other bytes."""
    data = np.frombuffer(before + content + after, np.uint8)
    size = len(content) + 2 if room is None else room
    rows, offsets = np.full(size, -1), np.full(size, -1)
    first = len(before)
    num_records, consumed, num_anchors, problem = scan_records(
        data, first, first + len(content), COMMA, quote, final, segment, 100, 1000 - first, rows, offsets
    )
    anchors = [(row - 100, offset - 1000) for row, offset in zip(rows, offsets, strict=True)][:num_anchors]
    return num_records, consumed - first, anchors, problem


def reference(content: bytes, quote: int = QUOTE) -> list[list[str]]:
    """Python's records, blank lines left out."""
    lines = io.StringIO(content.decode("latin-1"), newline="")
    quoting = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    return [record for record in csv.reader(lines, quoting=quoting) if record]


@settings(max_examples=examples(500))
@given(noise, st.sampled_from([0, QUOTE]))
@example(b'""', QUOTE)
@example(b'\r\n\n"a\r\n""b"\r\n,\r\r', QUOTE)
@example(b'1"2\n"3"4"\n5', QUOTE)
def test_records_are_those_of_python(content, quote):
    num_records, consumed, anchors, problem = scan(content, quote=quote)

    expected = reference(content, quote)
    if problem == OPEN_QUOTE:
        assert num_records == len(expected) - 1
        assert content[consumed : consumed + 1] not in (b"\r", b"\n")
    else:
        assert num_records == len(expected)
        assert consumed == len(content)
    assert [row for row, _ in anchors] == list(range(num_records))
    for (_, start), record in zip(anchors, expected, strict=False):
        assert reference(content[start:], quote)[0] == record


@settings(max_examples=examples(500))
@given(noise, st.lists(st.integers(0, 200)), st.sampled_from([0, QUOTE]))
def test_the_records_do_not_depend_on_where_the_file_is_cut(content, cuts, quote):
    whole = scan(content, quote=quote)

    starts, begin = [], 0
    for cut in [*sorted(min(cut, len(content)) for cut in cuts), len(content) + 1]:
        final = cut > len(content)
        num_records, consumed, anchors, problem = scan(content[begin:cut], quote=quote, final=final)
        assert problem == NO_PROBLEM or final
        assert num_records == len(anchors)
        starts += [begin + offset for _, offset in anchors]
        begin += consumed
    assert starts == [offset for _, offset in whole[2]]
    assert (begin, problem) == (whole[1], whole[3])


@settings(max_examples=examples(300))
@given(noise, st.booleans(), st.sampled_from([1, 5, 64]))
def test_bytes_around_the_slice_change_nothing(content, final, segment):
    plain = scan(content, final=final, segment=segment)

    for poison in (b"\n", b"\r", b'"', b"1", b","):
        assert scan(content, final=final, segment=segment, before=poison * 70, after=poison * 70) == plain


@settings(max_examples=examples(300))
@given(noise, st.integers(1, 100), st.integers(0, 3))
def test_a_segment_begins_at_the_first_record_beyond_its_size(content, segment, room):
    _, _, records, _ = scan(content)
    expected = []
    for row, offset in records:
        if not expected or offset >= expected[-1][1] + segment:
            expected.append((row, offset))

    assert scan(content, segment=segment)[2] == expected
    num_records, consumed, anchors, _ = scan(content, segment=segment, room=room)
    assert anchors == expected[:room]
    if room < len(expected):
        assert (num_records, consumed) == expected[room]


def test_an_unfinished_record_is_left_to_the_next_buffer():
    assert scan(b"1,2\n3,4", final=False)[:2] == (1, 4)
    assert scan(b"1,2\n3,4", final=True)[:2] == (2, 7)
    assert scan(b'1,2\n"3\n4', final=False)[:2] == (1, 4)


def test_an_open_quote_at_the_end_of_the_file_is_told_with_its_record():
    assert scan(b'1,2\n3,"4\n5,6\n') == (1, 4, [(0, 0)], OPEN_QUOTE)


@pytest.mark.parametrize("gap", range(1, 80))
def test_long_records_and_long_runs_of_blank_lines_are_crossed(gap):
    content = (b"x" * gap + b"\n" * gap + b'"' + b"\n" * gap + b'"\r\n') * 3
    starts = [place * (3 * gap + 4) + shift for place in range(3) for shift in (0, 2 * gap)]

    assert [offset for _, offset in scan(content)[2]] == starts


@settings(max_examples=examples(300))
@given(noise, st.sampled_from([0, QUOTE]))
def test_skipping_a_record_ends_at_its_terminator(content, quote):
    _, _, anchors, problem = scan(content, quote=quote)
    data = np.frombuffer(content, np.uint8)
    ends = [skipped(data, offset, len(content), COMMA, quote) for _, offset in anchors]

    for end, (_, after) in zip(ends, anchors[1:], strict=False):
        assert content[end:after].strip(b"\r\n") == b""
        assert content[end:after] != b""
    if ends and problem == NO_PROBLEM:
        assert content[ends[-1] :].strip(b"\r\n") == b""

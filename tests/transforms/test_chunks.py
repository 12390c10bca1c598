"""Texts are taken as they are: none is copied that is an Arrow array already, whoever made it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stoker.sources.texts import large_strings
from stoker.transforms.chunks import as_texts, text_buffers


def of_numpy() -> pa.LargeStringArray:
    return large_strings(np.array([0, 2, 2, 5]), np.frombuffer(b"abcde", np.uint8).copy())


def of_arrow() -> pa.LargeStringArray:
    return pa.array(["ab", "", "cde"], pa.large_string())


@pytest.mark.parametrize("make", [of_numpy, of_arrow])
def test_texts_of_arrow_are_not_copied_and_no_kernel_may_write_to_them(make):
    texts = make()
    taken = as_texts(texts)
    assert taken.to_pylist() == ["ab", "", "cde"]
    assert [buffer.address for buffer in taken.buffers()[1:]] == [
        buffer.address for buffer in texts.buffers()[1:]
    ]
    data, bounds = text_buffers(taken)
    assert not data.flags.writeable
    assert not bounds.flags.writeable


@pytest.mark.parametrize("make", [of_numpy, of_arrow])
@pytest.mark.parametrize(("start", "stop"), [(0, 2), (1, 3), (2, 2)])
def test_a_part_of_the_texts_has_those_and_no_offset(make, start, stop):
    part = as_texts(make().slice(start, stop - start))
    assert part.to_pylist() == ["ab", "", "cde"][start:stop]
    assert part.offset == 0
    data, bounds = text_buffers(part)
    assert data[bounds[0] : bounds[-1]].tobytes() == "".join(["ab", "", "cde"][start:stop]).encode()

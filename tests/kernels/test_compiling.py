"""Kernels work where Numba finds no place for its cache."""

from __future__ import annotations

import numpy as np
import pytest

from stoker.kernels.compiling import bare_kernel, inner_kernel, kernel


def _add_one(value):
    return value + 1


def test_a_kernel_compiles_where_no_cache_directory_can_be_written():
    _add_one.__code__ = _add_one.__code__.replace(co_filename="<no file on disk>")

    compiled = kernel(_add_one)

    assert compiled(41) == 42
    assert compiled.stats.cache_path is None


def test_a_kernel_is_kept_in_the_cache_where_that_can_be():
    def double(value):
        return value * 2

    assert kernel(double).stats.cache_path


def total(values):
    result = 0
    for value in values:
        result += value
    return result


@pytest.mark.parametrize("decorate", [bare_kernel, inner_kernel])
def test_bare_and_inner_kernels_count_no_references(decorate):
    # what comes from a cache cannot be inspected
    total.__code__ = total.__code__.replace(co_filename="<no file on disk>")
    inner = decorate(total)

    @kernel
    def outer(values):
        return inner(values) + inner(values)

    assert outer(np.arange(4)) == 12
    (code,) = inner.inspect_llvm().values()
    assert "NRT_incref" not in code

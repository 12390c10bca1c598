"""Kernels work where Numba finds no place for its cache."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from stoker.kernels import compiling
from stoker.kernels.compiling import bare_kernel, helper_kernel, inner_kernel, kernel


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


@pytest.mark.parametrize("decorate", [bare_kernel, helper_kernel, inner_kernel])
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


def used_kernels():
    """What modules outside `stoker.kernels` use of it, as (module, name)."""
    package = Path(compiling.__file__).parent
    for path in package.parent.rglob("*.py"):
        text = path.read_text()
        if path.parent == package or "stoker.kernels" not in text:
            continue
        nodes, modules = list(ast.walk(ast.parse(text))), {}
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module == "stoker.kernels":
                modules |= {name.asname or name.name: name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stoker.kernels."):
                yield from ((node.module, name.name) for name in node.names)
        for node in nodes:
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in modules
            ):
                yield f"stoker.kernels.{modules[node.value.id]}", node.attr


def test_python_uses_no_kernel_that_it_could_not_call():
    used = set(used_kernels())
    found = {each: getattr(importlib.import_module(each[0]), each[1]) for each in used}

    assert ("stoker.kernels.gather", "gather") in used
    for (module, name), value in found.items():
        assert not isinstance(value, Dispatcher) or "no_cpython_wrapper" not in value.targetoptions, (
            f"{module}.{name} has no entry for Python: make it a bare_kernel"
        )

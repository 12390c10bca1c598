"""Kernels work where Numba finds no place for its cache, and where it can no longer read or write there."""

from __future__ import annotations

import ast
import errno
import importlib
import os
import pkgutil
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.caching import CompileResultCacheImpl, IndexDataCacheFile
from numba.core.dispatcher import Dispatcher

import stoker.kernels
from privileges import ordinary
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


def triple(value):
    return value * 3


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """The folder of the cache, in which `triple` has been kept."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    first = kernel(triple)
    assert first(2) == 6
    assert sum(first.stats.cache_misses.values()) == 1
    return Path(first.stats.cache_path)


def compilations(argument, again=None):
    """How often a new process's `triple` is compiled for an argument, and how often it was in the cache."""
    again = again or kernel(triple)
    assert again(argument) == 3 * argument
    return sum(again.stats.cache_misses.values()), sum(again.stats.cache_hits.values())


def test_what_is_in_the_cache_is_not_compiled_again(cached):
    assert compilations(2) == (0, 1)


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("torn", [lambda data: b"", lambda data: data[:40], lambda data: bytes(len(data))])
def test_a_torn_file_of_the_cache_is_made_again(cached, kind, torn):
    (path,) = cached.glob(f"*.{kind}")
    path.write_bytes(torn(path.read_bytes()))
    assert compilations(2) == (1, 0)
    assert compilations(2) == (0, 1)


@pytest.fixture
def warnings(monkeypatch, caplog):
    """What a process that has told nothing yet warns of."""
    monkeypatch.setattr(compiling._Kept, "is_told", False)
    return lambda: [record.getMessage() for record in caplog.records if record.name == "stoker"]


def test_a_numba_that_cannot_read_what_it_keeps_is_told_once(cached, monkeypatch, warnings):
    def incompatible(*_):
        raise AttributeError("no attribute 'reload'")

    monkeypatch.setattr(CompileResultCacheImpl, "rebuild", incompatible)
    assert compilations(2) == (1, 0)
    assert compilations(2) == (1, 0)
    (said,) = warnings()
    (index,) = cached.glob("*.nbi")
    assert f"kept by {index} (AttributeError: no attribute 'reload'): it is compiled again" in said
    assert f"remove {cached};" in said


def test_a_cache_that_is_read_is_no_word_worth(cached, warnings):
    assert compilations(2) == (0, 1)
    assert warnings() == []


def test_a_cache_that_can_no_longer_be_written_is_read(cached):
    again, other = kernel(triple), kernel(triple)  # when it still could be
    os.chmod(cached, 0o500)
    with ordinary():
        assert compilations(2.5, again) == (1, 0)
        assert compilations(2, other) == (0, 1)


def test_a_cache_that_is_somebody_else_s_is_done_without(cached):
    os.chmod(next(cached.glob("*.nbi")), 0)
    with ordinary():
        assert compilations(2) == (1, 0)


def test_a_disk_that_is_full_of_other_things_keeps_no_kernel_and_ends_nothing(cached, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(IndexDataCacheFile, "_save_data", full)
    assert compilations(2.5) == (1, 0)


def test_no_kernel_holds_the_lock_of_the_interpreter():
    found = 0
    for module in pkgutil.iter_modules(stoker.kernels.__path__, "stoker.kernels."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Dispatcher):
                found += 1
                assert value.targetoptions["nogil"], f"{module.name}.{name}"
    assert found > 50


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

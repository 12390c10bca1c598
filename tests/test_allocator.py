from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stoker import allocator
from stoker.errors import OptionError

SOURCES = Path(__file__).parents[1] / "src"
LINUX = pytest.mark.skipif(
    not sys.platform.startswith("linux") or "glibc" not in os.confstr("CS_GNU_LIBC_VERSION"),
    reason="glibc alone is told anything",
)

PAGES = """
import resource, sys, threading
import numpy as np
from stoker import allocator

def touch(times):
    for _ in range(times):
        for rows in (100, 200):
            np.empty((rows, 1 << 17))[:, ::512] = 1  # a number in each page

def pages(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    worker = threading.Thread(target=touch, args=(times,))
    worker.start()
    worker.join()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

allocator.prepare(many_threads=True)
kept = allocator.keep_freed_memory() if "keep" in sys.argv else None
pages(1)
print(kept, pages(2))
"""


def run(*words: str, variable: str | None = None) -> tuple[str, int]:
    environment = {key: value for key, value in os.environ.items() if key != allocator.VARIABLE}
    environment["PYTHONPATH"] = str(SOURCES)
    if variable is not None:
        environment[allocator.VARIABLE] = variable
    command = [sys.executable, "-c", PAGES, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    kept, pages = done.stdout.split()
    return kept, int(pages)


@LINUX
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("words", "variable", "kept", "is_kept"),
    [
        (["keep"], None, "True", True),
        ([], None, "None", False),
        (["keep"], "0", "False", False),
        ([], "1", "None", True),
    ],
)
def test_memory_that_a_thread_frees_is_kept_where_it_should_be(words, variable, kept, is_kept):
    answer, pages = run(*words, variable=variable)
    assert answer == kept
    fresh = 2 * (100 + 200) * (1 << 20) // os.sysconf("SC_PAGE_SIZE")
    huge = 512  # pages in a huge one, of which the system may give out all at one fault
    assert pages < fresh / huge / 4 if is_kept else pages > fresh / huge / 2


@pytest.mark.parametrize("call", [allocator.keep_freed_memory, lambda: allocator.prepare(many_threads=False)])
def test_a_value_of_the_variable_that_means_nothing_is_refused(call, monkeypatch):
    monkeypatch.setenv(allocator.VARIABLE, "yes")
    with pytest.raises(OptionError, match="STOKER_KEEP_FREED_MEMORY must be 0 or 1, got 'yes'"):
        call()


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.delenv(allocator.VARIABLE, raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not allocator.keep_freed_memory()

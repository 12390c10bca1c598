"""Looking at ten times the texts, with ever new words, takes no more memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_LOOK = """
import resource, sys, stoker
from stoker.exploration import explore_texts
report = explore_texts(stoker.open(sys.argv[1], label="kind", text="text"), workers=2)
assert report.words.distinct is None
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _write(path, rows):
    """Words by Zipf's law, of which the rare ones never end."""
    rng = np.random.default_rng(0)
    with open(path, "w") as file:
        file.write("kind,text\n")
        for _ in range(0, rows, 10_000):
            words = rng.zipf(1.2, (10_000, 40)) % 10**12
            texts = (" ".join(f"w{word:x}" for word in line) for line in words)
            file.writelines(f"{row % 2},{text}\n" for row, text in enumerate(texts))


def _peak(path):
    command = [sys.executable, "-c", _LOOK, str(path)]
    return int(subprocess.run(command, capture_output=True, text=True, timeout=280, check=True).stdout)


def test_memory_does_not_grow_with_rows_or_words(tmp_path):
    _write(tmp_path / "one.csv", 100_000)
    _write(tmp_path / "ten.csv", 1_000_000)
    assert _peak(tmp_path / "ten.csv") <= 1.1 * _peak(tmp_path / "one.csv")

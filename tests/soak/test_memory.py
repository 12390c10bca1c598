"""Training for as long as one likes takes no more memory than the model alone, and does not grow.

*Level*: the median of RssAnon over the last half of the run is at most 5 % above that of the same model fed
one constant batch, after the same imports and allocator setting. *Slope*: of the medians of 40 stretches of
the last two thirds, Theil's and Sen's slope; its growth over the measured time, taken at the lower end of
its 99 % interval, is at most 1 MiB or what the constant run grows by at the upper end of its own. Mapped
pages are counted apart: the kernel takes them back whenever it wants to.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import theilslopes

PROGRAM = Path(__file__).with_name("soaking.py")
KINDS = ("feed", "text", "generator", "processes")
STRETCHES = 40
WARM_SECONDS = 3
MIB = 1 << 20


@dataclass(frozen=True)
class Soaked:
    """What one side of a soak came to."""

    steps: int
    level: float
    mapped: float
    growth: float
    least_growth: float
    most_growth: float
    ledger_peak: int
    ledger_limit: int

    def told(self) -> str:
        return (
            f"{self.level / MIB:.1f} MiB, {self.growth / MIB:+.2f} MiB "
            f"({self.least_growth / MIB:+.2f} to {self.most_growth / MIB:+.2f}), "
            f"mapped {self.mapped / MIB:.0f} MiB, {self.steps:,} steps"
        )


def told_by(kind: str, amount: float, folder: Path, timeout: float) -> Any:
    """What the program tells."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), kind, str(amount), str(folder)],
        check=True,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    return json.loads(done.stdout.splitlines()[-1])


def soak(kind: str, seconds: float, folder: Path) -> Soaked:
    """Run one side in a process of its own."""
    found = told_by(kind, seconds, folder, timeout=3 * seconds + 600)
    samples = np.array(found["samples"], float)
    whole = samples[:, 1] + samples[:, 3]
    measured = samples[:, 0] >= samples[-1, 0] / 3
    times, values = stretches(samples[measured, 0], whole[measured])
    slope, _, low, high = theilslopes(values, times, 0.99)
    lasted = times[-1] - times[0]
    half = samples[:, 0] >= samples[-1, 0] / 2
    return Soaked(
        steps=found["steps"],
        level=float(np.median(samples[half, 1])),
        mapped=float(np.median(samples[half, 2])),
        growth=slope * lasted,
        least_growth=low * lasted,
        most_growth=high * lasted,
        ledger_peak=found["ledger_peak"],
        ledger_limit=found["ledger_limit"],
    )


def stretches(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Medians of consecutive stretches: samples close in time tell the same thing twice."""
    parts = min(STRETCHES, len(times))
    places = np.array_split(np.arange(len(times)), parts)
    medians = [(np.median(times[place]), np.median(values[place])) for place in places]
    return tuple(np.array(medians).T)  # type: ignore[return-value]


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", KINDS)
def test_memory_is_that_of_the_model_and_does_not_grow(kind, soak_seconds, tmp_path):
    seconds = soak_seconds["memory"] / len(KINDS) / 2
    for side in (kind, f"constant-{kind}"):  # so that kernels and programs are on the disk: who compiles
        soak(side, WARM_SECONDS, tmp_path)  # the one holds 70 MB more, and the other 30
    trained = soak(kind, seconds, tmp_path)
    constant = soak(f"constant-{kind}", seconds, tmp_path)
    share = trained.level / constant.level
    print(f"\n{kind}: {trained.told()}\n  constant: {constant.told()}\n  level: {share:.3f} of it")
    assert trained.level <= 1.05 * constant.level
    assert trained.least_growth <= max(MIB, constant.most_growth)
    assert trained.ledger_peak <= trained.ledger_limit


@pytest.mark.timeout(110)
@pytest.mark.parametrize("kinds", ["feed", pytest.param("feed-text-generator", marks=pytest.mark.slow)])
def test_some_steps_of_each_kind_take_what_the_model_takes_and_grow_by_nothing(kinds, tmp_path):
    """Counted in steps, so that other load changes nothing; all in one process, which held all before."""
    for kind, found in told_by(f"quick-{kinds}", 80, tmp_path, timeout=100).items():
        constant, trained = (np.array(found[name], float) for name in ("constant", "trained"))
        level, model = (np.median(values[len(values) // 2 :]) for values in (trained, constant))
        assert level <= 1.05 * model, kind
        late = trained[len(trained) // 3 :]
        _, _, low, _ = theilslopes(late, np.arange(late.size), 0.99)
        assert low * late.size <= 2 * MIB, kind
        assert found["ledger_peak"] <= found["ledger_limit"], kind


def test_the_slope_of_a_leak_is_found_in_noise_and_that_of_noise_is_none():
    times = np.arange(0, 100, 0.25)
    noise = np.random.default_rng(5).normal(0, MIB, times.size)
    for leak, found in ((0.0, False), (0.1 * MIB, True)):
        at, values = stretches(times, 400 * MIB + noise + leak * times)
        _, _, low, _ = theilslopes(values, at, 0.99)
        assert bool(low * (at[-1] - at[0]) > MIB) is found

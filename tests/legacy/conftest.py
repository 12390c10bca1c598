"""The old names for the length of a test, and models that are compiled once and begin every test anew."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tellers import THREADS, WAYS, Seen, Way, make_learner, make_teller

from backend_habits import forgive_copies
from kept_models import Kept
from stoker.backends import choose

choose()

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    forgive_copies(items, HERE)


@pytest.fixture
def old_names() -> Iterator[None]:
    import stoker.legacy

    with stoker.legacy.install():
        yield


@pytest.fixture(params=WAYS, ids=str)
def each_way(request: pytest.FixtureRequest) -> Way:
    """Workers 0, 1 and 4, in threads and in processes; each process takes a fifth of a second to start."""
    return request.param


@pytest.fixture(params=[*WAYS[:-1], pytest.param(WAYS[-1], marks=pytest.mark.slow)], ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    """The same, four processes in the slow tests alone: for what `each_way` holds in kind elsewhere."""
    return request.param


@pytest.fixture(params=THREADS, ids=str)
def threads(request: pytest.FixtureRequest) -> Way:
    """Workers 0, 1 and 4, in threads: what was noted while batches were computed can be looked at."""
    return request.param


@pytest.fixture(scope="session")
def _kept_teller() -> Kept:
    return Kept(make_teller)


@pytest.fixture(scope="session")
def _kept_learner() -> Kept:
    return Kept(make_learner)


@pytest.fixture
def teller(_kept_teller: Kept) -> Any:
    """A model whose loss on a batch is the batch's number, and whose prediction is its input."""
    return _kept_teller.reset()


@pytest.fixture
def learner(_kept_learner: Kept) -> Callable[[], Any]:
    """``learner()`` is always the same model, with its first weights: four numbers in, three classes out."""
    return _kept_learner.reset


@pytest.fixture
def seen() -> Seen:
    """A callback that notes the numbers of a teller's batches."""
    return Seen()


@pytest.fixture
def lesson() -> tuple[np.ndarray, np.ndarray]:
    """64 rows of four numbers, and their classes 0, 1, 2."""
    x = np.random.default_rng(3).normal(size=(64, 4)).astype(np.float32)
    return x, np.argmax(x[:, :3], axis=1).astype(np.int32)

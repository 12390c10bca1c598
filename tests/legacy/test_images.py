"""What ``ImageDataGenerator`` flows: every image once a pass, in a new order each time, by any workers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from tellers import THREADS, Way

import stoker
from stoker.legacy.images import ImageDataGenerator

pytestmark = pytest.mark.timeout(60)


SLOW = (pytest.mark.slow, pytest.mark.backends)
PROCESSES = [
    pytest.param(Way(1, True), marks=SLOW),
    pytest.param(Way(4, True), marks=pytest.mark.slow),
]


@pytest.fixture(params=[*THREADS, *PROCESSES], ids=str)
def each_way(request: pytest.FixtureRequest) -> Way:
    """No process in the quick tests: an image flow is Keras's, which each of them imports."""
    return request.param


@pytest.fixture(scope="module")
def same() -> Any:
    """A model that gives what it gets."""
    return keras.Sequential([keras.layers.Input((1, 1, 1)), keras.layers.Identity()])


def passes(same: Any, flow: Any, way: Any, count: int = 3) -> list[list[int]]:
    """The numbers of the images that came, pass by pass."""
    found = stoker.predict_generator(same, flow, steps=count * len(flow), **way.arguments)
    return found.reshape(count, -1).round().astype(int).tolist()


def flowing(**options: Any) -> Any:
    images = np.arange(12, dtype=np.float32).reshape(12, 1, 1, 1)
    return ImageDataGenerator().flow(images, np.zeros(12), batch_size=5, **options)


def test_images_are_shuffled_anew_for_each_pass(each_way, same):
    orders = passes(same, flowing(shuffle=True), each_way)
    assert all(sorted(order) == list(range(12)) for order in orders)
    assert len({tuple(order) for order in [*orders, range(12)]}) == 4


@pytest.mark.parametrize("some_way", [*THREADS, pytest.param(Way(1, True), marks=pytest.mark.slow)], ids=str)
def test_images_that_are_not_shuffled_come_in_their_order(some_way, same):
    """What a process makes of an order, the seed's test tells."""
    assert passes(same, flowing(shuffle=False), some_way) == [list(range(12))] * 3


def test_a_seed_decides_the_order_of_each_pass_and_the_workers_do_not(each_way, same):
    orders = passes(same, flowing(seed=4), each_way)
    flow = flowing(seed=4)
    here = []
    for _ in range(3):
        here.append([int(number) for index in range(3) for number in flow[index][0].ravel()])
        flow.on_epoch_end()
    assert orders == here
    assert len({tuple(order) for order in orders}) == 3


def test_with_a_seed_no_pass_draws_the_augmentation_of_another(old_names):
    flow = ImageDataGenerator(rotation_range=90).flow(
        np.random.default_rng(1).random((2, 8, 8, 1)), batch_size=2, shuffle=False, seed=3
    )
    first, again = flow[0], flow[0]
    np.testing.assert_array_equal(first, again)
    flow.on_epoch_end()
    assert not np.array_equal(first, flow[0])

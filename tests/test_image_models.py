"""Models of images, alone and beside other inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stoker import models
from stoker.errors import OptionError
from stoker.models.towers import num_blocks
from stoker.types import FeedSpec, InputSpec


def spec_of(shape: tuple[int, ...] = (9, 12, 3), task: Any = "classes", outputs: int = 3) -> FeedSpec:
    return FeedSpec(
        input_shape=shape,
        input_dtype="uint8",
        features=("image",),
        task=task,
        classes=None if task == "regression" else tuple(range(max(2, outputs))),
        num_outputs=outputs,
        label="label",
    )


def pixels(count: int = 4, shape: tuple[int, ...] = (9, 12, 3)) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, *shape)).astype(np.uint8)


@pytest.mark.parametrize(("task", "outputs"), [("classes", 3), ("binary", 1), ("regression", 1)])
def test_images_alone_are_for_a_cnn(task, outputs):
    model = models.build("auto", spec_of(task=task, outputs=outputs), seed=1)
    assert model.name == "cnn"
    assert model.predict_on_batch(pixels()).shape == (4, outputs)


@pytest.mark.slow
@pytest.mark.backends
def test_blocks_follow_the_size_and_filters_double_up_to_256():
    def filters(**options) -> list[int]:
        model = models.cnn(spec_of((64, 80, 1)), **options)
        return [layer.filters for layer in model.layers if type(layer).__name__ == "Conv2D"]

    assert filters() == [32, 64, 128, 256]
    assert filters(blocks=2, filters=5) == [5, 10]
    assert filters(blocks=6, filters=16) == [16, 32, 64, 128, 256, 256]
    assert filters(blocks=2, filters=300) == [300, 300]
    assert num_blocks(3, 500) == 1
    model = models.cnn(spec_of((1, 1, 3)), blocks=3)
    assert model.predict_on_batch(pixels(2, (1, 1, 3))).shape == (2, 3)


def test_a_seed_gives_the_same_weights():
    first, second = (models.cnn(spec_of(), seed=3) for _ in range(2))
    assert all(map(np.array_equal, first.get_weights(), second.get_weights()))


def test_bytes_are_divided_by_255_and_numbers_of_any_range_normalised():
    floats = replace(spec_of(), input_dtype="float32")
    kinds = [type(models.cnn(spec).get_layer("rescaling")).__name__ for spec in (spec_of(), floats)]
    assert kinds == ["Rescaling", "BatchNormalization"]
    assert models.cnn(floats).predict_on_batch(pixels().astype(np.float32)).shape == (4, 3)


def test_an_image_stands_beside_numbers():
    inputs = (
        InputSpec(name="conv", columns=("a",), kind="dense", shape=(9, 12, 3), dtype="uint8"),
        InputSpec(name="price", columns=("b",), kind="dense", shape=(2,), dtype="float32"),
    )
    spec = replace(spec_of((9 * 12 * 3 + 2,)), input_kind="named", inputs=inputs, input_dtype="float32")
    model = models.build("auto", spec, seed=1)
    assert model.name == "mlp"
    assert model.get_layer("side_by_side").output.shape == (None, 32 + 2)
    x = {"conv": pixels(2), "price": np.zeros((2, 2), np.float32)}
    assert model.predict_on_batch(x).shape == (2, 3)


def test_models_and_inputs_that_do_not_go_together_are_refused():
    for name in ("mlp", "linear", "sepcnn"):
        with pytest.raises(
            OptionError, match=f"{name} takes .*, and this feed gives images: cnn takes those"
        ):
            models.build(name, spec_of())
    with pytest.raises(OptionError, match="cnn takes images, and this feed gives numbers"):
        models.cnn(spec_of((5,)))
    for options in ({"blocks": 0}, {"filters": 0}, {"dropout": 1.0}):
        with pytest.raises(OptionError, match="must"):
            models.cnn(spec_of(), **options)

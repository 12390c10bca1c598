"""Models of several named inputs, built from what a feed says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stoker import models
from stoker.models.several import code_dimensions
from stoker.training.inputs import empty_batch
from stoker.types import FeedSpec, InputSpec


def one(name: str, kind: Any, width: int, num_tokens: int | None = None) -> InputSpec:
    dtype = "int32" if num_tokens else "float32"
    return InputSpec(
        name=name, columns=(name,), kind=kind, shape=(width,), dtype=dtype, num_tokens=num_tokens
    )


def spec_of(*inputs: InputSpec, task: Any = "binary", outputs: int = 1) -> FeedSpec:
    return FeedSpec(
        input_shape=(sum(each.shape[0] for each in inputs),),
        input_dtype="float32",
        features=tuple(each.name for each in inputs),
        task=task,
        classes=None if task == "regression" else tuple(range(max(2, outputs))),
        num_outputs=outputs,
        label="label",
        input_kind="named",
        inputs=inputs,
    )


def layers(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers if type(layer).__name__ != "InputLayer"]


def test_every_kind_of_input_comes_to_the_hidden_layers_side_by_side():
    spec = spec_of(
        one("price", "dense", 2),
        one("city", "codes", 1, 11),
        one("review", "sparse", 500),
        one("title", "tokens", 6, 30),
    )
    model = models.build("auto", spec, seed=1)
    found = layers(model)
    assert sorted(found[: found.index("Concatenate")]) == [
        "Dropout",
        "Dropout",
        "Embedding",
        "Flatten",
        "MeanEmbedding",
        "SparseDense",
    ]
    assert model.get_layer("side_by_side").output.shape == (None, 2 + 6 + 64 + 64)
    x = empty_batch(spec, 3)
    assert model.predict_on_batch(x).shape == (3, 1)


def test_several_columns_of_categories_share_an_embedding():
    model = models.mlp(spec_of(one("place", "codes", 3, 31)))
    assert model.get_layer("embedding").output.shape == (None, 3, code_dimensions(10))


def test_inputs_may_be_called_like_layers():
    taken = ["dense", "dense_1", "dropout", "side_by_side", "embedding", "a.indices", "a"]
    spec = spec_of(
        *(one(name, "dense", 1) for name in taken[:-1]),
        one("a", "sparse", 9),
        one("flatten", "codes", 1, 5),
        task="classes",
        outputs=3,
    )
    model = models.mlp(spec)
    assert model.predict_on_batch(empty_batch(spec, 2)).shape == (2, 3)
    assert len({layer.name for layer in model.layers}) == len(model.layers)


def test_the_same_seed_gives_the_same_weights():
    spec = spec_of(one("a", "sparse", 9), one("b", "codes", 1, 5), one("c", "tokens", 3, 5))
    first, second = (models.mlp(spec, seed=7).get_weights() for _ in range(2))
    for left, right in zip(first, second, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(("codes", "numbers"), [(1, 2), (10, 6), (100, 21), (10_000, 50)])
def test_an_embedding_of_categories_grows_slower_than_their_number(codes: int, numbers: int):
    assert code_dimensions(codes) == numbers

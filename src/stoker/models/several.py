"""From several named inputs to one row of features: the first layers of a model on `stoker.Columns`."""

from __future__ import annotations

from typing import Any

from stoker.models.parts import Names, Seeds
from stoker.models.towers import image_features
from stoker.types import FeedSpec, InputSpec

__all__ = ["Inputs", "code_dimensions", "joined_inputs"]

Inputs = dict[str, Any]

_WORD_DIMENSIONS = 64
_TEXT_UNITS = 64
_MOST_DIMENSIONS = 50


def code_dimensions(num_codes: int) -> int:
    """Numbers that stand for one of so many categories in an embedding: ``min(50, 1.6 · n^0.56)``, rounded.

    The rule is fastai's, found by experiment: it grows slower than the root and faster than the logarithm.

    Examples
    --------
    >>> [code_dimensions(count) for count in (1, 2, 10, 100, 1_000, 1_000_000)]
    [2, 2, 6, 21, 50, 50]
    """
    wanted: float = 1.6 * num_codes**0.56
    return max(1, min(_MOST_DIMENSIONS, round(wanted)))


def joined_inputs(
    keras: Any, spec: FeedSpec, dropout: float, seeds: Seeds, names: Names
) -> tuple[Inputs, Any]:
    """The inputs of a model as a feed names them, and what they are side by side.

    Numbers come as they are; each category as an embedding of `code_dimensions`; n-grams through 64 ReLU
    units of a `stoker.layers.SparseDense`, with dropout on their values; words as the mean of embeddings of
    64 numbers; images through the blocks of `stoker.models.cnn`.

    Parameters
    ----------
    keras
        The module.
    spec
        Of the feed.
    dropout
        The share of n-grams' values, and of what becomes of them, that is dropped in training.
    seeds
        Of weights and dropout.
    names
        What layers are called.
    """
    inputs: Inputs = {}
    features = []
    for each in spec.inputs:
        if each.kind == "sparse":
            inputs[each.name], made = _of_pairs(keras, each, dropout, seeds, names)
        else:
            inputs[each.name] = keras.layers.Input(each.shape, dtype=each.dtype, name=each.name)
            made = _of_array(keras, each, inputs[each.name], seeds, names)
        features.append(made)
    if len(features) == 1:
        return inputs, features[0]
    return inputs, keras.layers.Concatenate(name=names.free("side_by_side"))(features)


def _of_array(keras: Any, each: InputSpec, x: Any, seeds: Seeds, names: Names) -> Any:
    if each.kind == "dense":
        return image_features(keras, x, each.shape, seeds, names) if len(each.shape) == 3 else x
    from stoker.layers import MeanEmbedding

    assert each.num_tokens is not None
    initial = keras.initializers.RandomUniform(seed=seeds.next())
    name = names.free("embedding")
    if each.kind == "tokens":
        layer = MeanEmbedding(each.num_tokens, _WORD_DIMENSIONS, embeddings_initializer=initial, name=name)
        return layer(x)
    num_codes = max(1, (each.num_tokens - 1) // each.shape[0])
    layer = keras.layers.Embedding(
        each.num_tokens, code_dimensions(num_codes), embeddings_initializer=initial, name=name
    )
    return keras.layers.Flatten(name=names.free("flatten"))(layer(x))


def _of_pairs(keras: Any, each: InputSpec, dropout: float, seeds: Seeds, names: Names) -> tuple[Inputs, Any]:
    from stoker.layers import Dropout, GlorotUniform, SparseDense

    pairs = {
        part: keras.layers.Input((None,), dtype=dtype, name=names.free(f"{each.name}.{part}"))
        for part, dtype in (("indices", "int32"), ("values", each.dtype))
    }
    values = pairs["values"]
    if dropout:
        name = names.free("dropout")
        values = Dropout(dropout, seed=seeds.next(), name=name)(values)
    made = SparseDense(
        _TEXT_UNITS,
        each.shape[0],
        activation="relu",
        kernel_initializer=GlorotUniform(seeds.next()),
        name=names.free("sparse_dense"),
    )({"indices": pairs["indices"], "values": values})
    if dropout:
        made = Dropout(dropout, seed=seeds.next(), name=names.free("dropout"))(made)
    return pairs, made

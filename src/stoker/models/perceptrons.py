"""Models of dense layers, for tables and for texts as n-grams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stoker import backends
from stoker.errors import OptionError
from stoker.models.parts import (
    HasSpec,
    Names,
    Seeds,
    answered,
    compiled,
    last_layers,
    needs,
    spec_of,
    through,
)
from stoker.models.several import joined_inputs
from stoker.types import FeedSpec

__all__ = ["linear", "mlp"]


def linear(
    feed: FeedSpec | HasSpec,
    *,
    learning_rate: float = 1e-2,
    metrics: Sequence[Any] | None = None,
    loss_weights: Mapping[str, float] | None = None,
    seed: int | None = None,
) -> Any:
    """Softmax, logistic or linear regression, by the task.

    Sparse rows go through `stoker.layers.SparseDense`, at a cost that follows their entries.

    Parameters
    ----------
    feed
        A feed, or its spec: numbers of shape (k,) or (m, k), or texts as n-grams; outputs 1 or the number of
        classes.
    learning_rate
        Of Adam.
    metrics
        Names or ``keras.metrics.Metric``; by default accuracy, or the mean absolute error for regression. Of
        several outputs each gets those that fit it.
    loss_weights
        Of several outputs by label what each one's loss counts in the sum; 1 where nothing is said.
    seed
        Of the initial weights; None takes Keras's global seed.

    Returns
    -------
    keras.Model
        Compiled; gives probabilities of shape (B, classes), (B, 1) for two classes, or values (B, 1); of k
        labels that are 0 or 1, or numbers, (B, k); of labels of several kinds a mapping by label.

    Raises
    ------
    OptionError
        If the feed gives sequences of words.

    Examples
    --------
    ::

        model = stoker.models.linear(feed)
    """
    return _perceptron(feed, "linear", (), 0.0, learning_rate, metrics, loss_weights, seed)


def mlp(
    feed: FeedSpec | HasSpec,
    *,
    layers: int | None = None,
    units: int | None = None,
    dropout: float = 0.2,
    learning_rate: float = 1e-3,
    metrics: Sequence[Any] | None = None,
    loss_weights: Mapping[str, float] | None = None,
    seed: int | None = None,
) -> Any:
    """A multi-layer perceptron: ``layers`` of ``units`` ReLU units, each followed by dropout.

    Of texts as n-grams it is the one of Google's guide to text classification: dropout on the inputs too,
    one hidden layer of 64 units. Its first layer is `stoker.layers.SparseDense`, with the weights, outputs
    and gradients of ``keras.layers.Dense``; dropout on the values that are there is dropout on all
    columns, since a zero stays zero, dropped or not.

    Several inputs, as `stoker.Columns` makes them, are put side by side before the hidden layers: numbers as
    they are, of each category an embedding of ``min(50, round(1.6 · n ** 0.56))`` numbers for n categories,
    n-grams through a layer of 64 units of their own, words as the mean of embeddings of 64 numbers, and
    images through the blocks of `cnn`.

    Parameters
    ----------
    feed
        A feed, or its spec: numbers of shape (k,) or (m, k), which are put in one row, texts as n-grams, or
        several inputs; outputs 1 or the number of classes.
    layers, units
        Hidden layers and units in each: by default 2 of 128 for numbers and several inputs, 1 of 64 for
        n-grams.
    dropout
        The share of units, of inputs too for n-grams, that is dropped in training, in [0, 1).
    learning_rate
        Of Adam.
    metrics
        Names or ``keras.metrics.Metric``; by default accuracy, or the mean absolute error for regression. Of
        several outputs each gets those that fit it.
    loss_weights
        Of several outputs by label what each one's loss counts in the sum; 1 where nothing is said.
    seed
        Of initial weights and dropout; None takes Keras's global seed.

    Returns
    -------
    keras.Model
        Compiled; gives probabilities of shape (B, classes), (B, 1) for two classes, or values (B, 1); of k
        labels that are 0 or 1, or numbers, (B, k); of labels of several kinds a mapping by label.

    Raises
    ------
    OptionError
        If a size is not positive, dropout not in [0, 1), or the feed gives sequences of words.

    Examples
    --------
    ::

        model = stoker.models.mlp(feed, layers=3, units=256)
    """
    is_sparse = spec_of(feed, metrics).input_kind == "sparse"
    layers = (1 if is_sparse else 2) if layers is None else layers
    units = (64 if is_sparse else 128) if units is None else units
    if layers < 1 or units < 1:
        raise OptionError(f"layers and units must be at least 1, got {layers} and {units}; see models.linear")
    if not 0 <= dropout < 1:
        raise OptionError(f"dropout must lie in [0, 1), got {dropout}")
    return _perceptron(feed, "mlp", (units,) * layers, dropout, learning_rate, metrics, loss_weights, seed)


def _perceptron(
    feed: FeedSpec | HasSpec,
    name: str,
    hidden: tuple[int, ...],
    dropout: float,
    learning_rate: float,
    metrics: Sequence[Any] | None,
    loss_weights: Mapping[str, float] | None,
    seed: int | None,
) -> Any:
    spec = spec_of(feed, metrics)
    needs(spec, name)
    backends.choose()
    import keras

    glorot, dropping = keras.initializers.GlorotUniform, keras.layers.Dropout
    if spec.input_kind == "sparse":
        # The same with less to compile, which for texts takes longer than an epoch.
        from stoker import layers

        glorot, dropping = layers.GlorotUniform, layers.Dropout
    seeds = Seeds(seed)
    names = Names([each.name for each in spec.inputs])
    if spec.input_kind == "named":
        inputs, features = joined_inputs(keras, spec, dropout, seeds, names)

    def called(name: str) -> dict[str, str]:
        return {"name": names.free(name)} if spec.inputs else {}

    def dense(units: int, activation: str | None) -> Any:
        return keras.layers.Dense(
            units, activation=activation, kernel_initializer=glorot(seeds.next()), **called("dense")
        )

    stack: list[Any] = []
    if spec.input_kind == "dense" and len(spec.input_shape) > 1:
        stack.append(keras.layers.Flatten())
    for units in hidden:
        stack.append(dense(units, "relu"))
        if dropout:
            stack.append(dropping(dropout, seed=seeds.next(), **called("dropout")))
    heads = last_layers(keras, feed, dense)
    if spec.input_kind == "named":
        model = keras.Model(inputs, answered(feed, heads, through(stack, features)), name=name)
    elif spec.input_kind == "sparse":
        model = _on_pairs(keras, spec, name, stack, heads, dropout if hidden else 0.0, seeds)
    elif len(heads) > 1:
        pixels = keras.layers.Input(spec.input_shape, name="features")
        model = keras.Model(pixels, answered(feed, heads, through(stack, pixels)), name=name)
    else:
        whole = [keras.layers.Input(spec.input_shape, name="features"), *stack, *heads[0]]
        model = keras.Sequential(whole, name=name)
    return compiled(keras, model, spec, learning_rate, metrics, loss_weights)


def _on_pairs(
    keras: Any,
    spec: FeedSpec,
    name: str,
    stack: list[Any],
    heads: list[list[Any]],
    dropout: float,
    seeds: Seeds,
) -> Any:
    """The same layers on pairs of index and value, the first of them, or of each head, a SparseDense."""
    from stoker.layers import Dropout, SparseDense

    inputs = {
        "indices": keras.layers.Input((None,), dtype="int32", name="indices"),
        "values": keras.layers.Input((None,), dtype=spec.input_dtype, name="values"),
    }
    values = inputs["values"]
    if dropout:
        values = Dropout(dropout, seed=seeds.next())(values)

    def on_pairs(layers: list[Any]) -> list[Any]:
        first = layers[0]
        sparse = SparseDense(
            first.units,
            spec.input_shape[0],
            activation=first.activation,
            kernel_initializer=first.kernel_initializer,
        )
        return [sparse, *layers[1:]]

    pairs = {"indices": inputs["indices"], "values": values}
    if not stack:
        return keras.Model(inputs, answered(spec, [on_pairs(head) for head in heads], pairs), name=name)
    return keras.Model(inputs, answered(spec, heads, through(on_pairs(stack), pairs)), name=name)

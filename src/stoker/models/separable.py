"""Google's model for texts as sequences of words: an embedding and separable convolutions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from stoker import backends
from stoker.errors import OptionError
from stoker.models.embeddings import read_embeddings, vector_length
from stoker.models.parts import (
    HasSpec,
    Seeds,
    answered,
    compiled,
    last_layers,
    needs,
    spec_of,
    through,
)
from stoker.types import FeedSpec

__all__ = ["sepcnn"]

_EMBEDDING_DIM = 200


def sepcnn(
    feed: FeedSpec | HasSpec,
    *,
    embedding_dim: int | None = None,
    blocks: int = 2,
    filters: int = 64,
    kernel_size: int = 3,
    pool_size: int = 3,
    dropout: float = 0.2,
    embeddings: str | os.PathLike[str] | None = None,
    word_index: Mapping[str, int] | None = None,
    trainable_embeddings: bool | None = None,
    learning_rate: float = 1e-3,
    metrics: Sequence[Any] | None = None,
    loss_weights: Mapping[str, float] | None = None,
    seed: int | None = None,
) -> Any:
    """An embedding, blocks of two separable convolutions, an average over the text, and the last layer.

    It is the model of Google's guide to text classification, with its defaults. All blocks but the last end
    with max pooling and begin with dropout; the last has twice the filters. Its layers are those of
    `stoker.layers`: Keras's own mathematics and weights, as fast as each backend allows.

    Depthwise kernels begin in [0, 1), which is what ``random_uniform`` meant in the TensorFlow that the guide
    was written for. In Keras's present range of ±0.05 so little of a text comes through four convolutions
    that on movie reviews the loss had not moved after four epochs, with Keras's layers or with these.

    Parameters
    ----------
    feed
        A feed, or its spec: texts as sequences of words, as `stoker.SequenceVectorizer` gives them.
    embedding_dim
        Numbers for each word: 200, or as many as the file of `embeddings` holds, or the run has that the feed
        begins with (``Feed(init=)``).
    blocks, filters, kernel_size, pool_size
        Blocks, filters in each but the last, words under a convolution and in a pool.
    dropout
        The share of inputs that is dropped in training before a block and before the last layer, in [0, 1).
    embeddings
        A text file of pre-trained vectors as GloVe publishes them; words that it lacks begin with zeros.
    word_index
        Index of each word, for `embeddings`; a feed on a `stoker.SequenceVectorizer` tells it itself.
    trainable_embeddings
        Whether the embedding learns: without `embeddings` it does, with them it is frozen. `unfreeze`, or
        another run that begins with this one's weights (``init=``), is a second stage.
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
        If a size cannot be, the feed gives no sequences of words, or nobody knows the words' indices.
    DataError
        If the file of embeddings is malformed, with its line.

    Examples
    --------
    ::

        model = stoker.models.sepcnn(feed, embeddings="glove.6B.200d.txt")
        stoker.fit(model, feed, validation=valid, epochs=20, early_stopping=2)
        stoker.models.unfreeze(model, learning_rate=1e-4)
        stoker.fit(model, feed, validation=valid, epochs=20, early_stopping=2)
    """
    spec = spec_of(feed, metrics)
    needs(spec, "sepcnn")
    _check_sizes(embedding_dim, blocks, filters, kernel_size, pool_size, dropout)
    assert spec.num_tokens is not None
    vectors = None
    if embeddings is not None:
        words = _words_of(feed, word_index)
        embedding_dim = vector_length(embeddings) if embedding_dim is None else embedding_dim
        vectors = read_embeddings(embeddings, words, num_tokens=spec.num_tokens, embedding_dim=embedding_dim)
    elif word_index is not None:
        raise OptionError("word_index has no effect without embeddings=")
    backends.choose()
    import keras

    seeds = Seeds(seed)
    inputs = keras.layers.Input(spec.input_shape, dtype=spec.input_dtype, name="words")
    stack = [
        keras.layers.Embedding(
            spec.num_tokens,
            embedding_dim or _inherited_dim(feed) or _EMBEDDING_DIM,
            embeddings_initializer=keras.initializers.RandomUniform(seed=seeds.next()),
            weights=vectors,
            trainable=vectors is None if trainable_embeddings is None else trainable_embeddings,
        ),
        *_blocks(keras, spec.input_shape[0], blocks, filters, kernel_size, pool_size, dropout, seeds),
    ]
    heads = last_layers(keras, feed, lambda units, activation: _last(keras, units, activation, seeds))
    if len(heads) > 1:
        model = keras.Model(inputs, answered(feed, heads, through(stack, inputs)), name="sepcnn")
    else:
        model = keras.Sequential([inputs, *stack, *heads[0]], name="sepcnn")
    return compiled(keras, model, spec, learning_rate, metrics, loss_weights)


def _blocks(
    keras: Any,
    length: int,
    blocks: int,
    filters: int,
    kernel_size: int,
    pool_size: int,
    dropout: float,
    seeds: Seeds,
) -> list[Any]:
    from stoker.layers import Dropout, MaxPooling1D, SeparableConv1D

    def convolution(filters: int) -> Any:
        return SeparableConv1D(
            filters,
            kernel_size,
            activation="relu",
            padding="same",
            depthwise_initializer=keras.initializers.RandomUniform(0.0, 1.0, seed=seeds.next()),
            pointwise_initializer=keras.initializers.GlorotUniform(seeds.next()),
            bias_initializer=keras.initializers.RandomUniform(seed=seeds.next()),
        )

    stack: list[Any] = []
    for _ in range(blocks - 1):
        if dropout:
            stack.append(Dropout(dropout, seed=seeds.next()))
        stack += [convolution(filters), convolution(filters)]
        pool = min(pool_size, length)  # texts of a word or two fill no pool
        length //= pool
        stack.append(MaxPooling1D(pool))
    stack += [convolution(2 * filters), convolution(2 * filters), keras.layers.GlobalAveragePooling1D()]
    if dropout:
        stack.append(Dropout(dropout, seed=seeds.next()))
    return stack


def _last(keras: Any, units: int, activation: str | None, seeds: Seeds) -> Any:
    initial = keras.initializers.GlorotUniform(seeds.next())
    return keras.layers.Dense(units, activation=activation, kernel_initializer=initial)


def _check_sizes(
    embedding_dim: int | None, blocks: int, filters: int, kernel_size: int, pool_size: int, dropout: float
) -> None:
    sizes = {"blocks": blocks, "filters": filters, "kernel_size": kernel_size, "pool_size": pool_size}
    if embedding_dim is not None:
        sizes["embedding_dim"] = embedding_dim
    for name, value in sizes.items():
        if value < 1:
            raise OptionError(f"{name} must be at least 1, got {value}")
    if not 0 <= dropout < 1:
        raise OptionError(f"dropout must lie in [0, 1), got {dropout}")


def _inherited_dim(feed: FeedSpec | HasSpec) -> int | None:
    """Numbers for each word of the run that a feed begins with."""
    inheritance = getattr(getattr(feed, "options", None), "inheritance", None)
    return getattr(inheritance, "embedding_dim", None)


def _words_of(feed: FeedSpec | HasSpec, word_index: Mapping[str, int] | None) -> Mapping[str, int]:
    if word_index is not None:
        return word_index
    found = getattr(getattr(feed, "transform", None), "word_index", None)
    if found is None:
        raise OptionError(
            "embeddings= needs to know which index each word has: pass the feed itself, on a "
            "SequenceVectorizer, or word_index="
        )
    return found  # type: ignore[no-any-return]

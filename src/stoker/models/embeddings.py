"""Pre-trained vectors of words from a text file, of which only those that are needed are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stoker.errors import DataError, OptionError

__all__ = ["read_embeddings", "unfreeze", "vector_length"]

_LONGEST_LINE = 1 << 20
"""Bytes of a line, at most: a file without line ends is no file of vectors, and must not fill the memory."""


def vector_length(path: str | os.PathLike[str]) -> int:
    """Numbers in the first vector of a file.

    Raises
    ------
    DataError
        If the file holds none.
    """
    for number, line in _lines(path):
        length = line.count(b" ")
        if length < 1:
            raise _malformed(path, number, "holds no numbers behind its word")
        return length
    raise DataError(f"{os.fspath(path)} holds no vectors")


def read_embeddings(
    path: str | os.PathLike[str],
    word_index: Mapping[str, int],
    *,
    num_tokens: int,
    embedding_dim: int,
) -> NDArray[np.float32]:
    r"""The vectors of a vocabulary from a file of many more, which is read as a stream.

    Each line of the file is a word and its numbers, with one blank between, as GloVe publishes them; a first
    line of two integers, as of fastText and word2vec, is passed over. Of a word that comes twice the first
    counts. What is held is the answer and one line.

    Parameters
    ----------
    path
        The file, in UTF-8.
    word_index
        Index of each word, in [1, num_tokens).
    num_tokens, embedding_dim
        Rows and columns of the answer.

    Returns
    -------
    ndarray of float32, shape (num_tokens, embedding_dim)
        Zeros where the file has no vector.

    Raises
    ------
    OptionError
        If an index is not below `num_tokens`.
    DataError
        If there is no such file; if a line has too few numbers, or one that is none, with file and line; if
        vectors are of another length; if no word of the vocabulary is there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
    ...     _ = file.write("the 0.5 1\nof 2 3\ncat -1 4\n")
    ...     file.flush()
    ...     read_embeddings(file.name, {"cat": 1, "dog": 2}, num_tokens=3, embedding_dim=2)
    array([[ 0.,  0.],
           [-1.,  4.],
           [ 0.,  0.]], dtype=float32)
    """
    if max(word_index.values(), default=0) >= num_tokens:
        raise OptionError(f"word_index has indices up to {max(word_index.values())}, not below {num_tokens}")
    missing = {word.encode(): index for word, index in word_index.items()}
    vectors = np.zeros((num_tokens, embedding_dim), np.float32)
    first = True
    for number, line in _lines(path):
        blanks = line.count(b" ")
        if blanks < embedding_dim or (first and blanks != embedding_dim):
            text = f"holds a vector of {blanks} numbers, and embedding_dim is {embedding_dim}"
            raise _malformed(path, number, text + (f": pass embedding_dim={blanks}" if first else ""))
        first = False
        # A word may hold blanks itself, so the numbers are counted from the end.
        word = line[: line.find(b" ")] if blanks == embedding_dim else line.rsplit(b" ", embedding_dim)[0]
        index = missing.pop(word, None)
        if index is not None:
            vectors[index] = _numbers(path, number, line, embedding_dim)
        if not missing:
            break
    if len(missing) == len(word_index):
        raise DataError(
            f"{os.fspath(path)} holds a vector for none of the {len(word_index):,} words of the vocabulary; "
            "are its words written as the transform writes them, in lower case?"
        )
    return vectors


def unfreeze(model: Any, learning_rate: float) -> None:
    """Let all layers of a model learn, from here on: the second stage on pre-trained embeddings.

    The model is compiled anew, with the loss and the metrics that it has and a fresh optimizer of the same
    kind; its weights stay.

    Parameters
    ----------
    model
        A compiled ``keras.Model``, trained with some layers frozen.
    learning_rate
        For the second stage, usually a tenth of that for the first.

    Raises
    ------
    OptionError
        If the model is not compiled, nothing in it is frozen, or the learning rate is not positive.

    Examples
    --------
    ::

        stoker.models.unfreeze(model, learning_rate=1e-4)
        stoker.fit(model, feed, epochs=5)
    """
    if not learning_rate > 0:
        raise OptionError(f"learning_rate must be positive, got {learning_rate}")
    if not model.compiled:
        raise OptionError(f"model {model.name!r} is not compiled: call model.compile(optimizer, loss) first")
    before = len(model.trainable_variables)
    model.trainable = True
    for layer in model._flatten_layers():
        layer.trainable = True
    if len(model.trainable_variables) == before:
        raise OptionError(f"model {model.name!r} has no frozen layer, so unfreeze has no effect")
    config = model.get_compile_config()
    config["optimizer"]["config"]["learning_rate"] = learning_rate
    model.compile_from_config(config)


def _lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each line that holds a vector, without its end."""
    try:
        file = open(path, "rb")  # noqa: SIM115  # closed below; only opening is told as the user's mistake
    except OSError as error:
        raise DataError(f"embeddings {os.fspath(path)} cannot be read: {error.strerror}") from error
    with file:
        number = 0
        while line := file.readline(_LONGEST_LINE + 1):
            number += 1
            if len(line) > _LONGEST_LINE:
                raise _malformed(path, number, f"is longer than {_LONGEST_LINE:,} bytes")
            line = line.rstrip(b" \r\n")
            header = number == 1 and [part.isdigit() for part in line.split(b" ")] == [True, True]
            if line and not header:
                yield number, line


def _numbers(path: str | os.PathLike[str], number: int, line: bytes, length: int) -> NDArray[np.float32]:
    parts = line.rsplit(b" ", length)[1:]
    try:
        values = np.array([float(part) for part in parts], np.float32)
    except ValueError as error:
        raise _malformed(path, number, f"holds something that is no number: {error}") from error
    if not np.isfinite(values).all():
        raise _malformed(path, number, "holds a number that is not finite")
    return values


def _malformed(path: str | os.PathLike[str], number: int, text: str) -> DataError:
    return DataError(f"{os.fspath(path)}, line {number:,} {text}")

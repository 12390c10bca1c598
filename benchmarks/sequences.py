"""Sequences of word indices beside Keras 2's Tokenizer and pad_sequences, on 25,000 film reviews.

All take the same list of texts to the same int32 array of shape (25,000, 500): 20,000 words, the last 500 of
each review. One peer is that pair in plain Python, as the tests have it, without anything that the result
does not need; the other is Keras's own code, which Keras 3 still carries.
"""

from __future__ import annotations

import csv
import gzip
import time
from collections.abc import Callable
from typing import Any

from benchmarks.common import ROOT, Contestant, Figure, Report, Settings, alone, interleave

REVIEWS = ROOT.parent / "shared" / "data" / "imdb" / "train.csv.gz"
NUM_TEXTS = 25_000
MAX_TOKENS, MAX_LENGTH = 20_000, 500


def texts() -> list[str]:
    """The reviews; words of a Zipfian distribution where they are absent."""
    if REVIEWS.is_file():
        csv.field_size_limit(1 << 30)
        with gzip.open(REVIEWS, "rt", newline="", encoding="utf-8") as file:
            return [row["text"] for row in csv.DictReader(file)]
    import numpy as np

    draw = np.random.default_rng(7)
    words = draw.zipf(1.2, (NUM_TEXTS, 230)) % 1_000_000
    return [" ".join(f"W{number}." for number in row) for row in words.tolist()]


def turn_of(
    fit: Callable[[list[str]], Any], transform: Callable[[Any, list[str]], Any]
) -> Callable[[], dict[str, Any]]:
    """Fit and transform the reviews once a turn."""
    reviews = texts()

    def turn() -> dict[str, Any]:
        start, cpu = time.perf_counter(), time.process_time()
        fitted = fit(reviews)
        middle = time.perf_counter()
        rows = transform(fitted, reviews)
        end, used = time.perf_counter(), time.process_time() - cpu
        return {
            "fit": middle - start,
            "transform": end - middle,
            "both": end - start,
            "cpu": used,
            "checksum": f"{rows.shape} {int((rows * (1 + rows[:1])).sum(dtype='int64'))}",
        }

    return turn


def stoker_sequences() -> Callable[[], dict[str, Any]]:
    import stoker

    def fit(reviews: list[str]) -> Any:
        return stoker.SequenceVectorizer(max_tokens=MAX_TOKENS, max_length=MAX_LENGTH).fit(reviews)

    return turn_of(fit, lambda fitted, reviews: fitted.transform(reviews))


def plain_sequences() -> Callable[[], dict[str, Any]]:
    from tests.keras2_sequences import Tokenizer, pad_sequences

    return _pair(Tokenizer, pad_sequences)


def keras_sequences() -> Callable[[], dict[str, Any]]:
    import keras
    from keras.src.legacy.preprocessing.text import Tokenizer

    return _pair(Tokenizer, keras.utils.pad_sequences)


def _pair(tokenizer: Any, pad_sequences: Any) -> Callable[[], dict[str, Any]]:
    def fit(reviews: list[str]) -> Any:
        made = tokenizer(num_words=MAX_TOKENS)
        made.fit_on_texts(reviews)
        return made

    def transform(fitted: Any, reviews: list[str]) -> Any:
        sequences = fitted.texts_to_sequences(reviews)
        length = min(MAX_LENGTH, max(map(len, sequences)))
        return pad_sequences(sequences, maxlen=length)

    return turn_of(fit, transform)


def run(settings: Settings) -> Report:
    """Measure all three."""
    everyone = [
        Contestant(name="stoker, 2 threads", target="benchmarks.sequences:stoker_sequences"),
        Contestant(name="the pair in plain Python", target="benchmarks.sequences:plain_sequences"),
        Contestant(name="Keras's own pair", target="benchmarks.sequences:keras_sequences"),
    ]
    results = interleave(everyone, settings)
    ours, plain, keras = (results[contestant.name] for contestant in everyone)
    return Report(
        title="Sequences of word indices: fit and transform of 25,000 reviews",
        header=("who", "s min", "median", "max", "first turn", "fit", "transform", "CPU s"),
        rows=tuple(
            (
                contestant.name,
                *(spread := results[contestant.name])["both"].cells("{:.2f}".format),
                f"{spread['both'].first:.2f}",
                *(f"{spread[part].median:.2f}" for part in ("fit", "transform", "cpu")),
            )
            for contestant in everyone
        ),
        figures=(
            Figure.speedup(
                "sequences of 25,000 reviews: plain Python ÷ stoker",
                bound=15.0,
                theirs=plain["both"],
                ours=ours["both"],
            ),
            Figure.speedup(
                "sequences of 25,000 reviews: Keras ÷ stoker",
                bound=15.0,
                theirs=keras["both"],
                ours=ours["both"],
            ),
        ),
        notes=(
            "the arrays are the same, element by element",
            "stoker's first turn loads or compiles kernels",
        ),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")

"""The features of texts beside scikit-learn's, and how learning them grows with the texts.

All take the same list of 25,000 film reviews to the same 20,000 columns: tf-idf of words and pairs of words,
the best by the F of an analysis of variance. The sum of the matrix and of its columns' places must
agree. The scaling is of generated texts, 10 and 100 times a base of 2,500 with words that never cease to be
new, read from a file under a budget that neither fits.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import (
    ROOT,
    Contestant,
    Figure,
    Report,
    Settings,
    Spread,
    alone,
    interleave,
    run_script,
)

REVIEWS = ROOT.parent / "shared" / "data" / "imdb" / "train.csv.gz"
NUM_TEXTS, NUM_FEATURES = 25_000, 20_000
BASE_TEXTS = 2_500
MEMORY = 64 << 20
MIN_DF = 100
TWO_THREADS = 2


def reviews() -> tuple[list[str], list[str]]:
    """The reviews and their labels; generated ones where they are absent."""
    if REVIEWS.is_file():
        csv.field_size_limit(1 << 30)
        with gzip.open(REVIEWS, "rt", newline="", encoding="utf-8") as file:
            rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
        return [text for text, _ in rows], [label for _, label in rows]
    from benchmarks.zipf import zipfian_texts

    texts, labels = [], []
    for some, classes in zipfian_texts(NUM_TEXTS):
        texts += some.to_pylist()
        labels += ["neg" if label else "pos" for label in classes.tolist()]
    return texts, labels


def _checksum(rows: Any) -> str:
    """The same for the same matrix but for rounding in its last places."""
    columns = int((rows.indices.astype("int64") % 9_973).sum())
    return f"{rows.shape} {rows.nnz} {columns} {float(rows.data.sum(dtype='float64')):.2f}"


def _turns(
    learn: Callable[[list[str], list[str]], tuple[Any, Any]], give: Callable[[Any, list[str]], Any]
) -> Callable[[], dict[str, Any]]:
    texts, labels = reviews()

    def turn() -> dict[str, Any]:
        start, used = time.perf_counter(), time.process_time()
        fitted, rows = learn(texts, labels)
        learned, learned_cpu = time.perf_counter(), time.process_time()
        again = give(fitted, texts)
        end, end_cpu = time.perf_counter(), time.process_time()
        assert _checksum(again) == _checksum(rows)
        return {
            "fit": learned - start,
            "fit cpu": learned_cpu - used,
            "transform": end - learned,
            "transform cpu": end_cpu - learned_cpu,
            "checksum": _checksum(rows),
        }

    return turn


def stoker_ngrams() -> Callable[[], dict[str, Any]]:
    import stoker

    def learn(texts: list[str], labels: list[str]) -> tuple[Any, Any]:
        vectorizer = stoker.NgramVectorizer(max_features=NUM_FEATURES)
        return vectorizer, vectorizer.fit_transform(texts, labels, workers=TWO_THREADS)

    return _turns(learn, lambda vectorizer, texts: vectorizer.transform(texts, workers=TWO_THREADS))


def scikit_learn() -> Callable[[], dict[str, Any]]:
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.feature_selection import SelectKBest, f_classif

    def learn(texts: list[str], labels: list[str]) -> tuple[Any, Any]:
        vectorizer = TfidfVectorizer(
            ngram_range=(1, 2), dtype=np.float64, strip_accents="unicode", decode_error="replace", min_df=2
        )
        rows = vectorizer.fit_transform(texts)
        best = SelectKBest(f_classif, k=NUM_FEATURES)
        return (vectorizer, best), best.fit_transform(rows, labels)

    return _turns(learn, lambda fitted, texts: fitted[1].transform(fitted[0].transform(texts)))


def write_texts(path: Path, num_texts: int) -> int:
    """Generated texts as an Arrow stream; returns their bytes."""
    import pyarrow as pa

    from benchmarks.zipf import zipfian_texts

    num_bytes = 0
    schema = pa.schema([("text", pa.large_string()), ("label", pa.int64())])
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        for texts, labels in zipfian_texts(num_texts):
            writer.write_batch(pa.record_batch([texts, pa.array(labels)], schema=schema))
            num_bytes += texts.nbytes
    return num_bytes


def learn_file(path: str) -> dict[str, float]:
    """Learn n-grams of a file of texts, read a batch at a time."""
    import pyarrow as pa

    import stoker
    from benchmarks.memory_scaling import PeakMemory
    from stoker.ledger import Ledger
    from stoker.transforms.chunks import TextChunk

    def chunks() -> Iterator[TextChunk]:
        with pa.OSFile(path) as file, pa.ipc.open_stream(file) as reader:
            for batch in reader:
                yield TextChunk(texts=batch.column(0), labels=batch.column(1).to_numpy())

    stoker.NgramVectorizer(max_features=1).fit(
        ["some text", "other text"] * 3, [0, 1, 1, 0, 0, 0]
    )  # compiled
    ledger, peak = Ledger(MEMORY), PeakMemory()
    vectorizer = stoker.NgramVectorizer(max_features=NUM_FEATURES, min_df=MIN_DF)
    start, used = time.perf_counter(), time.process_time()
    vectorizer.fit_passes(chunks, memory=MEMORY, workers=TWO_THREADS, ledger=ledger)
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    peak._look()
    return {
        "seconds": seconds,
        "cpu": cpu,
        "peak": peak.anonymous / 1e6,
        "ledger": ledger.peak / 1e6,
        "terms": float(vectorizer.idf_.size),
    }


def _scaling(settings: Settings) -> tuple[list[tuple[str, ...]], list[Figure]]:
    found, rows = {}, []
    for copies in (10, 100):
        path = settings.work / f"texts-{copies}.arrow"
        num_bytes = write_texts(path, copies * BASE_TEXTS)
        runs = [run_script(["-m", "benchmarks.text", "--learn", str(path)]) for _ in range(3)]
        path.unlink()
        found[copies] = best = min(runs, key=lambda run: run["cpu"])
        rows.append(
            (
                f"{copies * BASE_TEXTS:,} generated texts, {num_bytes / 1e6:.0f} MB",
                *(f"{best['seconds']:.2f} s",) * 3,
                f"computing {best['cpu']:.1f} s, peak {best['peak']:.0f} MB, ledger {best['ledger']:.0f} MB, "
                f"{best['terms']:,.0f} terms",
            )
        )
    few, many = found[10], found[100]
    figures = [
        Figure(
            what="peak memory of learning from 100 times the texts beside 10 times",
            bound=1.1,
            measured=many["peak"] / few["peak"],
            at_least=False,
        ),
        Figure(
            what="time of learning a text, 100 times the texts beside 10 times",
            bound=1.2,
            measured=many["cpu"] / few["cpu"] / 10,
            at_least=False,
        ),
    ]
    return rows, figures


def _row(name: str, what: str, spread: Spread, cpu: Spread) -> tuple[str, ...]:
    return (f"{name}, {what}", *spread.cells(lambda s: f"{s:.2f} s"), f"computing {cpu.median:.2f} s")


def run(settings: Settings) -> Report:
    contestants = [
        Contestant(name="stoker", target="benchmarks.text:stoker_ngrams"),
        Contestant(name="scikit-learn", target="benchmarks.text:scikit_learn", rounds=3),
    ]
    found = interleave(contestants, settings)
    ours, theirs = found["stoker"], found["scikit-learn"]
    rows = [
        _row(name, what, found[name][key], found[name][f"{key} cpu"])
        for key, what in (("fit", "fit and transform"), ("transform", "transform"))
        for name in found
    ]
    figures = [
        Figure.speedup(
            "n-grams of 25,000 reviews, fit and transform, beside TfidfVectorizer and SelectKBest",
            bound=15,
            theirs=theirs["fit"],
            ours=ours["fit"],
        ),
        Figure.speedup(
            "n-grams, transform alone", bound=30, theirs=theirs["transform"], ours=ours["transform"]
        ),
    ]
    scaled, more = _scaling(settings)
    documents = NUM_TEXTS / ours["transform"].median
    return Report(
        title="N-grams of texts",
        header=("work", "min", "median", "max", "besides"),
        rows=(*rows, *scaled),
        figures=(*figures, *more),
        notes=(
            f"transform: {documents:,.0f} texts a second; the first turn of a process, which loads "
            f"the compiled kernels: {ours['fit'].first:.2f} s.",
            f"scaling: memory {MEMORY >> 20} MiB, min_df {MIN_DF}; times compared are those of "
            "computing, the least of three; the peak is anonymous memory of the whole process.",
        ),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--learn"]:
        print(json.dumps(learn_file(sys.argv[2])))
    else:
        alone(run, __doc__ or "")

"""Whole processes from raw reviews to a trained classifier, and a file of the size of Amazon polarity.

stoker is its command line, imports and survey included; fastText trains on cleaned text with pairs of words
in five epochs; the guide's pipeline is scikit-learn's features and a Keras MLP on dense batches. All three
test on the 25,000 test reviews. Early stopping of stoker and of the guide watches the loss of these, as the
guide has it.

Cold means: a new process, no run directory, no `.stoker` folder beside the data, and XLA compiles every
program anew. Only Numba's kernels come from its cache on disk, where the turn that warms up has left them. A
row of its own, behind no figure, shows stoker with the cache of programs that JAX itself offers
(``JAX_COMPILATION_CACHE_DIR``).
"""

from __future__ import annotations

import csv
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, Figure, Report, Settings, Spread, alone, run_script
from benchmarks.zipf import zipfian_texts

IMDB = ROOT.parent / "shared" / "data" / "imdb"
SCRIPTS = ROOT / "benchmarks" / "scripts"
POLARITY_ROWS = 3_600_000
FEW_ROWS = 200_000
WORDS_A_ROW = 74
ROUNDS = 3
COLD = {"JAX_ENABLE_COMPILATION_CACHE": "false"}


def _stoker(work: Path, model: str, environment: Mapping[str, str] = COLD) -> dict[str, Any]:
    shutil.rmtree(work / ".stoker", ignore_errors=True)
    shutil.rmtree(work / "run", ignore_errors=True)
    files = [str(work / "train.csv.gz"), "--valid", str(work / "test.csv.gz")]
    command = ["train", *files, "--text", "text", "--label", "label", "--model", model]
    return _command(*command, "--run", str(work / "run"), environment=environment)


def _command(*arguments: str, environment: Mapping[str, str] = COLD) -> dict[str, Any]:
    start = time.perf_counter()
    answer = run_script(["-m", "stoker", *arguments, "--quiet", "--json"], environment)
    answer["wall"] = time.perf_counter() - start
    run = Path(answer["run"])
    record = json.loads((run / "run.json").read_text())
    answer["accuracy"] = record["epochs"][record["outcome"]["best_epoch"]]["metrics"].get("val_accuracy")
    return answer


def _script(name: str, *arguments: str) -> dict[str, Any]:
    start = time.perf_counter()
    answer = run_script(["-m", "benchmarks.scripts", str(SCRIPTS / name), *arguments])
    return {**answer, "wall": time.perf_counter() - start}


def _write_polarity(path: Path, rows: int) -> None:
    """Rows as in Zhang's files: class from 1, title, text; every field quoted."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for texts, labels in zipfian_texts(rows, seed=3, words=WORDS_A_ROW):
            for text, label in zip(texts.to_pylist(), labels.tolist(), strict=True):
                writer.writerow([label + 1, text[:20], text])


def polarity(settings: Settings) -> dict[str, Any]:
    """Fit and one epoch on generated rows: seconds, rows a second, peak memory."""
    rows = POLARITY_ROWS if settings.full else FEW_ROWS
    path = settings.work / f"polarity-{rows}.csv"
    if not path.exists():
        _write_polarity(path, rows)
    shutil.rmtree(settings.work / ".stoker", ignore_errors=True)
    shutil.rmtree(settings.work / "polarity", ignore_errors=True)
    flags = ["--format", "zhang", "--text", "#1,#2", "--label", "#0", "--model", "mlp", "--epochs", "1"]
    flags += ["--memory", "2GB"]  # the vocabulary of all rows takes 0.7 GB
    answer = _command("train", str(path), *flags, "--run", str(settings.work / "polarity"))
    return {**answer, "generated": rows}


def run(settings: Settings) -> Report:
    """Measure the three by turns, then sequences and the large file once."""
    work = settings.work / "imdb"
    work.mkdir(exist_ok=True)
    for name in ("train.csv.gz", "test.csv.gz"):
        shutil.copy(IMDB / name, work / name)
    files = [str(work / "train.csv.gz"), str(work / "test.csv.gz")]
    turns = {
        "stoker train --model mlp": lambda: _stoker(work, "mlp"),
        "fastText, pairs of words, 5 epochs, 2 threads": lambda: _script(
            "fasttext_imdb.py", *files, str(work)
        ),
        "the guide: scikit-learn and Keras": lambda: _script("guide_imdb.py", *files),
    }
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in turns}
    for _ in range(min(settings.rounds, ROUNDS) + 1):
        for name, turn in turns.items():
            found[name].append(turn())
    cached = {
        "JAX_COMPILATION_CACHE_DIR": str(work / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    found["stoker train --model sepcnn"] = [_stoker(work, "sepcnn")]
    found["stoker train --model mlp, programs from JAX's cache"] = [
        _stoker(work, "mlp", cached) for _ in range(2)
    ]
    large = polarity(settings)
    walls = {name: _spread([answer["wall"] for answer in answers]) for name, answers in found.items()}
    ours, fast, guide, cnn, _ = walls
    first = found[ours][-1]
    rows = [
        (
            name,
            f"{found[name][-1]['accuracy']:.4f}",
            *walls[name].cells("{:.1f}".format),
            f"{_peak(found[name]):.0f}",
        )
        for name in walls
    ]
    seconds = large["wall"]
    rows.append(
        (
            f"{large['generated']:,} generated rows as Amazon polarity: survey, fit, one epoch",
            f"{large['accuracy']:.4f}",
            f"{seconds:.1f}",
            f"{large['generated'] / seconds:,.0f} rows/s",
            f"{large['rows_per_second']:,.0f} rows/s of steps",
            f"{large['peak_rss_bytes'] / 1e6:.0f}",
        )
    )
    return Report(
        title="Raw text to a classifier: 25,000 film reviews, whole processes, cold",
        header=("who", "test accuracy", "seconds min", "median", "max", "peak MB"),
        rows=tuple(rows),
        figures=(
            Figure(
                what="mlp, test accuracy", bound=0.905, measured=first["accuracy"], at_least=True, unit=""
            ),
            Figure(
                what="mlp, seconds ÷ fastText's",
                bound=0.5,
                measured=walls[ours].median / walls[fast].median,
                at_least=False,
            ),
            Figure(
                what="mlp, seconds ÷ the guide's",
                bound=0.12,
                measured=walls[ours].median / walls[guide].median,
                at_least=False,
            ),
            Figure(
                what="mlp, peak MB",
                bound=750,
                measured=_peak(found[ours]),
                at_least=False,
                unit="MB",
            ),
            Figure(
                what="sepcnn, test accuracy",
                bound=0.87,
                measured=found[cnn][-1]["accuracy"],
                at_least=True,
                unit="",
            ),
        ),
    )


def _peak(answers: list[dict[str, Any]]) -> float:
    """Megabytes, of the turns after the one that warms up."""
    return max(answer["peak_rss_bytes"] for answer in answers[1:] or answers) / 1e6


def _spread(seconds: list[float]) -> Spread:
    return Spread(values=tuple(seconds[1:] or seconds), first=seconds[0])


if __name__ == "__main__":
    alone(run, __doc__ or "")

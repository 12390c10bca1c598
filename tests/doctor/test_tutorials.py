"""The generators of the two tutorials, word for word, and what is wrong with them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from stoker.doctor import examine

pytestmark = pytest.mark.timeout(60)

ROWS, BATCH = 200, 24


def to_categorical(y):
    """``np_utils.to_categorical`` without the number of classes."""
    return np.eye(int(np.max(y)) + 1, dtype="float32")[np.asarray(y, int)]


def load_data(Train_df, idx, batch_size):
    df = pd.read_csv(Train_df, skiprows=idx * batch_size, nrows=batch_size)
    x = df.iloc[:, 1:]
    y = df.iloc[:, 0]
    return (np.array(x), to_categorical(y))


def batch_generator(Train_df, batch_size, steps):
    idx = 1
    while True:
        yield load_data(Train_df, idx - 1, batch_size)
        if idx < steps:
            idx += 1
        else:
            idx = 1


def _data_generator(x, y, num_features, batch_size):
    num_samples = x.shape[0]
    num_batches = num_samples // batch_size
    if num_samples % batch_size:
        num_batches += 1
    while 1:
        for i in range(num_batches):
            start_idx = i * batch_size
            end_idx = (i + 1) * batch_size
            if end_idx > num_samples:
                end_idx = num_samples
            x_batch = x[start_idx:end_idx]
            y_batch = y[start_idx:end_idx]
            yield x_batch, y_batch


def write(path, *, labels, blank=(), seed=0):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(1, 256, (ROWS, 12))
    pixels[:, 0] = 0
    lines = [",".join(map(str, row)) for row in pixels]
    header = ",".join(f"pixel{place}" for place in range(12))
    if labels:
        names = rng.integers(0, 10, ROWS)
        lines = [f"{name},{line}" for name, line in zip(names, lines, strict=True)]
        header = f"label,{header}"
    for place in blank:
        lines.insert(place, "")
    path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return str(path)


def names(report, stream="training"):
    return [finding.name for finding in report.findings if finding.stream == stream]


def find(report, name):
    return next(finding for finding in report.findings if finding.name == name)


def test_the_blogs_generator_never_shuffles_narrows_its_targets_and_validates_on_no_labels(tmp_path):
    steps = np.ceil(ROWS / BATCH)
    report = examine(
        batch_generator(write(tmp_path / "train.csv", labels=True), BATCH, steps),
        steps=steps,
        validation=batch_generator(write(tmp_path / "test.csv", labels=False, seed=1), BATCH, steps),
        validation_steps=steps,
    )
    assert names(report) == ["target-shapes", "not-shuffled"]
    assert names(report, "validation") == ["constant-targets", "validation-shapes", "validation-shapes"]
    assert "10 wide" in find(report, "target-shapes").seen
    assert "num_classes=10" in find(report, "target-shapes").remedy
    assert "11 wide, int64, training's 12 wide" in find(report, "validation-shapes").seen


def test_blank_lines_make_the_blogs_batches_overlap(tmp_path):
    path = write(tmp_path / "train.csv", labels=True, blank=(5, 40, 41))
    report = examine(batch_generator(path, BATCH, 9), steps=9)
    assert "batches-overlap" in names(report)
    finding = find(report, "batches-overlap")
    assert "blank lines" in finding.remedy
    assert str(finding.place) == "epoch 1, batch 2, row 1"


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_the_appendixs_generator_never_shuffles(kind):
    x = np.random.default_rng(0).random((ROWS, 30)) * (np.random.default_rng(1).random((ROWS, 30)) < 0.2)
    x = scipy.sparse.csr_matrix(x) if kind == "sparse" else x
    labels = np.arange(ROWS) % 2
    report = examine(
        _data_generator(x, labels, 30, BATCH),
        steps=9,
        validation=_data_generator(x[:50] * 2, labels[:50], 30, BATCH),
        validation_steps=3,
    )
    assert [finding.name for finding in report.findings] == ["not-shuffled"]

import re
from pathlib import Path

import numpy as np
import pytest

import stoker
from stoker.datasets import write_digits

ROOT = Path(__file__).parents[1]


def run_python_of(page, names):
    """All its blocks of Python, one after the other."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    return names


@pytest.mark.slow
def test_the_python_lines_of_the_readme_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_digits(tmp_path, rows=3_000)
    names = run_python_of("README.md", {})
    assert names["history"].history["val_accuracy"][-1] > 0.8
    assert "prediction" in capsys.readouterr().out


@pytest.fixture
def old_names_taken_away():
    yield
    stoker.legacy.uninstall()


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("old_names_taken_away")
def test_the_python_lines_of_the_migration_guide_run(tmp_path, monkeypatch):
    import keras

    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x, y = rng.random((64, 8), dtype="float32"), rng.integers(0, 2, 64)
    lines = [",".join(map(str, [*row, label])) for row, label in zip(x.round(3).tolist(), y, strict=True)]
    header = ",".join([*(f"x{place}" for place in range(8)), "label"])
    Path("train.csv").write_text("\n".join([header, *lines]) + "\n", "utf-8")
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])

    def batches():
        while True:
            for start in range(0, 64, 16):
                yield x[start : start + 16], y[start : start + 16]

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return x[index * 16 : index * 16 + 16], y[index * 16 : index * 16 + 16]

    names = run_python_of(
        "docs/from-fit-generator.md", {"model": model, "batches": batches, "Batches": Batches}
    )
    assert names["outputs"].shape == (64, 1)
    assert (tmp_path / "runs/a/model.keras").exists()
    assert len(names["history"].history["val_loss"]) == 2

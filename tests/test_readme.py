import gzip
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import stoker
from stoker.cli import main
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


def write_clicks(name, rows, *, has_label=True):
    numbers = np.random.default_rng(rows).integers(18, 80, rows)
    lines = [f"{row},{age},{('oslo', 'rome')[row % 2]}" for row, age in enumerate(numbers.tolist())]
    labels = [f",{int(age > 45)}" if has_label else "" for age in numbers.tolist()]
    head = "id,age,city" + ",clicked" * has_label
    Path(name).write_text("\n".join([head, *map("".join, zip(lines, labels, strict=True))]) + "\n")


def write_reviews(name, rows, *, has_label=True):
    words = [
        ("bad film" if row % 2 else "good film") + (f",{row % 2}" if has_label else "") for row in range(rows)
    ]
    data = ("\n".join(["text" + ",label" * has_label, *words]) + "\n").encode()
    Path(name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def shell_lines_of(page):
    """Its commands in their order, but for what needs a network, pictures, or a thousand steps."""
    lines = re.findall(r"^    (stoker .+?)(?:  +#.*)?$", (ROOT / page).read_text("utf-8"), re.M)
    return [line for line in lines if not re.search(r"&&|photos|replay", line)]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_commands_of_the_readme_run_one_after_the_other_in_one_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_clicks("clicks.csv", 900)
    write_clicks("test.csv", 90)
    write_clicks("more.csv", 300)
    write_clicks("new.csv", 90, has_label=False)
    write_reviews("reviews.csv.gz", 600)
    write_reviews("test.csv.gz", 60)
    write_reviews("unread.csv", 60, has_label=False)
    lines = shell_lines_of("README.md")
    assert len(lines) > 10
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0, (line, capsys.readouterr().err)
    for name, rows in (("predictions.csv", 90), ("scored.csv", 60)):
        assert Path(name).read_text().count("\n") == rows + 1


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

"""What is learned with others' help has the bits of what one process learns, in all that train together."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import stoker
from crews import Follower, Here, Leader
from stoker.cluster import failed
from stoker.crew import Crew, current, engaged
from stoker.errors import ChangedDataError, DataError, StokerError
from stoker.fitting import sharing
from stoker.survey import together

ROWS = 20_500


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    draw = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("shared") / "table.csv"
    price = draw.lognormal(3, 2, ROWS).round(3)
    city = draw.choice(["Ulm", "Bonn", "Hof"], ROWS)
    words = np.array(["good", "bad", "film", "fun", "luck"])
    texts = [" ".join(words[draw.integers(0, 5, size)]) for size in draw.integers(1, 7, ROWS)]
    lines = [f"{p},{c},{t},{p * 2:.1f},{len(t) % 2}" for p, c, t in zip(price, city, texts, strict=True)]
    path.write_text("\n".join(["price,city,text,cost,sold", *lines, ""]))
    return path


@pytest.fixture(autouse=True)
def little_is_much(monkeypatch):
    monkeypatch.setattr(sharing, "_ALONE_BYTES", 0)
    monkeypatch.setattr(sharing, "_ALONE_TEXT_BYTES", 0)
    monkeypatch.setattr(together, "_ALONE_BYTES", 0)


def feed(table: Path, crew: Crew | None = None, **options: Any) -> stoker.Feed:
    source = stoker.open(table, label=options.pop("label", "sold"), types={"text": "text", "city": "text"})
    made = stoker.Feed(source.split(0.9, seed=1)[0], batch_size=64, workers=0, **options)
    if crew is None:
        return made.prepare()
    with engaged(crew):
        return made.prepare()


def columns() -> stoker.Columns:
    return stoker.Columns(
        {
            "price": stoker.Log1p(),
            "robust": ("price", stoker.Robust()),
            "city": stoker.Category(),
            "text": stoker.NgramVectorizer(min_df=1, max_features=8),
            "words": ("text", stoker.SequenceVectorizer(max_tokens=4)),
        }
    )


def learned(made: stoker.Feed) -> bytes:
    return msgspec.json.encode([made.stage.inputs.state(), made.stage.target.state()])


def test_nobody_helps_unless_somebody_was_engaged():
    assert current() is None
    with engaged(Here()) as crew:
        assert current() is crew
    assert current() is None


@pytest.mark.timeout(120)
def test_a_feed_learns_the_same_bits_with_help(table):
    crew = Leader(3)
    alone = feed(table, transform=columns())
    helped = feed(table, crew, transform=columns())

    assert learned(helped) == learned(alone)
    done = [name for name, _ in crew.done]
    assert done.count("_learn_part") == 3
    assert done.count("_read_texts") == 3 * (3 + 1)
    follower = feed(table, Follower(crew.answers), transform=columns())
    assert learned(follower) == learned(alone)


def test_a_target_is_learned_so_too(table):
    made = [
        feed(
            table,
            crew,
            label="cost",
            task="regression",
            target=stoker.Log1p(),
            transform=stoker.Columns({"price": stoker.Standardize()}),
        )
        for crew in (None, Here())
    ]
    assert learned(made[0]) == learned(made[1])


def test_an_error_is_that_of_one_process(table, tmp_path):
    lines = table.read_text().splitlines()
    lines[9_000] = "-3," + lines[9_000].split(",", 1)[1]
    path = tmp_path / "table.csv"
    path.write_text("\n".join([*lines, ""]))
    said = []
    for crew in (None, Here()):
        with pytest.raises(DataError, match="Log1p takes numbers above -1") as found:
            feed(path, crew, transform=stoker.Columns({"price": stoker.Log1p()}))
        said.append(str(found.value))
    assert said[0] == said[1]


class Elsewhere(Here):
    """Sees another file once rows are learned from, of the same length."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def each(self, function: Any, tasks: Any, common: Any) -> Iterator[Any]:
        if function.__name__ == "_learn_part":
            with open(self.path, "r+b") as file:
                file.seek(300_000)
                file.write(b"9")
        try:
            yield from super().each(function, tasks, common)
        except StokerError as error:
            failed(error, "there").taken()


def test_a_file_that_another_host_sees_otherwise_is_told_with_host_file_and_chunk(table, tmp_path):
    path = tmp_path / "copied.csv"
    path.write_bytes(table.read_bytes())
    said = rf"^as seen by host {socket.gethostname()}: .*copied.csv changed .*bytes \d+ to \d+ \(rows \d+ to"
    with pytest.raises(ChangedDataError, match=said):
        feed(path, Elsewhere(path), transform=stoker.Columns({"price": stoker.Log1p()}), memory="16MB")


def test_few_rows_are_learned_by_one(tmp_path, monkeypatch):
    monkeypatch.undo()
    path = tmp_path / "few.csv"
    path.write_text("a,y\n1,0\n2,1\n3,0\n")
    crew = Leader()
    with engaged(crew):
        made = stoker.Feed(
            stoker.open(path, label="y"), transform=stoker.Columns({"a": stoker.Robust()}), batch_size=2
        ).prepare()

    assert made.stage.inputs.is_fitted
    assert crew.done == []
    assert len(crew.answers) == 2

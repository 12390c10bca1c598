"""Each line of the table in docs/keras2.md does what stands beside it."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import keras
import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "keras2.md").read_text(encoding="utf-8")
SPAN = re.compile(r"`([^`]+)`")
ONLY_ON_JAX = "On JAX:"


@dataclass(frozen=True)
class Row:
    code: str
    works: bool
    beside: str
    only_on_jax: bool


def read_rows() -> list[Row]:
    rows, last_text = [], ""
    for line in PAGE.splitlines():
        cells = line.split(" | ")
        if line.startswith("| `") and len(cells) == 3:
            code = "\n".join(SPAN.findall(cells[0]))
            beside = cells[2].rstrip("| ")
            rows.append(
                Row(code, {"works": True, "fails": False}[cells[1]], beside, ONLY_ON_JAX in last_text)
            )
        elif line and not line.startswith("|"):
            last_text = line
    return rows


ROWS = read_rows()
PREAMBLE = PAGE.split("```python\n")[1].split("```")[0]


@pytest.fixture
def names(old_names, tmp_path, monkeypatch) -> dict[str, object]:
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {"__name__": "__main__"}
    exec(PREAMBLE, found)
    for index, image in enumerate(found["images"]):
        path = tmp_path / "pictures" / ("cat", "dog")[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        found["array_to_img"](image).save(path)
    return found


@pytest.mark.timeout(60)
@pytest.mark.parametrize("row", ROWS, ids=[f"{number}: {row.code[:60]}" for number, row in enumerate(ROWS)])
def test_line_does_what_the_table_says(row, names):
    if row.only_on_jax and keras.backend.backend() != "jax":
        pytest.skip("the sentence names the backend")
    with warnings.catch_warnings():
        # The words of Keras 1 are translated with this one; any other fails the test.
        warnings.simplefilter("ignore", FutureWarning)
        if row.works:
            exec(row.code, names)
            for claim in SPAN.findall(row.beside):
                assert eval(claim, names), claim  # noqa: S307 - our own page
            return
        kind, sentence = re.fullmatch(r"`(\w+)`: (.+)", row.beside).groups()
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the table says which
            exec(row.code, names)
    assert (type(caught.value).__name__, str(caught.value)) == (kind, sentence)


def test_every_table_line_was_read_and_there_are_at_least_sixty():
    written = [line for line in PAGE.splitlines() if line.startswith("| ") and "line of Keras 2" not in line]
    assert len(ROWS) == len(written) >= 60


def test_each_line_that_works_claims_something():
    assert all(SPAN.findall(row.beside) for row in ROWS if row.works)

"""What is said of other files is true of what was compared: sizes before the survey, contents behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from resumable import write_rows

import stoker
from stoker.audit.reading import check_files
from stoker.errors import ChangedDataError

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows"))


@pytest.fixture
def begun(rows: Path, tmp_path: Path, small_model: Any) -> Callable[..., None]:
    """Trains on rows, validated on files, or on held-out rows where none are named; then goes on with it."""

    def fit(*names: str, trained: list[Path] | None = None, **options: Any) -> None:
        train, valid = stoker.open(trained or rows, label="y").split(0.8, seed=3)
        validation = stoker.open([tmp_path / name for name in names], label="y") if names else valid
        feed = stoker.Feed(train, batch_size=16, seed=5, cache="never", workers=0)
        run, model = tmp_path / "run", small_model("binary")
        stoker.fit(model, feed, validation=validation, run=run, progress="none", **options)

    return fit


@pytest.fixture
def unsurveyed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def from_now_on() -> None:
        monkeypatch.setattr(stoker.Feed, "prepare", lambda *_, **__: pytest.fail("it was surveyed"))

    return from_now_on


def part(rows: Path, path: Path, count: int, digit: str = "") -> Path:
    """A file of the first rows, with one of its digits another."""
    lines = rows.read_text().splitlines(keepends=True)[: count + 1]
    if digit:
        lines[-1] = lines[-1].replace(lines[-1][2], digit, 1)
    path.write_text("".join(lines))
    return path


@pytest.fixture
def several(rows: Path, tmp_path: Path) -> None:
    for name, count in [("v1.csv", 40), ("v2.csv", 60), ("v3.csv", 50)]:
        part(rows, tmp_path / name, count)
    part(rows, tmp_path / "v4.csv", 40, "9")


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ["v2.csv", "v1.csv"],
            r"^of validation=, files of the same sizes in another order than when .*run was begun: .*v2\.csv "
            r"stands where .*v1\.csv did; give them in that order, or begin another run$",
        ),
        (
            ["v1.csv", "v2.csv", "v3.csv"],
            r"3 files instead of the 2 that .*run was begun with \(.*v3\.csv is none of them\): it can be",
        ),
        (
            ["v1.csv", "v2.csv", "v4.csv"],
            r"3 files instead of the 2 that .*run was begun with: it can be resumed on the same data alone",
        ),
        (["v1.csv"], r"1 file instead of the 2 that .*run was begun with \(.*v2\.csv is not there\): it"),
        (
            ["v1.csv", "v3.csv"],
            r"v3\.csv holds something else than .*v2\.csv, with which .*run was begun: it",
        ),
    ],
)
def test_files_to_validate_on_are_told_by_their_number_order_and_names(begun, unsurveyed, names, said):
    begun("v1.csv", "v2.csv", epochs=1)
    unsurveyed()
    with pytest.raises(ChangedDataError, match=said):
        begun(*names, epochs=1, resume="auto")


def test_a_file_to_validate_on_of_another_size_holds_something_else(begun, unsurveyed, rows, tmp_path):
    part(rows, tmp_path / "v.csv", 40)
    begun("v.csv", epochs=1)
    part(rows, tmp_path / "v.csv", 41)
    unsurveyed()
    with pytest.raises(ChangedDataError, match=r"v\.csv holds something else than when .*run was begun: it"):
        begun("v.csv", epochs=1, resume="auto")


def test_a_file_that_is_only_as_large_as_the_one_trained_on_is_not_called_the_same(
    begun, unsurveyed, rows, tmp_path
):
    count = len(rows.read_text().splitlines()) - 1
    assert part(rows, tmp_path / "alike.csv", count, "9").read_text() != rows.read_text()
    begun(epochs=1)
    unsurveyed()
    with pytest.raises(ChangedDataError) as found:
        begun("alike.csv", epochs=1, resume="auto")
    assert "as large as what is trained on: if it is that in another stoker.open, give" in str(found.value)
    assert "same files" not in str(found.value)


def test_files_of_one_size_in_another_order_are_told_by_what_they_hold(begun, rows, tmp_path):
    part(rows, tmp_path / "v1.csv", 40, "8")
    part(rows, tmp_path / "v2.csv", 40, "7")
    begun("v1.csv", "v2.csv", epochs=1)
    with pytest.raises(ChangedDataError, match=r"^of validation=, the same files in another order than when"):
        begun("v2.csv", "v1.csv", epochs=1, resume="auto")


def test_files_to_train_on_in_another_order_are_told_as_that(begun, rows, tmp_path):
    first, second = (part(rows, tmp_path / f"t{count}.csv", count) for count in (70, 90))
    begun(trained=[first, second], epochs=1)
    with pytest.raises(
        ChangedDataError, match=r"^files of the same sizes in another order .*t90\.csv stands"
    ):
        begun(trained=[second, first], epochs=1, resume="auto")


@pytest.fixture
def two(rows: Path, tmp_path: Path, begun: Callable[..., None]) -> list[Path]:
    """Files that a run was begun on."""
    files = [part(rows, tmp_path / f"t{count}.csv", count) for count in (90, 70)]
    begun(trained=files, epochs=1)
    return files


def test_of_files_that_changed_the_first_of_another_size_alone_is_read_and_charged(
    begun, unsurveyed, two, rows, tmp_path, monkeypatch
):
    part(rows, two[1], 71)
    read, ledgers = [], []

    def looked(source: Any, *arguments: Any, ledger: Any, **options: Any) -> None:
        read.extend(source.paths)
        ledgers.append(ledger)
        check_files(source, *arguments, ledger=ledger, **options)

    monkeypatch.setattr("stoker.training.changed_files.check_files", looked)
    unsurveyed()
    with pytest.raises(
        ChangedDataError, match=r"^.*t70\.csv is not what was trained on: .* bytes then and .* now, first in "
    ):
        begun(trained=two, epochs=1, resume="auto")
    assert read == [str(two[1])]
    assert 0 < ledgers[0].peak <= ledgers[0].limit == 10**9


def test_a_file_of_the_same_size_is_told_by_the_survey_and_not_read_once_more(
    begun, two, rows, tmp_path, monkeypatch
):
    part(rows, two[1], 70, "9")
    monkeypatch.setattr(
        "stoker.training.changed_files.check_files", lambda *_, **__: pytest.fail("it was read once more")
    )
    with pytest.raises(
        ChangedDataError,
        match=r"^.*t70\.csv is not what was trained on, first in bytes .* \(lines .* to 71\);",
    ):
        begun(trained=two, epochs=1, resume="auto")

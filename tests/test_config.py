"""``--config FILE``: flags from a TOML file, under the same names; those of the command line go before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stoker.cli import main
from test_columns_feed import write_table


@pytest.fixture
def folder(here: Path) -> Path:
    write_table(here / "houses.csv")
    return here


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main(["plan", *arguments, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_a_file_says_what_flags_say(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "run.toml").write_text(
        'files = ["houses.csv"]\n'
        'label = "sold"\n'
        "batch-size = 30\n"
        'drop = ["id", "zip"]\n'
        "learning-rate = 0.01  # of train alone\n"
        "header = true\n"
        "[transform]\n"
        'city = "hash"\n'
        "[na]\n"
        'gaps = "zero"\n',
        "utf-8",
    )
    by_file = planned(capsys, "--config", "run.toml")
    flags = ["--label", "sold", "--batch-size", "30", "--drop", "id,zip", "--transform", "city=hash"]
    by_flags = planned(capsys, "houses.csv", *flags, "--na", "gaps=zero", "--header")
    assert by_file["plan"]["order"] == by_flags["plan"]["order"]
    assert by_file["spec"] == by_flags["spec"]
    assert by_file["choices"] == by_flags["choices"]


def test_a_flag_goes_before_the_file(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "run.toml").write_text('label = "city"\nbatch-size = 30\ndrop = ["zip"]\n', "utf-8")
    found = planned(capsys, "houses.csv", "--config", "run.toml", "--label", "sold", "--drop", "id")
    assert found["spec"]["label"] == "sold"
    assert found["plan"]["order"]["batch_size"] == 30
    assert "zip" in found["spec"]["features"]


@pytest.mark.parametrize(
    ("text", "wanted", "got"),
    [
        ("batch-size = 128.5", "a whole number", "128.5"),
        ('batch-size = "many"', "a whole number", "many"),
        ("batch-size = 0", "at least 1", "0"),
        ('max-bad-rows = "x"', "a whole number", "x"),
        ('learning-rate = "fast"', "a number", "fast"),
    ],
)
def test_a_value_of_another_type_is_told_with_file_key_and_what_is_wanted(
    folder: Path, text: str, wanted: str, got: str, capsys: pytest.CaptureFixture[str]
):
    (folder / "run.toml").write_text(text + "\n", "utf-8")
    assert main(["train", "houses.csv", "--config", "run.toml"]) == 2
    key = text.partition(" ")[0]
    assert capsys.readouterr().err == (
        f"stoker: invalid value for '--{key}': it must be {wanted}, got '{got}' "
        f"(stoker train --help tells more); run.toml says {text}\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch = 3", "there is no flag 'epoch'; did you mean 'epochs'?"),
        ("batch_size = 3", "did you mean 'batch-size'?"),
        ("xyzzy = 3", "its names are those of the flags of stoker train"),
        ("query = ['a']", "query takes one value and no list"),
        ("label = true", "label takes a value and not true or false"),
        ("header = 'yes'", "header takes true or false"),
        ("drop = [1]", "drop takes a list of texts"),
        ("query = {a = 'b'}", "query takes no table"),
        ("label = 2024-01-01", "label takes a text, a number or true or false"),
        ("label = ", "is no TOML"),
    ],
)
def test_what_a_file_cannot_say_is_refused(
    folder: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
):
    (folder / "run.toml").write_text(text + "\n", "utf-8")
    assert main(["plan", "houses.csv", "--config", "run.toml"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epochs = 0", "run.toml says epochs = 0"),
        ('epochs = "many"', 'run.toml says epochs = "many"'),
        ('task = "classification"', 'run.toml says task = "classification"'),
        ('memory = "huge"', 'run.toml says memory = "huge"'),
        ('drop = ["id", "zipp"]', 'run.toml says drop = ["id", "zipp"]'),
        ('[types]\nzip = "integer"', 'run.toml says [types] zip = "integer"'),
        ('[na]\ngaps = "fill"', 'run.toml says [na] gaps = "fill"'),
        ('cache = "some"', 'run.toml says cache = "some"'),
        ('transform = ["city=hush"]', 'run.toml says transform = ["city=hush"]'),
    ],
)
def test_a_value_that_a_flag_refuses_is_told_with_the_file_and_its_key(
    folder: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
):
    (folder / "run.toml").write_text(f'label = "sold"\n{text}\n', "utf-8")
    assert main(["plan", "houses.csv", "--config", "run.toml"]) == 2
    told = capsys.readouterr().err.strip()
    assert told.startswith("stoker: ")
    assert told.endswith(f"; {said}")


def test_the_file_is_not_named_for_what_the_command_line_says(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / "run.toml").write_text('label = "sold"\nepochs = "many"\nmemory = "huge"\n', "utf-8")
    flags = ["--config", "run.toml", "--memory", "1GB"]
    assert main(["plan", "houses.csv", *flags, "--epochs", "0"]) == 2
    assert "run.toml" not in capsys.readouterr().err
    assert main(["plan", "houses.csv", "--memory", "huge"]) == 2
    assert "run.toml" not in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["plan", "houses.csv", "--config", "nowhere.toml"]) == 2
    assert "nowhere.toml cannot be read" in capsys.readouterr().err

"""A folder that is named in the place of its tables: what stands in it is told, and how to name it."""

from __future__ import annotations

import pytest

import stoker
from stoker.errors import DataError
from stoker.sources.folder_tables import tables_instead
from stoker.sources.paths import FORMATS

CASES = {
    "tables alone": (
        ["b.csv", "a.csv"],
        "data holds 2 .csv files (a.csv, b.csv): name those that hold the rows, for example 'data/*.csv'",
    ),
    "tables of several kinds": (
        ["a.csv", "c.parquet", "d.jsonl.gz", "e.TSV", "notes.txt", ".hidden.csv"],
        "data holds 1 .csv file (a.csv), 1 .jsonl.gz file (d.jsonl.gz), 1 .parquet file (c.parquet), 1 .TSV "
        "file (e.TSV) and 1 other file (notes.txt): name those that hold the rows, for example 'data/*.csv', "
        "'data/*.jsonl.gz' or 'data/*.parquet'",
    ),
    "beside folders": (
        ["a.csv", "README.md", "src/m.py", "docs/"],
        "data holds 1 .csv file (a.csv), 1 other file (README.md) and 2 folders (docs, src): name those that "
        "hold the rows, for example 'data/*.csv'",
    ),
    "many": (
        [f"{number}.csv" for number in range(5)],
        "data holds 5 .csv files (0.csv, 1.csv, 2.csv, …): name those that hold the rows, for example "
        "'data/*.csv'",
    ),
    "in a folder within": (
        ["README.md", "tables/b.csv", "tables/a.csv"],
        "data holds 2 .csv files (tables/a.csv, tables/b.csv): name those that hold the rows, for example "
        "'data/tables/*.csv'",
    ),
    "no table": (["README.md", "src/m.py"], None),
    "nothing": ([], None),
    "texts by class": (["labels.csv", "neg/1.txt", "pos/2.txt"], None),
    "images by class": (["labels.csv", "cat/1.png", "dog/2.JPG"], None),
}


@pytest.fixture
def write(here):
    """Writes empty files, and folders, into ``data``."""

    def write(names):
        (here / "data").mkdir()
        for name in names:
            path = here / "data" / name
            (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
            if not name.endswith("/"):
                path.write_text("")

    return write


@pytest.mark.parametrize(("names", "said"), CASES.values(), ids=CASES.keys())
def test_what_a_folder_holds_is_told_with_the_patterns_that_name_it(names, said, write):
    write(names)
    assert tables_instead("data", FORMATS) == (None if said is None else f"{said} with the quotes")


@pytest.mark.parametrize("names", [["a.csv", "b.parquet"], ["a.csv", "sub/"], ["a.csv", "sub/m.py"]])
def test_it_is_told_wherever_such_a_folder_is_given(names, write, here):
    write(names)
    (here / "t.csv").write_text("x,y\n1,0\n2,1\n")
    known = stoker.open("t.csv", label="y")
    for look in (
        lambda: stoker.open("data", label="y"),
        lambda: stoker.open("data", label="y", drop=["x"]),
        lambda: known.like("data", with_label=False),
    ):
        with pytest.raises(DataError, match=r"^data holds 1 \.csv file \(a\.csv\).*'data/\*\.csv'"):
            look()


def test_what_is_wrong_of_it_as_a_folder_by_class_is_told_as_well(write):
    write(["a.csv", "sub/"])
    with pytest.raises(
        DataError, match="as a folder of texts or images by class it cannot be read: data/sub is"
    ):
        stoker.open("data", label="y")


def test_the_folder_where_one_is_has_short_patterns(write, monkeypatch):
    write(["a.csv"])
    monkeypatch.chdir("data")
    assert "for example '*.csv' with the quotes" in str(tables_instead(".", FORMATS))

"""The library speaks Python and the command line speaks flags, of the same options."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stoker
from stoker.cli.flags import with_flags
from stoker.cli.words import names, settings
from stoker.errors import ColumnError


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("raise memory= to 8MB or lower batch_size=", "raise --memory to 8MB or lower --batch-size"),
        ("use task='regression', or leave task= out.", "use --task regression, or leave --task out."),
        ("header=True or header=False", "--header or --no-header"),
        ("say overwrite=True", "say --overwrite"),
        ("drop=['#1'] or types={'zip': 'text'}", "--drop '#1' or --types zip=text"),
        ("files of their own (validation=)", "files of their own (--valid)"),
        ("nothing=here, na or x.label=", "nothing=here, na or x.label="),
    ],
)
def test_options_become_flags(said, meant):
    assert with_flags(said) == meant


@pytest.mark.parametrize("quoted", ["'na='", '"it\'s label= again"', "'a, header=True'"])
def test_what_is_quoted_of_the_data_stays(quoted):
    assert with_flags(f"t.csv: training's column 'a' holds {quoted}: say na='mean'") == (
        f"t.csv: training's column 'a' holds {quoted}: say --na mean"
    )


def _reads_back(name: str) -> bool:
    return bool(name.strip(" ,")) and name == name.strip() and name.isprintable()


@given(st.text(min_size=1, max_size=12).filter(_reads_back))
def test_a_flag_reads_back_as_the_column_it_was_made_of(name):
    flag, value = shlex.split(with_flags(f"drop=[{name!r}]"))
    assert (flag, names([value])) == ("--drop", [name])
    flag, value = shlex.split(with_flags(f"types={{{name!r}: 'text'}}"))
    assert (flag, settings("--types", [value], ["text"])) == ("--types", {name: "text"})


def test_an_error_in_python_names_what_python_takes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "".join(f"{row if row % 9 else ''},{row % 2}\n" for row in range(90)))
    rows = stoker.open(path, label="y")
    with pytest.raises(ColumnError) as refused:
        stoker.Feed(rows).prepare()
    assert "--" not in str(refused.value)
    way_out = str(refused.value).rpartition(": na=")[2].partition("}")[0] + "}"
    assert stoker.Feed(rows, na=eval(way_out)).num_rows == 90  # noqa: S307

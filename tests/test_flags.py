"""The library speaks Python and the command line speaks flags, of the same options."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stoker
from stoker.cli import flags
from stoker.cli.commands import build_command
from stoker.cli.flags import with_flags
from stoker.cli.noting import InFlags
from stoker.cli.scoring import renames
from stoker.cli.words import names, settings
from stoker.errors import ColumnError, OptionError
from stoker.training.progress import Display


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
        ("stoker.verify('runs/a b') tells the same", "stoker verify 'runs/a b' tells the same"),
        ("stoker.resume('a', model=, feed=) alone", "stoker.resume('a', model=, feed=) alone"),
        ("nothing before max_time= gives it more", "nothing before --max-time gives it more"),
        ("the same model= and sizes", "the same --model and sizes"),
    ],
)
def test_options_become_flags(said, meant):
    assert with_flags(said) == meant


@pytest.mark.parametrize("quoted", ["'na='", '"it\'s label= again"', "'a, header=True'"])
def test_what_is_quoted_of_the_data_stays(quoted):
    assert with_flags(f"t.csv: training's column 'a' holds {quoted}: say na='mean'") == (
        f"t.csv: training's column 'a' holds {quoted}: say --na mean"
    )


def test_every_flag_that_python_has_as_an_option_is_known():
    """What only the command line has is named in its own messages alone."""
    alone = {"--json", "--quiet", "--limit", "--import", "--epoch", "--batches", "--doctor", "--vectorizer"}
    alone |= {"--config", "--image-size", "--network", "--disk", "--rows-per-second", "--parameters"}
    known = {*flags._FLAGS.values(), "--help"}
    for name, command in build_command().commands.items():
        if name in ("fetch", "demo"):
            continue
        for parameter in command.params:
            long = {option for option in parameter.opts if option.startswith("--")}
            assert long <= known | alone, name


def test_no_message_of_the_library_names_an_option_that_the_command_line_cannot_say():
    """Options of commands are flags there; calls without a twin among the commands stand as they are."""
    options = {flag[2:].replace("-", "_") for flag in flags._FLAGS.values()} | set(flags._FLAGS)
    for message in messages_of_the_library():
        said = with_flags(message)
        said = re.sub(r"stoker\.\w+\([^()]*\)", "", said)
        left = set(re.findall(r"(?<![\w.'{(])([a-z_]+)=(?=[\s,.;:)]|$)", said))
        assert not left & options, message


def messages_of_the_library():
    """What is raised, and what is noted for a person, wherever it stands in the sources."""
    for path in Path(stoker.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                named = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if named.endswith("Error") or named in ("note", "warn", "_warn"):
                    yield from (_written(each) for each in node.args if _written(each))


def _written(node):
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join("x" if isinstance(each, ast.FormattedValue) else each.value for each in node.values)
    return ""


def test_a_note_on_the_terminal_names_flags():
    said = []

    class Shown(Display):
        def note(self, name, text):
            said.append((name, text))

    InFlags(Shown()).note("resume", "runs/a has used its time: max_time= gives it more")
    assert said == [("resume", "runs/a has used its time: --max-time gives it more")]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["text=review"], "takes OLD=NEW, .*, got 'text=review'; did you mean review=text"),
        (["review=txet"], "review=txet: it must be text or label; did you mean text"),
        (["review"], "takes OLD=NEW, the name in the files and that of training, got 'review'"),
    ],
)
def test_columns_renamed_the_wrong_way_round_are_told_the_right_one(values, said):
    run = SimpleNamespace(spec=SimpleNamespace(features=("text",), label="label", answers=("label",)))
    with pytest.raises(OptionError, match=said):
        renames(values, run)


def test_of_many_columns_a_few_are_listed():
    with pytest.raises(OptionError, match="it must be one of 500: c0, c1, c2, …"):
        settings("--rename", ["a=b"], [f"c{place}" for place in range(500)], "OLD=NEW")


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

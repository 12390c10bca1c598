"""Help, versions, and what is said of commands that cannot be."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from points import write_table

from stoker.cli import main
from stoker.cli.commands import build_command

ROOT = Path(__file__).parents[2]


class TestMistakes:
    def _sentence(self, capsys, *arguments):
        assert main(arguments) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err
        return said.err

    def test_an_unknown_option_gets_the_nearest_one(self, capsys):
        said = self._sentence(capsys, "train", "x.csv", "--epoch", "3")
        assert (
            said
            == "stoker: there is no option --epoch; did you mean --epochs? (stoker train --help lists them)\n"
        )

    def test_an_unknown_command_gets_the_nearest_one(self, capsys):
        assert "Did you mean 'train'?" in self._sentence(capsys, "trian")

    def test_a_number_that_is_none_is_named(self, capsys):
        assert "--epochs" in self._sentence(capsys, "train", "x.csv", "--epochs", "many")

    def test_a_missing_file_is_named(self, capsys, tmp_path):
        assert "nowhere.csv" in self._sentence(capsys, "plan", str(tmp_path / "nowhere.csv"), "--label", "y")

    def test_without_a_label_the_columns_are_listed(self, capsys, table):
        assert "Say --label COLUMN; the columns are id, a, b, kind" in self._sentence(capsys, "plan", table)

    def test_columns_that_other_flags_leave_out_are_listed_for_the_label_too(self, capsys, table):
        said = self._sentence(capsys, "train", table, "--text", "kind")
        assert "Say --label COLUMN; the columns are id, a, b, kind" in said
        said = self._sentence(capsys, "plan", table, "--columns", "a")
        assert "Say --label COLUMN; the columns are id, a, b, kind" in said

    def test_an_absent_label_gets_the_nearest_name(self, capsys, table):
        assert "'kind'" in self._sentence(capsys, "plan", table, "--label", "kinds")

    def test_a_bound_on_bad_rows_without_skipping_has_no_effect(self, capsys, table):
        said = self._sentence(capsys, "plan", table, "--label", "kind", "--max-bad-rows", "3")
        assert "no effect without --on-bad-row skip" in said

    def test_a_file_for_bad_rows_without_quarantine_has_no_effect(self, capsys, table):
        said = self._sentence(capsys, "plan", table, "--label", "kind", "--quarantine", "bad.csv")
        assert "no effect without --on-bad-row quarantine" in said
        assert "say skip" in self._sentence(capsys, "inspect", table, "--on-bad-row", "quarantine")

    def test_a_plan_writes_bad_rows_where_a_file_is_named(self, capsys, tmp_path):
        path = write_table(tmp_path / "table.csv", bad="600,x,1,yes\n")
        flags = ["--label", "kind", "--on-bad-row", "quarantine"]
        bad = tmp_path / "bad.jsonl"
        assert main(["plan", path, *flags]) == 0
        assert "1 row with bad or missing values\n" in capsys.readouterr().out
        assert main(["plan", path, *flags, "--quarantine", str(bad)]) == 0
        assert f"bad ones in {bad}" in capsys.readouterr().out
        assert json.loads(bad.read_text())["text"] == "600,x,1,yes"

    def test_patience_must_be_a_number_or_off(self, capsys, table):
        said = self._sentence(capsys, "train", table, "--label", "kind", "--early-stopping", "soon")
        assert "got 'soon'" in said

    def test_a_directory_that_is_no_run_is_named(self, capsys, tmp_path, table):
        assert str(tmp_path) in self._sentence(capsys, "evaluate", str(tmp_path), table)

    def test_every_problem_of_the_data_is_listed_with_its_flag(self, capsys, tmp_path):
        path = write_table(tmp_path / "bad.csv", bad="600,,1,yes\n601,1,2,no\n602,3\n")
        said = self._sentence(capsys, "plan", path, "--label", "kind", "--na", "error")
        assert "--na a=mean" in said
        assert "--on-bad-row skip" in said


def test_without_arguments_the_help_is_printed(capsys):
    assert main([]) == 0
    assert "Usage: stoker" in capsys.readouterr().out


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert re.fullmatch(r"stoker \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_every_flag_is_in_the_documentation_and_no_other():
    documented = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / "docs" / "cli.md").read_text("utf-8")))
    commands = build_command().commands.values()
    flags = {
        flag
        for command in commands
        for parameter in command.params
        for flag in (*parameter.opts, *parameter.secondary_opts)
        if flag.startswith("--")
    }
    assert flags - {"--output"} | {"--help"} == documented


def test_a_bug_is_told_apart_from_a_mistake(capsys, monkeypatch, table):
    def broken(*arguments):
        raise KeyError("inside")

    monkeypatch.setattr("stoker.cli.plan.open_parts", broken)
    assert main(["plan", table, "--label", "kind"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.endswith("stoker: this is a bug in stoker; please report it with the lines above\n")


def test_ctrl_c_ends_with_130(capsys, monkeypatch, table):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("stoker.cli.plan.open_parts", interrupted)
    assert main(["plan", table, "--label", "kind"]) == 130
    assert capsys.readouterr().err == "stoker: stopped by Ctrl-C\n"


def test_a_ctrl_c_that_a_callback_swallows_comes_again(capsys, monkeypatch, table):
    class Swallowing:
        def __del__(self):
            raise KeyboardInterrupt

    def callback(*arguments):
        Swallowing()
        time.sleep(20)

    monkeypatch.setattr("stoker.cli.plan.open_parts", callback)
    assert main(["plan", table, "--label", "kind"]) == 130

"""``stoker inspect`` as a user meets it."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from stoker.cli import main

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def reviews(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    kinds = [("bad", "dull"), ("good", "fine"), ("good", "fine"), ("good", "fine")]
    rows = [f'{kind},"A {word} film, really."' for kind, word in kinds * 10]
    (tmp_path / "reviews.csv").write_text("\n".join(["verdict,text", *rows]) + "\n")
    return "reviews.csv"


def _plot(said, title):
    """The lines below a title."""
    return said.split(f"\n{title}", 1)[1].split("\n\n")[0].splitlines()[1:]


def test_texts_are_shown_as_plots(capsys, reviews):
    assert main(["inspect", reviews, "--text", "text", "--label", "verdict"]) == 0
    said = capsys.readouterr().out
    assert "reviews.csv · 1.1 kB · 40 rows" in said
    assert "words     4 a row in the middle, 4 to 4" in said
    assert "model     auto takes mlp: 40 rows ÷ 4 words a row = 10, below 1 500: n-grams" in said
    good, bad = _plot(said, "rows by verdict")
    assert re.fullmatch(r"  good  ━+  30   75.0 %", good)
    assert re.fullmatch(r"  bad   ━+╸? +10   25.0 %", bad)
    assert good.count("━") == pytest.approx(3 * bad.count("━"), abs=2)
    assert [line.split()[0] for line in _plot(said, "the most frequent words (4 different)")] == [
        "film",
        "really",
        "fine",
        "dull",
    ]
    assert _plot(said, "the most frequent pairs of words (3 different)")[0].startswith("  film really")


def test_a_line_is_no_longer_than_the_terminal_and_has_no_colours(capsys, reviews, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    assert main(["inspect", reviews, "--text", "text", "--label", "verdict"]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert max(map(len, said.split("rows by", 1)[1].splitlines())) <= 50


def test_what_would_steer_the_terminal_is_not_printed(capsys, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("kind,text\nred\x1b[31m,one\ngreen,two\n")
    assert main(["inspect", str(path), "--text", "text", "--label", "kind"]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "red\ufffd[31m" in said


def test_texts_as_json_are_one_line(capsys, reviews):
    assert main(["inspect", reviews, "--text", "text", "--label", "verdict", "--json"]) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    record = json.loads(said)
    assert record["rows"] == 40
    assert record["labels"]["classes"] == ["bad", "good"]
    assert record["labels"]["counts"] == [10, 30]
    assert (record["median_words"], record["ratio"], record["model"]) == (4.0, 10.0, "mlp")
    assert record["lengths"] == [[4, 40]]
    assert record["words"]["names"][:2] == ["film", "really"]
    assert record["pairs"]["error"] == 0


def test_classes_are_named_where_a_file_beside_the_data_names_them(capsys, tmp_path):
    (tmp_path / "train.csv").write_text('"1","A title","words"\n"2","Other","words"\n"2","More","words"\n')
    (tmp_path / "classes.txt").write_text("World\nSports\n")
    assert main(["inspect", str(tmp_path / "train.csv"), "--format", "zhang"]) == 0
    first, second = _plot(capsys.readouterr().out, "rows by #0")
    assert first.startswith("  2 Sports  ━")
    assert second.startswith("  1 World   ━")


def test_the_first_rows_alone_may_be_looked_at(capsys, reviews):
    assert main(["inspect", reviews, "--text", "text", "--limit", "8", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["rows"], record["labels"]) == (8, None)


def test_many_classes_are_summed_up(capsys, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("kind,text\n" + "".join(f"class {row % 30},some words\n" for row in range(95)))
    assert main(["inspect", str(path), "--text", "text", "--label", "kind"]) == 0
    lines = _plot(capsys.readouterr().out, "rows by kind")
    assert len(lines) == 21
    assert lines[-1].split()[:2] == ["10", "others"]


def test_a_table_is_shown_by_its_columns(capsys, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,note,y\n1,good,0\n4,bad,1\n,bad,1\n")
    assert main(["inspect", str(path), "--label", "y"]) == 0
    said = capsys.readouterr().out
    assert "columns   1 column of numbers" in said
    assert "text      note (--text looks into them)" in said
    assert re.search(r"^x +int +1 +1 +2\.5 +4 +1\.5$", said, re.M)


def test_wide_tables_are_cut_on_the_screen_and_whole_in_json(capsys, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(",".join(f"x{place}" for place in range(60)) + "\n" + ",".join("1" * 60) + "\n")
    assert main(["inspect", str(path)]) == 0
    assert "and 20 more columns; --json has all of them" in capsys.readouterr().out
    assert main(["inspect", str(path), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["columns"]) == 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--label", "verdict"], "no column of numbers but text in 'text': say --text text"),
        (["--text", "texts"], "'text'"),
        (["--text", "text", "--label", "kind"], "'kind'"),
    ],
)
def test_mistakes_are_one_sentence(capsys, reviews, arguments, said):
    assert main(["inspect", reviews, *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1


def test_bad_rows_are_told_with_their_line_or_left_out(capsys, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("kind,text\na,fine words\nb,fine,too many\na,other words\n")
    command = ["inspect", str(path), "--text", "text", "--label", "kind"]
    assert main(command) == 2
    assert "line 3" in capsys.readouterr().err
    assert main([*command, "--on-bad-row", "skip"]) == 0
    assert "2 rows · 1 bad row left out" in capsys.readouterr().out


def test_of_bad_rows_and_blank_labels_it_offers_what_it_takes(capsys, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("kind,a\n" + "0,1\n1,2\n" * 20 + ",3\n1,2,3\n")
    command = ["inspect", str(path), "--label", "kind"]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert [line.rpartition(": ")[2] for line in said.splitlines()[1:]] == ["--on-bad-row skip"] * 2
    assert main([*command, "--on-bad-row", "skip"]) == 0
    assert "40 rows · 2 bad rows left out" in capsys.readouterr().out


@pytest.mark.slow
def test_looking_imports_no_keras(reviews):
    code = (
        "import sys; from stoker.cli import main\n"
        "main(['inspect', 'reviews.csv', '--text', 'text', '--quiet'])\n"
        "print('keras' in sys.modules, 'jax' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout == "False False\n"


@pytest.mark.slow
def test_a_pipe_that_is_closed_early_is_no_bug(reviews):
    command = f"{sys.executable} -m stoker inspect {reviews} --text text | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=100)
    assert "Traceback" not in done.stderr

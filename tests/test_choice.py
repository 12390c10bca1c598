"""Which model suits texts, by the guide's rule; the plan says which, and why."""

from __future__ import annotations

import json

import pytest

import stoker
from stoker.choice import choose_text_model
from stoker.cli import main


@pytest.mark.parametrize(
    ("num_rows", "words", "model"),
    [
        (25_000, 174, "mlp"),
        (149_999, 100, "mlp"),
        (150_000, 100, "sepcnn"),
        (3_600_000, 72.5, "sepcnn"),
        (1_499, 0, "mlp"),
        (1_500, 0, "sepcnn"),
        (1_500, 1, "sepcnn"),
    ],
)
def test_below_1500_rows_for_each_word_of_a_row_ngrams_are_taken(num_rows, words, model):
    chosen, reason = choose_text_model(num_rows, words)
    assert chosen == model
    assert ("below 1 500" in reason, "not below 1 500" in reason) == (True, model == "sepcnn")
    assert stoker.models.choose is choose_text_model


@pytest.mark.parametrize(
    ("num_rows", "kind", "why"),
    [
        (1_499, "sparse", "1 499 rows ÷ 1 words a row = 1 499, below 1 500: n-grams (--model, --vectorizer)"),
        (1_500, "tokens", "1 500 rows ÷ 1 words a row = 1 500, not below 1 500: words in their order"),
    ],
)
def test_the_plan_says_which_model_auto_takes_and_why(tmp_path, capsys, num_rows, kind, why):
    rows = "".join(f"{'ab'[row % 2]},{'yes' if row % 2 else 'no'}\n" for row in range(num_rows))
    (tmp_path / "t.csv").write_text(f"label,text\n{rows}")
    (tmp_path / "v.csv").write_text("label,text\na,no\nb,yes\n")
    flags = ("--valid", str(tmp_path / "v.csv"), "--text", "text", "--label", "label", "--model", "auto")
    assert main(["plan", str(tmp_path / "t.csv"), *flags]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert why in said
    assert main(["plan", str(tmp_path / "t.csv"), *flags, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["spec"]["input_kind"] == kind

"""How what is written behind an option is taken apart."""

from __future__ import annotations

import pytest

from stoker.cli.words import missing_values, names, settings
from stoker.errors import OptionError


class TestWords:
    def test_names_may_be_repeated_and_take_commas(self):
        assert names(["a, b", "c"]) == ["a", "b", "c"]

    def test_a_quoted_name_may_hold_a_comma(self):
        assert names(['"a, b",c']) == ["a, b", "c"]

    def test_a_column_may_hold_an_equals_sign(self):
        assert settings("--types", ["x=y=int"], ("int", "text")) == {"x=y": "int"}

    def test_a_pair_without_an_equals_sign_is_explained(self):
        with pytest.raises(OptionError, match=r"--types takes COLUMN=int\|text, got 'zip'"):
            settings("--types", ["zip"], ("int", "text"))

    def test_a_wrong_choice_gets_the_nearest_one(self):
        with pytest.raises(OptionError, match="did you mean text"):
            settings("--types", ["zip=txt"], ("int", "text"))

    def test_missing_values_have_one_rule_for_all(self):
        assert missing_values(None, ["a"]) == "error"
        assert missing_values(["mean"], ["a"]) == "mean"

    def test_missing_values_have_a_rule_for_some_columns(self):
        assert missing_values(["b=zero"], ["a", "b"]) == {"b": "zero"}
        assert missing_values(["mean,b=zero"], ["a", "b"]) == {"a": "mean", "b": "zero"}

    def test_two_rules_for_all_columns_contradict_one_another(self):
        with pytest.raises(OptionError, match="one rule for all columns, got mean and zero"):
            missing_values(["mean", "zero"], ["a"])

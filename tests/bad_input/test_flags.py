"""Flags that cannot be, contradict one another, or would have no effect."""

import pytest

PLAN = ("plan", "t.csv", "--label", "kind")


@pytest.fixture(autouse=True)
def _table(write):
    write("t.csv")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--drop nope", "t.csv: drop: column 'nope' is absent; its columns are 'a', 'b', 'kind'"),
        ("--columns nope", "t.csv: column 'nope' is absent"),
        ("--group nope", "column 'nope' is absent"),
        ("--group a --valid t.csv", "--group has no effect beside files to validate on"),
        ("--columns a --drop a", "'a' is both in columns and in drop; name it in one of them"),
        ("--columns a,a", "column 'a' is named twice; name it once"),
        ("--drop=", "--drop got '', which names nothing; leave it out or name a column"),
        ("--columns=,", "--columns got ',', which names nothing"),
        ("--na=", "--na got '', which names nothing"),
        ("--types nope=int", "t.csv: types: column 'nope' is absent"),
        ("--types a=number", "--types a=number: it must be int, float, text, bytes, ints or floats"),
        ("--types a", "--types takes COLUMN=int|float|text|bytes|ints|floats, got 'a'"),
        ("--types a=int,a=float", "--types gives 'a' two values, int and float; give it one"),
        ("--types a=int --drop a", "types: 'a' is not used, so its type has no effect; leave it out"),
        ("--na a=mean,a=zero", "--na gives 'a' two values, mean and zero; give it one"),
        ("--na mean,zero", "--na takes one rule for all columns, got mean and zero"),
        ("--na mode", "--na mode: it must be error, mean, zero or drop-row"),
        ("--na nope=mean", "na names the column 'nope', which is not used"),
        ("--na kind=mean", "na: 'kind' is the label, or what rows weigh, and nothing can take its place"),
        ("--max-bad-rows 3", "--max-bad-rows has no effect without --on-bad-row skip"),
        ("--max-bad-rows -1 --on-bad-row skip", "--max-bad-rows"),
        ("--on-bad-row ignore", "'ignore' is not one of 'error', 'skip'"),
        ("--delimiter ab", "delimiter must be one ASCII character that stands in no number and ends no line"),
        ("--delimiter=", "delimiter must be one ASCII character"),
        ("--delimiter 7", "delimiter must be one ASCII character"),
        ("--delimiter é", "got 'é'"),
        ("--quote ab", "quote must be one ASCII character"),
        ("--quote ; --delimiter ;", "delimiter and quote are both ';'; they must differ"),
        ("--limit 0", "'--limit': it must be at least 1, got '0'"),
        ("--limit 2", "none of the 100 rows is left to validate on; give more rows, or files of their own"),
        ("--epochs 0", "'--epochs': it must be at least 1, got '0'"),
        ("--epochs 1e9", "'--epochs'"),
        ("--batch-size 0", "'--batch-size'"),
        ("--batch-size 99999999999", "raise --memory to"),
        ("--seed -1", "'--seed'"),
        ("--seed 99999999999999999999999", "seed must be an integer in [0, 2**64)"),
        ("--shuffle maybe", "'maybe' is not one of 'block', 'exact', 'none'"),
        ("--task binay", "'binay' is not one of 'auto', 'binary', 'classes', 'regression'"),
        ("--memory lots", "memory must be a size such as 64MB, 1.5GiB or 800000 bytes, got 'lots'"),
        ("--memory 0", "memory must be at least one byte, got '0'"),
        ("--memory -5MB", "got '-5MB'"),
        ("--cache sometimes", "'sometimes' is not one of 'auto', 'always', 'never'"),
        ("--valid", "'--valid' requires an argument"),
        ("--lable kind", "there is no option --lable; did you mean --label?"),
        ("--run there", "there is no option --run"),
    ],
)
def test_a_wrong_flag_is_told_with_the_way_out(refused, flags, words):
    assert words in refused(*PLAN, *flags.split())


def test_a_name_of_one_letter_is_not_offered_with_two_dashes(refused):
    said = refused("predict", "run", "t.csv", "--o", "out.csv")
    assert said == "there is no option --o (stoker predict --help lists them)"


def test_an_empty_label_is_refused(refused):
    assert "--label got '', which names nothing" in refused("plan", "t.csv", "--label", "")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            "--model mlpp",
            "model must be auto, mlp, linear, sepcnn, cnn or package.module:build, got 'mlpp'; did you mean "
            "mlp?",
        ),
        ("--model nope:build", "there is no module 'nope'; is its folder on the Python path?"),
        ("--model json:nope", "json has no function 'nope'"),
        ("--model :", "with a name on both sides, got ':'"),
        ("--model json:loads --learning-rate 1", "learning_rate has no effect on a model of your own"),
        ("--model json:loads --metric auc", "metrics has no effect on a model of your own"),
        ("--learning-rate 0", "learning_rate must be positive, got 0.0"),
        ("--learning-rate nan", "learning_rate must be positive, got nan"),
        (
            "--validate-every soon",
            "--validate-every must be a time such as '90s', '30min' or '2h', got 'soon'",
        ),
        ("--validate-every 0steps", "--validate-every must be at least 1 step"),
        ("--max-time 0", "--max-time must be a time such as '90s', '30min' or '2h', got '0'"),
        ("--early-stopping 0", "--early-stopping takes a number of validations from 1 on, or off, got '0'"),
        ("--class-weight heavy", "'heavy' is not one of 'balanced'"),
        ("--run t.csv", "t.csv is a file, and a run needs a folder: choose another --run"),
        ("--run=", "--run needs the name of a folder"),
    ],
)
def test_a_wrong_flag_of_training_is_told_before_anything_is_read(refused, here, flags, words):
    assert words in refused("train", "t.csv", "--label", "kind", *flags.split())
    assert not (here / ".stoker").exists()


def test_weights_for_classes_have_no_effect_on_regression(refused):
    said = refused(
        "train",
        "t.csv",
        "--label",
        "a",
        "--drop",
        "kind",
        "--task",
        "regression",
        "--class-weight",
        "balanced",
    )
    assert said == "class_weight has no effect on regression: leave it out"


def test_a_batch_larger_than_the_data_is_no_mistake(accepted):
    assert "1 step of 5 000 rows an epoch" in accepted(*PLAN, "--batch-size", "5000")


def test_a_limit_beyond_the_end_is_no_mistake(accepted):
    assert "90 to train on, 10 to validate on" in accepted(*PLAN, "--limit", "5000")


def test_an_own_function_that_fails_is_told_from_a_bug(refused, here, monkeypatch):
    monkeypatch.syspath_prepend(str(here))
    (here / "broken_for_test.py").write_text("def build(spec):\n    return 1 / 0\n")
    said = refused("train", "t.csv", "--label", "kind", "--model", "broken_for_test:build", "--quiet")
    assert "model 'broken_for_test:build' failed with ZeroDivisionError: division by zero" in said
    assert said.endswith("broken_for_test.py, line 2)")


def test_a_flag_given_twice_is_refused_with_both_values(refused):
    said = refused("plan", "t.csv", "--label", "kind", "--memory", "1GB", "--memory=2GB")
    assert "--memory takes one value and was given '1GB' and '2GB'" in said

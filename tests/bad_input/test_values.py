"""Single values and rows that cannot be used; every flag that a message names must settle it."""

import itertools
import json

import pytest

KINDS = ("no", "yes")
PLAN = ("plan", "t.csv", "--label", "kind", "--transform", "ask")
"""Nothing is chosen: what is not settled is refused."""


def _numbers(accepted, *flags):
    """Rows used and rows left out, under flags that settle everything."""
    record = json.loads(accepted(*PLAN, *flags, "--json").splitlines()[-1])
    return record["rows"] + record["validation_rows"], record["slots"]


def test_a_ragged_row_is_named_with_file_line_and_row(refused, accepted, write):
    write("t.csv", spoilt={40: "1,2"})
    said = refused(*PLAN)
    assert said == (
        "t.csv cannot be used as it is:\n"
        "  1 row with a wrong number of fields, first at t.csv, line 42 (row 40), '1,2': "
        "--on-bad-row skip or --on-bad-row quarantine"
    )
    assert _numbers(accepted, "--on-bad-row", "skip") == (99, 100)


def test_a_ragged_row_of_the_second_file_is_named_there(refused, write):
    write("t.csv")
    write("u.csv", spoilt={0: "1,2,no,4"})
    assert "first at u.csv, line 2 (row 100), '1,2,no,4'" in refused(
        "plan", "t.csv", "u.csv", "--label", "kind"
    )


@pytest.fixture
def deep(write):
    """Numbers wherever a sample may look, and text at row 31,337."""
    write("t.csv", 32_000, spoilt={31_337: "1,seven,no"})


def test_text_among_numbers_at_row_31_337_is_named_with_line_and_row(refused, deep):
    assert refused(*PLAN) == (
        "t.csv cannot be used as it is:\n"
        "  column 'b': 1 value that is no number, first at t.csv, line 31,339 (row 31,337), 'seven': "
        "--on-bad-row skip or --on-bad-row quarantine or --drop b"
    )


@pytest.mark.parametrize(("flags", "rows"), [(("--on-bad-row", "skip"), 31_999), (("--drop", "b"), 32_000)])
def test_text_among_numbers_is_settled_by_what_the_message_names(accepted, deep, flags, rows):
    assert _numbers(accepted, *flags) == (rows, 32_000)


def test_bad_rows_beyond_the_bound_are_counted_and_named(refused, accepted, write):
    write("t.csv", spoilt={40: "1,2", 50: "1,x,no"})
    bounded = ("--on-bad-row", "skip", "--max-bad-rows")
    said = refused(*PLAN, *bounded, "1")
    assert said.startswith(
        "t.csv: 2 rows cannot be parsed, and at most 1 may be skipped "
        "(--max-bad-rows); correct them or allow 2:"
    )
    assert "first at t.csv, line 42 (row 40), '1,2'" in said
    assert "column 'b': 1 value that is no number, first at t.csv, line 52 (row 50), 'x'" in said
    assert _numbers(accepted, *bounded, "2") == (98, 100)


@pytest.mark.parametrize("text", ["inf", "-Infinity", "1e400"])
def test_values_that_are_not_finite_are_named_and_settled(refused, accepted, write, text):
    write("t.csv", spoilt={70: f"{text},2,no"})
    assert refused(*PLAN).endswith(
        f"column 'a': 1 value that is not finite, first at t.csv, line 72 (row 70), {text!r}: "
        "--on-bad-row skip or --on-bad-row quarantine or --drop a"
    )
    assert _numbers(accepted, "--on-bad-row", "skip") == (99, 100)
    assert _numbers(accepted, "--drop", "a") == (100, 100)
    assert "not finite" in refused(*PLAN, "--na", "mean")


@pytest.mark.parametrize("text", ["", "NaN", "NA", "null"])
def test_blank_values_are_named_with_every_way_out(refused, write, text):
    write("t.csv", spoilt={70: f"{text},2,no", 80: f"{text},3,no"})
    shown = f", {text!r}" if text else ""
    assert refused(*PLAN) == (
        "t.csv cannot be used as it is:\n"
        f"  column 'a': 2 blank values, first at t.csv, line 72 (row 70){shown}: "
        "--na a=mean, --na a=zero, --na a=drop-row or --drop a"
    )


@pytest.mark.parametrize(
    ("flags", "rows"),
    [
        (("--na", "a=mean"), 100),
        (("--na", "a=zero"), 100),
        (("--na", "a=drop-row"), 98),
        (("--na", "drop-row"), 98),
        (("--drop", "a"), 100),
    ],
)
def test_blank_values_are_settled_by_what_the_message_names(accepted, write, flags, rows):
    write("t.csv", spoilt={70: ",2,no", 80: "NaN,3,no"})
    assert _numbers(accepted, *flags) == (rows, 100)


def test_a_rule_for_one_column_does_not_settle_another(refused, write):
    write("t.csv", spoilt={70: ",,no"})
    assert "column 'b': 1 blank value" in refused(*PLAN, "--na", "a=mean")


@pytest.mark.parametrize("kinds", [("no", "yes"), ("0", "1")])
def test_a_blank_label_can_only_be_dropped(refused, accepted, write, kinds):
    labels = itertools.cycle(kinds)
    write("t.csv", spoilt={row: f"{row},2,{next(labels) if row != 30 else ''}" for row in range(100)})
    said = refused(*PLAN)
    assert said.endswith("column 'kind': 1 blank value, first at t.csv, line 32 (row 30): --na kind=drop-row")
    assert _numbers(accepted, "--na", "kind=drop-row") == (99, 100)
    assert "nothing can take its place, got 'mean'; drop its rows instead with --na kind=drop-row" in refused(
        *PLAN, "--na", "kind=mean"
    )


def test_invalid_utf8_in_a_label_is_shown_byte_by_byte(refused, accepted, write):
    write("t.csv", spoilt={50: b"1,2,caf\xe9"})
    assert refused(*PLAN).endswith(
        r"column 'kind': 1 value that is not UTF-8, first at t.csv, line 52 (row 50), 'caf\xe9': "
        "convert the file (iconv -f WINDOWS-1252 -t UTF-8 t.csv > utf8.csv) or "
        "--on-bad-row skip or --on-bad-row quarantine"
    )
    assert _numbers(accepted, "--on-bad-row", "skip") == (99, 100)


def test_invalid_utf8_in_a_numeric_column_is_no_number(refused, write):
    write("t.csv", spoilt={50: b"1,\xe9,no"})
    assert r"column 'b': 1 value that is no number, first at t.csv, line 52 (row 50), '\xe9'" in refused(
        *PLAN
    )


def test_a_quote_that_is_never_closed_is_placed(refused, write):
    write("t.csv", 3_000, spoilt={0: '1,"2",no', 1: '"1",2,no', 2_500: '1,"2,no'})
    said = refused(*PLAN)
    assert "t.csv" in said
    assert "line 2,502" in said or "line 2502" in said
    assert "quote" in said


@pytest.mark.parametrize("held", ["int", "float"])
def test_a_fraction_among_whole_numbers_names_the_type_that_takes_it(refused, accepted, write, held):
    write("t.csv", spoilt={60: "1.5,2,no"})
    flags = ("--types", f"a={held}")
    if held == "float":
        assert _numbers(accepted, *flags) == (100, 100)
        return
    ways = "--types a=float or --on-bad-row skip or --on-bad-row quarantine or --drop a"
    assert f"'1.5': {ways}" in refused(*PLAN, *flags)


def test_text_that_a_column_was_held_to_is_told(refused, write):
    write("t.csv")
    said = refused(*PLAN, "--types", "a=text")
    assert "column 'a': 100 rows of text beside numbers, of which nobody says what it becomes" in said
    assert (
        "--drop a, or --types a=int if these are numbers, or --text a to learn from it alone, or "
        "--transform auto" in said
    )


def test_a_label_held_to_a_wrong_type_is_the_only_problem_named(refused, write):
    write("t.csv")
    said = refused(*PLAN, "--types", "kind=int")
    assert "column 'kind': 100 values that are no numbers" in said
    assert "--types kind=text" in said
    assert "of one class" not in said


def test_integers_that_are_too_long_for_a_label_name_the_type_that_takes_them(refused, accepted, write):
    write("t.csv", spoilt={row: f"1,2,{10**30 + row % 2}" for row in range(100)})
    said = refused(*PLAN)
    assert "integers beyond 2**53" in said
    assert "--types kind=text" in said
    assert _numbers(accepted, "--types", "kind=text") == (100, 100)


def test_a_table_of_blanks_names_every_column(refused, write):
    write("t.csv", spoilt=dict.fromkeys(range(100), ",,"))
    said = refused(*PLAN)
    assert [line.split(":")[0] for line in said.splitlines()[1:]] == [
        "  column 'a'",
        "  column 'b'",
        "  column 'kind'",
    ]
    assert refused(*PLAN, "--na", "drop-row").startswith("t.csv: no row is left to use of 100")


def test_a_column_without_a_value_has_no_mean(refused, accepted, write):
    write("t.csv", spoilt={row: f",{row % 3},{KINDS[row % 2]}" for row in range(100)})
    assert (
        "column 'a': 100 blank values, first at t.csv, line 2 (row 0): no row has a value: --drop a"
        in refused(*PLAN, "--na", "mean")
    )
    assert _numbers(accepted, "--drop", "a") == (100, 100)


def test_hundreds_of_bad_columns_are_all_named_in_a_few_lines(refused, here):
    names = [f"c{place}" for place in range(400)]
    row = ",".join("x" if place % 2 else "" for place in range(400))
    (here / "t.csv").write_text(",".join(names) + ",kind\n" + f"{row},no\n{row},yes\n" * 10)
    said = refused(*PLAN)
    assert len(said.splitlines()) < 30
    assert [name for name in names if f"'{name}'" not in said] == []
    assert "for all columns at once: --na zero" in said.splitlines()[-1]


def test_control_characters_of_a_file_do_not_reach_the_terminal(refused, write):
    write("t.csv", spoilt={40: "1,\x1b[31mred,no"})
    said = refused(*PLAN)
    assert "\x1b" not in said
    assert r"'\x1b[31mred'" in said


def test_a_long_value_is_cut(refused, write):
    write("t.csv", spoilt={40: f"1,{'z' * 5_000},no"})
    assert len(refused(*PLAN)) < 300


@pytest.fixture
def hopeless(write):
    """A column of words that is said to hold numbers: no row is good, and column a has a blank besides."""
    return write(
        "t.csv", spoilt={row: f"{'' if row == 3 else row},w{row},{KINDS[row % 2]}" for row in range(100)}
    )


@pytest.mark.parametrize("flags", [(), ("--on-bad-row", "skip"), ("--on-bad-row", "skip", "--na", "mean")])
def test_a_column_that_makes_every_row_bad_is_blamed_and_skipping_is_not_offered(
    refused, accepted, hopeless, flags
):
    said = refused(*PLAN, "--types", "b=float", *flags)
    assert (
        "column 'b': 100 values that are no numbers, first at t.csv, line 2 (row 0), 'w0': --drop b" in said
    )
    assert "--on-bad-row skip" not in said
    assert "no row" not in said
    assert _numbers(accepted, "--drop", "b", "--na", "mean") == (100, 100)


def test_rows_that_are_all_ragged_are_not_offered_to_be_skipped(refused, write):
    write("t.csv", header="a,b,kind", spoilt={row: f"{row},2,no,9" for row in range(100)})
    assert "--on-bad-row skip" not in refused(*PLAN, "--header")


def test_a_column_without_a_value_is_offered_only_what_helps(refused, accepted, write):
    write("t.csv", spoilt={row: f",{row},{KINDS[row % 2]}" for row in range(100)})
    said = refused(*PLAN, "--types", "a=float")
    assert (
        "column 'a': 100 blank values, first at t.csv, line 2 (row 0): no row has a value: --na a=zero or"
        in said
    )
    assert _numbers(accepted, "--types", "a=float", "--na", "a=zero") == (100, 100)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.sources.inference import has_header, kind_of, plain_columns


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", "+3", "0"], "int"),
        (["1", "", "NA", "7"], "int"),
        (["1", "2.5"], "float"),
        ([".5", "5.", "1e-3", "inf"], "float"),
        (["0.5", "0"], "float"),
        (["", "NaN"], "float"),
        ([], "float"),
        (["007", "12"], "text"),
        (["12", "x"], "text"),
        (["1 000"], "text"),
        (["1\n2"], "text"),
        (["2024-01-01"], "text"),
    ],
)
def test_a_kind_is_what_all_values_are(values, kind):
    assert kind_of(values) == kind


def test_a_rare_text_among_many_numbers_leaves_a_feature_numeric_but_not_a_label():
    values = [str(value) for value in range(1, 50)] + ["unknown"]
    assert kind_of(values) == "int"
    assert kind_of(values, strict=True) == "text"


def test_a_row_with_a_number_is_no_header():
    assert not has_header([["1", "a"], ["2", "b"]], ())
    assert not has_header([["a", "2.5"], ["b", "1"]], ())


def test_names_over_a_column_of_numbers_are_a_header():
    assert has_header([["size", "kind"], ["1", "a"], ["2", "b"]], ())


def test_names_that_come_back_below_are_values():
    assert not has_header([["spam", "hello"], ["ham", "how are you"], ["spam", "win"]], ())


def test_names_of_texts_alone_are_a_header():
    assert has_header([["label", "text"], ["spam", "win"], ["ham", "hi"]], ())


def test_sentences_are_no_names():
    assert not has_header([["spam", "Win, now! " * 20], ["ham", "hi"]], ())


def test_what_the_user_asks_for_settles_it():
    assert has_header([["1", "2"], ["3", "4"]], ("2",))
    assert not has_header([["size", "kind"], ["big", "a"]], ("#0",))
    assert has_header([["size", "kind"], ["1", "a"]], ("#0",))


def test_the_nameless_index_column_of_pandas_does_not_hide_a_header():
    assert has_header([["", "size"], ["0", "5"]], ())


FIELDS = st.sampled_from(
    ["0", "7", "12", "00", "012", "", " 1", "-3", "2.5", "a", "\xff", "12345678901234567890"]
)


@given(st.lists(st.tuples(FIELDS, FIELDS, FIELDS), min_size=1, max_size=6), st.booleans())
def test_plain_columns_are_those_of_unpadded_digits_alone(records, is_terminated):
    text = "\n".join(",".join(record) for record in records) + "\n" * is_terminated
    plain = plain_columns(text, ",", 3).tolist()
    if is_terminated or records[-1] != ("", "", ""):
        columns = list(zip(*records, strict=True))
        assert plain == [
            all(value.isascii() and value.isdigit() and str(int(value)) == value for value in column)
            for column in columns
        ]


def test_no_column_is_called_plain_where_a_record_has_another_number_of_fields():
    assert not plain_columns("1,2\n3\n4,5\n", ",", 2).any()
    assert not plain_columns("1,2\n3\n4\n", ",", 2).any()
    assert not plain_columns("1,2\n\n4,5\n", ",", 2).any()

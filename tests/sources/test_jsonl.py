"""JSON objects, one a line: every value as Python's json reads it, whichever way it is read."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from reading import PACK, column, dense, index_of
from stoker.errors import BadRowError, ColumnError, DataError, OptionError
from stoker.sources import IssueKind, Source
from stoker.survey import survey

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)


def lines_file(folder: Path, *lines: str | bytes, name: str = "data.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))
    return path


def read(source: Source):
    """Rows and issues of a small file."""
    (chunk,) = source.chunks(1 << 20)
    return source.parse(chunk)


def found(source: Source) -> list[tuple[int, str | None, IssueKind, str]]:
    issues = read(source).issues
    return [
        (int(issues.rows[place]), issues.column(place), IssueKind(issues.kinds[place]), issues.text(place))
        for place in range(len(issues))
    ]


def test_columns_have_the_names_of_their_keys_and_of_the_objects_that_hold_them(here):
    path = lines_file(here, '{"a": 1, "user": {"name": "x", "home": {"zip": "007"}}, "label": true}')
    source = stoker.open(path, label="label")
    kinds = [(spec.name, spec.kind) for spec in source.columns]
    assert kinds == [("a", "int"), ("user.name", "text"), ("user.home.zip", "text"), ("label", "int")]


@given(
    st.lists(
        st.fixed_dictionaries(
            {"label": st.booleans()},
            optional={"n": NUMBERS | st.none(), "t": TEXTS, "in": st.fixed_dictionaries({"k": NUMBERS})},
        ),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=examples(60))
def test_values_are_those_of_pythons_json(tmp_path_factory, records):
    records[0] |= {"n": 0.5, "t": "a", "in": {"k": 0.5}}
    path = lines_file(tmp_path_factory.mktemp("json"), *map(json.dumps, records))
    source = stoker.open(path, label="label")
    rows = read(source).rows
    numbers = dense(rows)
    for row, record in enumerate(records):
        expected = {"n": record.get("n"), "in.k": record.get("in", {}).get("k")}
        for place, name in enumerate(rows.features):
            value = math.nan if expected[name] is None else float(expected[name])
            assert numbers[row, place] == value or (math.isnan(value) and math.isnan(numbers[row, place]))
    assert column(rows, "t") == [record.get("t", "") for record in records]
    assert column(rows, "label") == [int(record["label"]) for record in records]


@given(
    st.lists(
        st.sampled_from(['{"n":1,"t":"a","l":0}', '{"n":-2.5,"l":1}', '{"t":"é","l":0,"n":null}']), min_size=1
    )
)
@settings(max_examples=examples(40))
def test_arrow_and_reading_line_by_line_agree(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("json")
    first = '{"n":0.5,"t":"b","l":1}'
    quick = stoker.open(lines_file(folder, first, *lines, name="quick.jsonl"), label="l")
    # A text among numbers, in a column that is not used to learn from, has all be read line by line.
    odd = '{"n":0.5,"t":"b","l":"x"}'
    slow = stoker.open(
        lines_file(folder, first, *lines, odd, name="slow.jsonl"), label="l", types={"l": "int"}
    )
    count = len(lines) + 1
    one, other = read(quick), read(slow)
    assert np.array_equal(dense(one.rows), dense(other.rows)[:count], equal_nan=True)
    assert column(one.rows, "t") == column(other.rows, "t")[:count]
    blanks = [(row, name) for row, name, kind, _ in found(slow) if kind is IssueKind.BLANK]
    assert [(row, name) for row, name, kind, _ in found(quick) if kind is IssueKind.BLANK] == blanks


@pytest.mark.parametrize(
    ("line", "name", "kind", "shown"),
    [
        ('{"n": "abc", "l": 0}', "n", IssueKind.NOT_A_NUMBER, '"abc"'),
        ('{"n": "012", "l": 0}', "n", IssueKind.NOT_A_NUMBER, '"012"'),
        ('{"n": [1, 2], "l": 0}', "n", IssueKind.NOT_A_NUMBER, "[1, 2]"),
        ('{"n": 1e400, "l": 0}', "n", IssueKind.NOT_FINITE, "1e400"),
        ('{"n": -Infinity, "l": 0}', "n", IssueKind.NOT_FINITE, "-Infinity"),
        ('{"n": NaN, "l": 0}', "n", IssueKind.BLANK, ""),
        ('{"n": "", "l": 0}', "n", IssueKind.BLANK, ""),
        ('{"l": 0}', "n", IssueKind.BLANK, ""),
        ('{"n": 1}', "l", IssueKind.BLANK, ""),
        ('{"n": 1, "l": 0.5}', "l", IssueKind.NOT_A_NUMBER, "0.5"),
        ('{"n": 1, "l": 0', None, IssueKind.MALFORMED, '{"n": 1, "l": 0'),
        ('{"n": 1, "l": 0}{}', None, IssueKind.MALFORMED, '{"n": 1, "l": 0}{}'),
        ('{"n": 1, "n": 2, "l": 0}', None, IssueKind.MALFORMED, '{"n": 1, "n": 2, "l": 0}'),
        ("[1, 2]", None, IssueKind.MALFORMED, "[1, 2]"),
        ("  ", None, IssueKind.MALFORMED, ""),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_its_text(here, line, name, kind, shown):
    path = lines_file(here, '{"n": 1.5, "l": 1}', line, '{"n": 2.5, "l": 0}')
    source = stoker.open(path, label="l", types={"n": "float", "l": "int"})
    assert found(source) == [(1, name, kind, shown)]
    values = dense(read(source).rows)[:, 0]
    assert values[0] == 1.5
    assert values[2] == 2.5


@pytest.mark.parametrize(
    ("line", "is_malformed"),
    [
        ('{"n": 1, "z": 1, "z": 2, "o": {"k": 1}, "l": 0}', False),
        ('{"n": 1, "z": {"n": 1, "n": 2}, "o": {"k": 1}, "l": 0}', False),
        ('{"n": 1, "o": {"k": 1, "z": 2, "z": 3}, "l": 0}', False),
        ('{"n": 1, "o": {"k": 1, "n": 2, "n": 3}, "l": 0}', False),
        ('{"n": 1, "o": {"k": 1, "k": 1}, "l": 0}', True),
        ('{"n": 1, "o": {"k": 1}, "o": {"z": 1}, "l": 0}', True),
        ('{"n": 1, "o": null, "o": {"k": 1}, "l": 0}', True),
        ('{"n": 1, "\\u006e": 1, "o": {"k": 1}, "l": 0}', True),
    ],
)
@pytest.mark.parametrize(
    "neighbour", ['{"n": 2, "o": {"k": 2}, "l": 1}', '{"n": "x", "o": {"k": 2}, "l": 1}']
)
def test_a_repeated_key_is_wrong_where_it_is_used_whatever_stands_in_other_lines(
    here, line, is_malformed, neighbour
):
    path = lines_file(here, '{"n": 1.5, "o": {"k": 0.5}, "l": 1}', line, neighbour)
    source = stoker.open(path, label="l", columns=["n", "o.k"], types={"n": "float"})
    malformed = [row for row, _, kind, _ in found(source) if kind is IssueKind.MALFORMED]
    assert malformed == [1] * is_malformed
    if not is_malformed:
        assert dense(read(source).rows)[1].tolist() == [1, 1]


@pytest.mark.parametrize("value", ["0", "false", '""'])
def test_what_stands_beside_objects_is_a_column_and_null_is_none(here, value):
    first = '{"a": {"b": 1}, "l": 0}'
    path = lines_file(here, first, f'{{"a": {value}, "l": 1}}')
    assert {spec.name for spec in stoker.open(path, label="l").columns} == {"a", "a.b", "l"}
    path = lines_file(here, first, '{"a": null, "l": 1}')
    assert {spec.name for spec in stoker.open(path, label="l").columns} == {"a.b", "l"}


def test_a_text_that_is_not_utf8_is_wrong_but_for_texts_to_learn_from(here):
    path = lines_file(here, '{"t": "a", "l": "x"}', b'{"t": "caf\xe9", "l": "y"}')
    assert found(stoker.open(path, label="l"))[0][:3] == (1, "t", IssueKind.BAD_TEXT)
    source = stoker.open(path, label="l", text="t")
    assert not found(source)
    assert column(read(source).rows, "t") == ["a", "caf\ufffd"]


def test_half_a_surrogate_pair_becomes_a_replacement_character(here):
    path = lines_file(here, r'{"t": "a\ud800", "l": 0}')
    assert column(read(stoker.open(path, label="l", text="t")).rows, "t") == ["a\ufffd"]


def test_numbers_in_a_column_of_text_come_as_they_stand(here):
    path = lines_file(here, '{"t": "a", "l": 0}', '{"t": 1.50, "l": 1}', '{"t": [1.5, true], "l": 1}')
    source = stoker.open(path, label="l", types={"t": "text"})
    assert column(read(source).rows, "t") == ["a", "1.50", "[1.5, true]"]


def test_a_column_that_comes_along_is_text_as_it_stands(here):
    path = lines_file(here, '{"x": 1, "id": 1.50, "l": 0}', '{"x": 2, "l": 1}')
    source = stoker.open(path, label="l", columns=["x"]).keeping(["id"])
    assert column(read(source).rows, "id") == ["1.50", ""]


def test_integers_are_packed_as_narrowly_as_they_can_be(here):
    path = lines_file(here, '{"x": 1, "y": 255, "l": 0}', '{"x": 2, "y": 0, "l": 1}')
    assert read(stoker.open(path, label="l")).dtype == np.uint8
    path = lines_file(here, '{"x": 1, "y": -1, "l": 0}', f'{{"x": {2**40}, "y": 0, "l": 1}}')
    assert read(stoker.open(path, label="l")).dtype == np.int64


@pytest.mark.parametrize("suffix", sorted(PACK))
def test_compressed_files_are_read(here, suffix):
    plain = b"".join(json.dumps({"x": row, "l": row % 2}).encode() + b"\n" for row in range(2_000))
    (here / f"data.jsonl{suffix}").write_bytes(PACK[suffix](plain))
    source = stoker.open(here / f"data.jsonl{suffix}", label="l")
    found = survey(source, stored=False, keep_bytes=1 << 20)
    assert found.num_rows == 2_000
    assert found.statistics.mean.tolist() == [999.5]


def test_a_view_and_the_index_work_as_with_tables(here):
    path = lines_file(here, *(json.dumps({"x": row, "l": row % 2}) for row in range(1_000)))
    source = stoker.open(path, label="l")
    index, dtype = index_of(source)
    rows = source.reader(index, None, dtype).read(np.array([5, 500, 999]))
    assert dense(rows)[:, 0].tolist() == [5, 500, 999]
    assert source.table.place_of(0, int(index.anchor_offsets[0])).endswith("line 1")


@pytest.mark.parametrize("tags", ['["a"]', "[[1]]", '[{"b": 1}]'])
def test_a_list_of_no_numbers_names_the_column_and_the_way_out(here, tags):
    path = lines_file(here, f'{{"tags": {tags}, "l": 0}}')
    with pytest.raises(ColumnError, match=r"'tags' holds lists.*drop=\['tags'\]"):
        stoker.open(path, label="l")


LISTS = st.lists(
    st.none() | st.lists(st.integers(-(1 << 63), (1 << 63) - 1) | st.booleans(), max_size=4), min_size=1
)


@given(LISTS.filter(lambda lists: any(lists)), st.sampled_from(["ints", "floats"]), st.data())
@settings(max_examples=examples(40))
def test_lists_are_read_as_python_reads_them_by_arrow_and_line_by_line(tmp_path_factory, lists, kind, data):
    here = tmp_path_factory.mktemp("lists")
    spoiled = data.draw(st.none() | st.sampled_from(['["a"]', "[null]", "[1.5]", "7", "[1e400]"]))
    lines = [json.dumps({"x": value, "l": 0}) for value in lists]
    if spoiled is not None:
        lines.append(f'{{"x": {spoiled}, "l": 0}}')
    source = stoker.open(lines_file(here, *lines), label="l", types={"x": kind})
    fine = lines_file(here, *lines[: len(lists)], name="fine.jsonl")
    assert stoker.open(fine, label="l").kind_of("x") == "ints"
    parsed = read(source)
    number = float if kind == "floats" else int
    expected = [[number(each) for each in value or []] for value in lists]
    is_fine = spoiled == "[1.5]" and kind == "floats"
    assert column(parsed.rows, "x")[: len(lists)] == expected
    wrong = [] if spoiled is None or is_fine else [(len(lists), "x", IssueKind.BAD_LIST)]
    assert [each[:3] for each in found(source)] == wrong


def test_a_list_that_is_none_of_integers_says_so_and_how_to_have_numbers(here):
    lines = [f'{{"x": [{row}], "l": {row % 2}}}' for row in range(40)]
    source = stoker.open(lines_file(here, *lines), label="l")
    path = lines_file(here, *lines, '{"x": [2.5], "l": 0}')
    with pytest.raises(BadRowError, match=r"line 41 .*'\[2.5\]'.*types={'x': 'floats'}"):
        survey(source.like(path, with_label=True), texts="given")


def test_a_file_that_is_one_list_says_how_to_convert_it(here):
    with pytest.raises(DataError, match=r"line 1: a list.*jq -c '\.\[\]'"):
        stoker.open(lines_file(here, "[{}]"), label="l")


def test_an_object_over_several_lines_says_how_to_convert_it(here):
    with pytest.raises(DataError, match=r"line 1: no JSON object ends in it.*jq -c"):
        stoker.open(lines_file(here, "{", '"a": 1', "}"), label="l")


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b"\n\n", "is empty"), (b"{}\n", "no keys")]
)
def test_a_file_without_objects_is_refused(here, content, said):
    (here / "data.jsonl").write_bytes(content)
    with pytest.raises(DataError, match=said):
        stoker.open(here / "data.jsonl", label="l")


def test_a_later_file_must_have_the_used_columns(here):
    first = lines_file(here, '{"x": 1, "l": 0}', name="a.jsonl")
    second = lines_file(here, '{"z": 1, "l": 0}', name="b.jsonl")
    with pytest.raises(ColumnError, match=r"b\.jsonl: the feature column 'x' is absent"):
        stoker.open([first, second], label="l")


def test_options_of_delimited_text_have_no_effect(here):
    path = lines_file(here, '{"x": 1, "l": 0}')
    with pytest.raises(OptionError, match=r"delimiter has no effect on JSON"):
        stoker.open(path, label="l", delimiter=";")


def test_files_of_two_formats_are_no_source(here):
    (here / "a.csv").write_text("x,l\n1,0\n")
    with pytest.raises(OptionError, match="one format"):
        stoker.open([here / "a.csv", lines_file(here, '{"x": 1, "l": 0}')], label="l")

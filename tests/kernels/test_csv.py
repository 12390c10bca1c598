"""Tables are parsed as Python's csv module, ``float()`` and PyArrow read them."""

from __future__ import annotations

import gzip
import io
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.kernels import issues as kinds
from stoker.kernels.csv import DTYPES, RULE_INTEGER, RULE_LEADING_ZEROS, SKIP, Nulls, Parsed, parse_numeric
from stoker.kernels.parsing import parse_records
from stoker.kernels.records import scan_records

COMMA, QUOTE = ord(","), ord('"')
NULLS = tuple(pa.csv.ConvertOptions().null_values)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
PADDED = re.compile(r"[+-]?0\d")
MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"


class Table:
    """The arrays of one call, and what came of it."""

    def __init__(self, content: bytes, targets, *, dtype=np.float64, rules=None, rows=None, wanted=None,
                 quote=QUOTE, delimiter=COMMA, room=500, before=b"", after=b""):  # fmt: skip
        self.targets = np.array(targets, np.int64)
        rules = np.zeros(len(targets), np.uint8) if rules is None else np.array(rules, np.uint8)
        num_rows = content.count(b"\n") + content.count(b"\r") + 1 if rows is None else rows
        self.data = np.frombuffer(before + content + after, np.uint8)
        self.matrix = np.full((num_rows, max(self.targets.max(initial=-1) + 1, 0)), 77, dtype)
        self.extra = np.full((num_rows, max(-1 - self.targets.min(initial=-1), 0)), 77.0)
        self.room = np.full((room, 5), -1, np.int64)
        self.parsed: Parsed = parse_numeric(
            self.data,
            len(before),
            len(before) + len(content),
            delimiter=delimiter,
            quote=quote,
            targets=self.targets,
            rules=rules,
            nulls=Nulls([spelling.encode() for spelling in NULLS]),
            matrix=self.matrix,
            extra=self.extra,
            issues=self.room,
            wanted=None if wanted is None else np.array(wanted, np.int64),
        )
        self.start = len(before)

    @property
    def values(self) -> np.ndarray:
        return self.matrix[: self.parsed.num_rows]

    @property
    def issues(self) -> list[tuple[int, int, int]]:
        return [tuple(issue) for issue in self.room[: self.parsed.num_issues, :3].tolist()]

    @property
    def texts(self) -> list[bytes]:
        return [self.data[a:b].tobytes() for a, b in self.room[: self.parsed.num_issues, 3:].tolist()]


def widened(content: bytes, targets, **options) -> Table:
    """Parse again with wider types until the values fit."""
    place = 0
    while True:
        table = Table(content, targets, dtype=DTYPES[place], **options)
        if not table.parsed.needed:
            return table
        assert table.parsed.needed > place
        place = table.parsed.needed


def is_integer(text: str) -> bool:
    """Whether a number is integral; beyond 19 significant digits only digits alone are."""
    if text.lstrip("+-").isdigit():
        return True
    significant = re.split("[eE]", text)[0].replace(".", "").lstrip("+-0").rstrip("0")
    return len(significant) <= 19 and Fraction(text).denominator == 1


def worth(text: str, rule: int = 0) -> tuple[int, float]:
    """Kind of issue and value that a field should have."""
    text = text.strip(" \t")
    bare = text.lstrip("+-").lower() if text[1:2] not in ("+", "-") else ""
    if NUMBER.fullmatch(text):
        if PADDED.match(text) and not rule & RULE_LEADING_ZEROS:
            return kinds.NOT_A_NUMBER, 0.0
        if rule & RULE_INTEGER and not is_integer(text):
            return kinds.NOT_A_NUMBER, 0.0
        value = float(text) + 0.0 if rule & RULE_INTEGER else float(text)
        return (kinds.NOT_FINITE if np.isinf(value) else 0), value
    if text in NULLS or bare == "nan":
        return kinds.BLANK, np.nan
    if bare in ("inf", "infinity"):
        return kinds.NOT_FINITE, float(text)
    return kinds.NOT_A_NUMBER, 0.0


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether two float64 arrays are the same but for the bits of their NaNs."""
    blank = np.isnan(left) & np.isnan(right)
    return bool((blank | (left.view(np.int64) == right.view(np.int64))).all())


small_integers = st.integers(0, 300).map(str)
integers = st.one_of(small_integers, st.integers(-(1 << 65), 1 << 65).map(str))
floats = st.floats(allow_nan=False).map(repr)
blanks = st.sampled_from(NULLS)
oddities = st.sampled_from(
    [
        *(
            "007",
            "-0",
            "-0.0",
            "+4",
            " 12 ",
            "\t3",
            " ",
            "5.0",
            "1e3",
            "1e-3",
            ".5",
            "5.",
            "1e400",
            "-inf",
            "nAn",
        ),
        *(
            "0x1f",
            "1_0",
            "--1",
            "1e",
            "e5",
            "+",
            "-nan",
            "+inf",
            "infinity",
            "infinit",
            "00",
            "-01.5",
            "9" * 19,
        ),
        *("9" * 25, "0." + "3" * 30, "9007199254740993." + "0" * 9 + "1", "1" + "0" * 30, "2.5" + "0" * 30),
    ]
)
texts = st.text('ab,"\r\n 1', max_size=6)
fields = st.one_of(small_integers, integers, floats, blanks, oddities, texts)


def render(text: str, quoted: bool) -> str:
    if quoted or any(byte in text for byte in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


@st.composite
def tables(draw, cells=fields, ragged=True):
    """A table as lists of texts, and a file that holds it."""
    width = draw(st.integers(1, 5))
    widths = st.integers(1, 6) if ragged and draw(st.booleans()) else st.just(width)
    rows, content = [], draw(st.sampled_from(["", "\n", "\r\n"]))
    for _ in range(draw(st.integers(0, 6))):
        row = draw(widths.flatmap(lambda size: st.lists(cells, min_size=size, max_size=size)))
        line = ",".join(render(text, draw(st.booleans())) for text in row)
        if line:
            rows.append(row)
        content += line + draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\n\r\n"]))
    if rows and draw(st.booleans()):
        content = content.rstrip("\r\n")
    return width, rows, content.encode()


@settings(max_examples=examples(500))
@given(tables(), st.lists(st.integers(0, 3), min_size=5, max_size=5))
def test_a_table_of_anything_has_the_values_and_issues_of_csv_and_float(table, rules):
    width, rows, content = table
    targets = [(-2, SKIP, 1, 0, 2)[column] for column in range(width)]
    parsed = Table(content, targets, rules=rules[:width], before=b"1,", after=b"2\n3")

    assert parsed.parsed.num_rows == len(rows)
    issues, texts = [], []
    for ordinal, row in enumerate(rows):
        if len(row) != width:
            issues.append((ordinal, len(row), kinds.RAGGED))
            texts.append("")
        for column, text in enumerate(row):
            value = 0.0
            if len(row) == width and targets[column] != SKIP:
                kind, value = worth(text, rules[column])
                if kind == 0 and targets[column] < 0 and rules[column] & RULE_INTEGER and abs(value) > 2**53:
                    kind = kinds.INEXACT
                if kind:
                    issues.append((ordinal, column, kind))
                    texts.append(text.replace('"', '""'))
            if column < width and targets[column] != SKIP:
                place = targets[column]
                stored = parsed.matrix[ordinal, place] if place >= 0 else parsed.extra[ordinal, -2 - place]
                assert same_bits(np.array([stored]), np.array([value])), (ordinal, column, stored, value)
    assert sorted(parsed.issues) == issues
    for (issue, found), text in zip(
        sorted(zip(parsed.issues, parsed.texts, strict=True)), texts, strict=True
    ):
        assert issue[2] == kinds.RAGGED or found.decode() == text.strip(" \t")


@settings(max_examples=examples(300))
@given(tables(cells=st.one_of(small_integers, integers), ragged=False))
def test_integers_end_in_the_narrowest_type_that_holds_them(table):
    width, rows, content = table
    parsed = widened(content, range(width), rules=[RULE_INTEGER] * width)
    numbers = [int(text) for row in rows for text in row]
    largest = max((abs(number) for number in numbers), default=0)
    fitting = [
        dtype
        for dtype in DTYPES[:4]
        if all(np.iinfo(dtype).min <= number <= np.iinfo(dtype).max for number in numbers) and largest < 2**63
    ]

    assert parsed.matrix.dtype == (fitting[0] if fitting else np.float64)
    assert parsed.values.ravel().tolist() == [parsed.matrix.dtype.type(number) for number in numbers]
    assert parsed.issues == []


def test_matrices_of_every_type_are_parsed_by_one_kernel():
    tables = [Table(b"1,2\n3,4\n", range(2), dtype=dtype) for dtype in DTYPES]
    assert all(table.values.tolist() == [[1, 2], [3, 4]] for table in tables)
    assert len(parse_records.signatures) == 1


@settings(max_examples=examples(200))
@given(tables(cells=st.one_of(small_integers, oddities, blanks), ragged=True))
def test_a_narrow_matrix_holds_the_same_values_and_issues_as_a_wide_one(table):
    width, _, content = table
    narrow, wide = widened(content, range(width)), Table(content, range(width))

    assert narrow.issues == wide.issues
    infinite = np.isinf(wide.values)
    assert same_bits(narrow.values[~infinite].astype(float), wide.values[~infinite])


@settings(max_examples=examples(200))
@given(tables(cells=st.one_of(integers, floats, blanks), ragged=False))
def test_numbers_are_those_of_pyarrow(table):
    width, rows, content = table
    if not rows:
        return
    names = [str(column) for column in range(width)]
    arrow = pa.csv.read_csv(
        io.BytesIO(content),
        read_options=pa.csv.ReadOptions(column_names=names),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.float64())),
    )
    expected = np.stack([column.to_numpy() for column in arrow.columns], axis=1)

    assert same_bits(Table(content, range(width)).values, expected)


@settings(max_examples=examples(300))
@given(st.one_of(st.binary(max_size=120), st.text('",\r\n10.-e a', max_size=80).map(str.encode)),
       st.integers(1, 4), st.sampled_from([0, QUOTE]))  # fmt: skip
@example(b'"', 1, QUOTE)
@example(b'"1', 1, QUOTE)
@example(b'1,"', 2, QUOTE)
@example(b'""', 1, QUOTE)
@example(b",", 2, 0)
def test_any_bytes_are_parsed_alike_whatever_surrounds_them(content, width, quote):
    results = []
    for poison in (b"", b"\n", b"9", b",", b'"', b"e"):
        table = Table(content, range(width), quote=quote, before=poison * 40, after=poison * 40)
        places = table.room[: table.parsed.num_issues, 3:] - table.start
        results.append((table.parsed, table.issues, places.tolist(), table.values.tobytes()))
    assert all(result == results[0] for result in results)

    anchors = np.zeros(200, np.int64)
    num_records, *_, problem = scan_records(
        table.data, 40, 40 + len(content), COMMA, quote, True, 1, 0, 0, anchors, anchors.copy()
    )
    assert results[0][0].num_rows == num_records + problem


@settings(max_examples=examples(200))
@given(tables(), st.data())
def test_wanted_records_are_parsed_alone(table, data):
    width, rows, content = table
    whole = Table(content, range(width))
    wanted = sorted(data.draw(st.sets(st.integers(0, max(len(rows) - 1, 0)), max_size=len(rows))))
    some = Table(content, range(width), wanted=wanted, rows=len(wanted))

    assert some.parsed.num_rows == len(wanted)
    assert some.values.tobytes() == whole.values[wanted].tobytes()
    assert some.issues == [issue for issue in whole.issues if issue[0] in wanted]


@pytest.mark.parametrize("delimiter", ["\t", ";", "|", " "])
def test_other_delimiters_separate_fields(delimiter):
    content = f'1{delimiter}"2{delimiter}3"{delimiter}-4.5\n{delimiter}5{delimiter}" 6"\n'
    table = Table(content.encode(), [0, 1, 2], delimiter=ord(delimiter))

    assert table.values[:, 2].tolist() == [-4.5, 6]
    assert table.issues == [(0, 1, kinds.NOT_A_NUMBER), (1, 0, kinds.BLANK)]


def test_issues_beyond_the_room_are_counted():
    table = Table(b"a\nb\nc\n", [0], room=2)

    assert table.parsed == Parsed(num_rows=3, num_issues=3, needed=0)
    assert table.room[:, 0].tolist() == [0, 1]


def test_a_matrix_that_is_full_ends_the_parse():
    assert Table(b"1\n2\n3\n", [0], rows=2).values.tolist() == [[1], [2]]


def test_bytes_behind_a_closing_quote_are_an_issue_unless_they_are_blanks():
    table = Table(b'"12"3,"4" \n"5",6\n', [0, 1])

    assert table.issues == [(0, 0, kinds.BAD_QUOTE)]
    assert table.texts == [b'"12"3']
    assert table.values.tolist() == [[0, 4], [5, 6]]


def test_an_open_quote_is_an_issue():
    table = Table(b'1,2\n3,"4\n5', [0, 1])

    assert table.issues == [(1, 1, kinds.BAD_QUOTE)]


def test_hard_numbers_are_settled_in_matrix_and_extra():
    hard = "9007199254740993." + "0" * 9 + "1"
    table = Table(f"1,2\n{hard},x\n3,{hard}\n".encode(), [0, -2], wanted=[1, 2], rows=2)

    assert table.values.tolist() == [[float(hard)], [3]]
    assert table.extra[1, 0] == float(hard)
    assert table.issues == [(1, 1, kinds.NOT_A_NUMBER)]


def test_a_hard_number_that_rounds_to_infinity_is_not_finite():
    edge = str(2**1024 - 2**970) + ".0"
    below = str(2**1024 - 2**970 - 1)
    table = Table(f"{edge}\n{below}\n".encode(), [0])

    assert table.values.ravel().tolist() == [float(edge), float(below)]
    assert table.issues == [(0, 0, kinds.NOT_FINITE)]


@pytest.mark.parametrize("name", ["train", "test"])
def test_mnist_is_parsed_as_pyarrow_parses_it(name):
    path = MNIST / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip("../shared/data/mnist is absent")
    content = gzip.decompress(path.read_bytes())
    body = content[content.index(b"\n") + 1 :]
    expected = pa.csv.read_csv(io.BytesIO(content))

    table = Table(body, [-2, *range(784)], dtype=np.uint8, rules=[RULE_INTEGER] * 785)

    assert table.parsed.num_issues == table.parsed.needed == 0
    assert (table.extra[: table.parsed.num_rows, 0] == expected["label"].to_numpy()).all()
    features = np.stack([column.to_numpy() for column in expected.columns[1:]], axis=1)
    assert (table.values == features).all()


@settings(max_examples=examples(300))
@given(
    st.lists(st.sampled_from([b"a", b"1", b",", b"\n", b"\r\n", b'"', b'""', b'"x,\ny"', b"text " * 9])),
    st.sampled_from([0, QUOTE]),
    st.sampled_from([None, [0], [1, 3]]),
)
def test_where_no_column_is_used_the_ragged_records_are_found(parts, quote, wanted):
    content = b"".join(parts)
    alone = Table(content, [SKIP, SKIP], quote=quote, wanted=wanted)
    beside = Table(content, [SKIP, 0], quote=quote, wanted=wanted)

    assert alone.parsed.num_rows == beside.parsed.num_rows
    expected = [pair for pair in zip(beside.issues, beside.texts, strict=True) if pair[0][2] == kinds.RAGGED]
    assert list(zip(alone.issues, alone.texts, strict=True)) == expected

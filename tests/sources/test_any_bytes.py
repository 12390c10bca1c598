"""A file of any bytes, of which nothing is said: the rows that Python reads in it, or an error."""

from __future__ import annotations

import csv
import io
import math
import re

import numpy as np
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from reading import column, dense
from stoker.errors import StokerError
from stoker.sources.inference import BLANKS
from stoker.survey import survey

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
PADDED = re.compile(r"[+-]?0\d")
PIECES = [
    b"1",
    b"22",
    b"-3.5",
    b"1e9",
    b"a",
    b"b c",
    b"007",
    b"NA",
    b"",
    b'"',
    b'""',
    b"\xff",
    b"\xc3\xa9",
    b"\0",
]

lines = st.lists(
    st.tuples(
        st.lists(st.sampled_from(PIECES), min_size=1, max_size=4), st.sampled_from([b",", b";", b"\t"])
    ).map(lambda drawn: drawn[1].join(drawn[0])),
    max_size=12,
)
files = st.one_of(
    st.binary(max_size=300),
    st.text('",;\t\r\n10.-e aé', max_size=200).map(str.encode),
    st.tuples(lines, st.sampled_from([b"\n", b"\r\n", b"\r"])).map(lambda drawn: drawn[1].join(drawn[0])),
)


def number_of(field: str) -> float | None:
    """What a field of a numeric column is worth; None where it is neither a finite number nor a blank."""
    text = field.strip(" \t")
    if text in BLANKS or re.fullmatch("[+-]?nan", text, re.IGNORECASE):
        return math.nan
    if not NUMBER.fullmatch(text) or PADDED.match(text):
        return None
    return None if math.isinf(float(text)) else float(text)


def text_of(field: str) -> str | None:
    """A field read as Latin-1, as UTF-8; None where it is none."""
    try:
        return field.encode("latin-1").decode()
    except UnicodeDecodeError:
        return None


@settings(max_examples=examples(400), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=files,
    begin=st.sampled_from([b"", b"\xef\xbb\xbf", b"a,b\n", b"a,b\n1,2\n"]),
    suffix=st.sampled_from(["csv", "tsv"]),
)
@example(content=b'1,"2\n', begin=b"a,b\n", suffix="csv")
@example(content=b"1,\xff\n2,b", begin=b"a,b\n", suffix="csv")
def test_a_file_of_any_bytes_holds_what_python_reads_or_is_refused(tmp_path, content, begin, suffix):
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(begin + content)
    try:
        source = stoker.open(path)
        found = survey(
            source, role="predict", na="zero", on_bad_row="skip", texts="chosen", stored=False, workers=0
        )
    except StokerError as error:
        event(type(error).__name__)
        return
    event("rows")
    (layout,) = source.table.layouts
    quote = layout.dialect.quote
    body = io.StringIO((begin + content)[layout.data_offset :].decode("latin-1"), newline="")
    records = csv.reader(
        body,
        delimiter=layout.dialect.delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    texts = {source.features.index(name) for name in source.text_features}
    expected, bad = [], []
    for row, record in enumerate(record for record in records if record):
        values = [(text_of if place in texts else number_of)(field) for place, field in enumerate(record)]
        if len(record) != len(layout.names) or None in values:
            bad.append(row)
        else:
            expected.append(values)
    assert found.num_slots == len(expected) + len(bad)
    assert found.excluded.tolist() == bad

    rows = found.reader().read(np.setdiff1d(np.arange(found.num_slots), bad))
    matrix = dense(rows)
    numbers = [
        [values[place] for place in range(len(layout.names)) if place not in texts] for values in expected
    ]
    assert np.array_equal(
        matrix.astype(float), np.array(numbers, float).reshape(matrix.shape), equal_nan=True
    )
    for place in texts:
        assert column(rows, source.features[place]) == [values[place] for values in expected]

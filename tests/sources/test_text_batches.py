"""A pass over texts outside of a feed gives the view's good rows in order, whatever the pieces."""

import numpy as np
import pytest

import stoker
from stoker.errors import BadRowError, ColumnError, OptionError


@pytest.fixture
def path(tmp_path):
    lines = [f'{"ab"[row % 2]},"text {row}, \n{"x" * (row % 50)}",{row:05d}' for row in range(3_500)]
    (tmp_path / "t.csv").write_text("\n".join(["label,text,id", *lines]) + "\n")
    return tmp_path / "t.csv"


def read(source, **options):
    batches = list(source.text_batches(chunk_bytes=1 << 14, **options))
    labels = [label for batch in batches for label in batch.labels.to_pylist()]
    return (
        [t for batch in batches for t in batch.texts.to_pylist()],
        labels,
        [i for b in batches for i in b.ids],
    )


def test_all_rows_come_in_order_in_several_batches(path):
    source = stoker.open(path, label="label", text=["text", "id"])
    texts, labels, ids = read(source)
    assert ids == list(range(3_500))
    assert texts[:2] == ["text 0, \n 00000", "text 1, \nx 00001"]
    assert labels[:3] == ["a", "b", "a"]
    assert len(list(source.text_batches(chunk_bytes=1 << 14))) > 3


def test_one_column_may_be_chosen(path):
    source = stoker.open(path, label="label", text=["text", "id"])
    assert read(source, columns=["id"])[0][:2] == ["00000", "00001"]


def test_the_parts_of_a_split_are_those_of_the_view(path):
    source = stoker.open(path, label="label", text="id")
    parts = source.split(0.7, seed=3)
    for part in parts:
        expected = part.view.bind(3_500).ids(0, part.view.bind(3_500).num_rows)
        texts, _, ids = read(part)
        assert np.array_equal(ids, expected)
        assert texts == [f"{row:05d}" for row in ids]


def test_of_the_first_rows_no_more_is_read_than_the_chunks_that_hold_them(path, monkeypatch):
    source = stoker.open(path, label="label", text="text")
    chunks, read_chunks = type(source.table).chunks, []

    def counting(self, target_bytes):
        for chunk in chunks(self, target_bytes):
            read_chunks.append(chunk.first_row)
            yield chunk

    monkeypatch.setattr(type(source.table), "chunks", counting)
    assert read(source.head(5_000))[2] == list(range(3_500))
    whole = list(read_chunks)
    read_chunks.clear()
    assert read(source.head(900).head(700))[2] == list(range(700))
    assert read_chunks == [row for row in whole if row < 700] + [min(row for row in whole if row >= 700)]


@pytest.mark.parametrize("line", ["c", ",text without label,1"])
def test_a_bad_row_is_an_error_with_its_line_or_left_out(path, line):
    path.write_text(path.read_text() + line + "\na,last,9\n")
    source = stoker.open(path, label="label", text="text")
    with pytest.raises(BadRowError, match=r"line 7,002: .*on_bad_row='skip'"):
        read(source)
    texts, _, ids = read(source, on_bad_row="skip")
    assert texts[-1] == "last"
    assert ids[-2:] == [3_499, 3_501]


def test_a_source_without_text_features_is_refused(path):
    with pytest.raises(ColumnError, match="name its columns with text="):
        stoker.open(path, label="label", columns=["id"], types={"id": "int"}).text_batches()
    with pytest.raises(ColumnError, match="'label' is no text to learn from"):
        stoker.open(path, label="label", text="text").text_batches(["label"])
    with pytest.raises(OptionError, match="on_bad_row must be error or skip"):
        stoker.open(path, label="label", text="text").text_batches(on_bad_row="ignore")

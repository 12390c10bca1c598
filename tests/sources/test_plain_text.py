"""Zero bytes are characters of a text; UTF-16 and binary files are told from it by more than one of them."""

import io
import pickle
import sqlite3
import struct
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import stoker
from stoker.errors import DataError
from stoker.sources.plain_text import require_text
from stoker.survey import survey

ROWS = "имя,text,label\n" + "".join(f"й{row},a fine film and a long one,{row % 2}\n" for row in range(99))


@pytest.mark.parametrize(
    "head",
    [
        "имя,年\nб,1\n".encode(),
        b"text,label\na\0b,1\n",
        b"text,label\n\0\0\0fine,1\ngood\0,0\n",
        ROWS.encode().replace(b"fine", b"fi\0ne"),
        ROWS.encode().replace(b"fine", b"caf\xe9\0"),
        b"text,label\n\x1b[1mbold\x1b[0m\0,1\n",
        "\ufeffa,b\n\0,1\n".encode(),
    ],
    ids=["of any script", "one", "several", "in every row", "beside Latin-1", "colours", "behind a mark"],
)
def test_text_with_or_without_zero_bytes_is_accepted(head):
    require_text("x.csv", head)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_characters_are_refused_with_the_command_that_converts_them(encoding):
    with pytest.raises(DataError, match=rf"iconv -f {encoding[:6].upper()} -t UTF-8 x\.csv"):
        require_text("x.csv", "a,b\n1,2\n".encode(encoding))


@pytest.mark.parametrize("text", [ROWS, "文字,标签\n很好的电影,1\n" * 20, "имя,текст\nй,кино\n" * 20])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_characters_without_a_mark_are_no_text(text, encoding):
    with pytest.raises(DataError, match=r"is UTF-16|holds zero bytes"):
        require_text("x.csv", text.encode(encoding))


def _parquet():
    written = io.BytesIO()
    table = pa.table({"text": ["a fine film"] * 1000, "label": ["pos"] * 1000})
    pyarrow.parquet.write_table(table, written, compression="none", use_dictionary=False)
    return written.getvalue()


def _numpy(values):
    written = io.BytesIO()
    np.save(written, values)
    return written.getvalue()


def _tar():
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        member = tarfile.TarInfo("reviews.csv")
        member.size = 20
        archive.addfile(member, io.BytesIO(b"text,label\nfine,pos\n"))
    return written.getvalue()


def _zip():
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("reviews.csv", ROWS)
    return written.getvalue()


def _sqlite(folder):
    path = folder / "t.db"
    with sqlite3.connect(path) as base:
        base.execute("create table reviews (text, label)")
    base.close()
    return path.read_bytes()


NOISE = np.random.default_rng(7).integers(0, 256, 9_000, np.uint8).tobytes()
BINARY = {
    "every byte": b"PAR" + bytes(range(256)),
    "noise": NOISE,
    "parquet": _parquet(),
    "numpy integers": _numpy(np.arange(1000)),
    "raw floats": np.random.default_rng(1).normal(size=3000).astype("f4").tobytes(),
    "raw pixels": struct.pack(">4I", 2051, 10, 28, 28) + bytes(100) + NOISE[:900] + bytes(400),
    "pickle": pickle.dumps({f"word {row}": float(row) for row in range(500)}),
    "tar": _tar(),
    "zip": _zip(),
    "text in fixed fields": b"".join(b"review".ljust(32, b"\0") for _ in range(99)),
}


@pytest.mark.parametrize("name", BINARY)
def test_a_binary_file_is_refused_with_what_tells_it(name):
    with pytest.raises(DataError, match=r"x\.csv holds zero bytes \(first at byte \d+\) and .*no delimited"):
        require_text("x.csv", BINARY[name])


def test_a_data_base_is_refused(tmp_path):
    with pytest.raises(DataError, match="begins with b'SQLite format 3"):
        require_text("x.csv", _sqlite(tmp_path))


TEXTS = ["a\0b", "\0", "\0\0\0", "fine\0", "\0film", "", "x, \0\ny", 'the "\0"']


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_zero_bytes_in_texts_labels_and_kept_columns_come_as_they_are(tmp_path, suffix):
    delimiter = "," if suffix == ".csv" else "\t"
    path = tmp_path / f"t{suffix}"
    rows = [["id\0", "text", "label"]]
    rows += [[f"{row}\0", text, f"l\0{row % 2}"] for row, text in enumerate(TEXTS * 3)]
    path.write_text(
        "\n".join(delimiter.join('"' + field.replace('"', '""') + '"' for field in row) for row in rows),
        "utf-8",
    )
    source = stoker.open(path, label="label", text="text")
    batches = list(source.text_batches())
    assert [text for batch in batches for text in batch.texts.to_pylist()] == TEXTS * 3
    assert [label for batch in batches for label in batch.labels.to_pylist()] == [
        f"l\0{row % 2}" for row in range(3 * len(TEXTS))
    ]
    for keep_bytes in (0, 1 << 20):
        rows = survey(source.keeping(["id\0"]), keep_bytes=keep_bytes).reader().read(np.arange(3))
        places = rows.places(np.arange(3))
        assert rows.columns["id\0"].take(places).to_pylist() == ["0\0", "1\0", "2\0"]
        assert rows.columns["text"].take(places).to_pylist() == TEXTS[:3]


def test_without_quotes_a_zero_byte_is_no_quote(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"text,label\n" + b"\0a,0\nb\0,1\n" * 20)
    for quote in (None, ""):
        (batch,) = stoker.open(path, label="label", text="text", quote=quote).text_batches()
        assert batch.texts.to_pylist() == ["\0a", "b\0"] * 20


def test_a_number_with_a_zero_byte_is_a_bad_value(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,label\n" + b"1,0\n2,1\n" * 20 + b"3\0,1\n")
    with pytest.raises(DataError, match=r"line 42 \(row 40\)"):
        survey(stoker.open(path, label="label"))


def test_lines_and_zhangs_format_have_them_too(tmp_path):
    for name in ("t.pos", "t.neg"):
        (tmp_path / name).write_bytes(b"a\0b\n\0\nfine film\n")
    batches = stoker.open([tmp_path / "t.pos", tmp_path / "t.neg"]).text_batches()
    assert [text for batch in batches for text in batch.texts.to_pylist()] == ["a\0b", "\0", "fine film"] * 2
    (tmp_path / "train.csv").write_bytes(b'"1","a\0b","c"\n"2","","\0"\n')
    (batch,) = stoker.open(tmp_path / "train.csv", format="zhang").text_batches()
    assert batch.texts.to_pylist() == ["a\0b c", " \0"]

"""A stored survey that somebody wrote on purpose, checksums and all, is refused or harmless."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from forging import DEEP, damages, forged_arrays, forgeries, replaced
from property_examples import examples
from stoker.errors import ChangedDataError, StokerError
from stoker.kernels.checksum import checksum
from stoker.survey import records, survey
from stoker.survey.records import ArrayRecord, SurveyRecord

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of numbers that nobody measured
QUICK = settings(max_examples=examples(12), suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=3_000)


def table(folder: Path) -> Path:
    rows = "".join(f"{row % 2},{row % 300},{row % 7},x{row % 5}\n" for row in range(2_000))
    path = folder / "t.csv"
    path.write_text("y,a,b,word\n" + rows)
    return path


def texts(folder: Path) -> Path:
    path = folder / "t.csv"
    path.write_text("y,text\n" + "".join(f'{row % 2},"good, {row} film"\n' for row in range(900)))
    return path


def opened(path: Path) -> stoker.Source:
    if b"text" in path.read_bytes()[:10]:
        return stoker.open(path, label="y", text="text")
    return stoker.open(path, label="y", drop=["word"])


def use(path: Path) -> list[str]:
    """Survey the file and read all rows through what was stored of it; gives the survey's notes."""
    found = survey(opened(path), keep_bytes=0, workers=0)
    reader = found.reader()
    for start in range(0, found.num_slots, 500):
        reader.read(np.arange(start, min(start + 500, found.num_slots)))
    assert found.statistics.mean.shape == found.statistics.unique.shape
    transform = stoker.HashingVectorizer(num_features=64) if found.source.is_text else None
    feed = stoker.Feed(
        found.source, transform=transform, batch_size=100, memory="16MB", cache="never", workers=0
    )
    for _ in feed.epoch(0):
        pass
    feed.close()
    return list(found.notes)


def stored(path: Path) -> Path:
    (folder,) = (kept for kept in (path.parent / ".stoker").iterdir() if kept.name != ".gitignore")
    return folder


def signed(plain: dict) -> bytes:
    """The record with the digest that makes it whole, where it has the right types at all."""
    try:
        record = msgspec.json.decode(json.dumps(plain).encode(), type=SurveyRecord)
    except (msgspec.MsgspecError, ValueError):
        return json.dumps(plain).encode()
    return records.encode(record)


def with_arrays(folder: Path) -> None:
    """Put the checksums of the arrays as they are now into the record."""
    record = records.decode((folder / "survey.json").read_bytes())
    found = []
    for path in sorted(folder.glob("*.npy")):
        data = np.frombuffer(path.read_bytes(), np.uint8)
        found.append(ArrayRecord(name=path.name, size=len(data), checksum=int(checksum(data, 0, len(data)))))
    replaced(folder / "survey.json", records.encode(msgspec.structs.replace(record, arrays=found)))


def saved(array: np.ndarray) -> bytes:
    held = io.BytesIO()
    np.save(held, array)
    return held.getvalue()


def check(path: Path) -> None:
    """Whatever was forged is an error of stoker's own, or the survey is made anew, or it did no harm."""
    with suppress(StokerError):
        use(path)


class Stored:
    """A surveyed file whose survey can be spoilt again and again."""

    def __init__(self, folder: Path, make) -> None:
        self.path = make(folder)
        use(self.path)
        self.folder = stored(self.path)
        self.whole = {part.name: part.read_bytes() for part in self.folder.iterdir()}

    def mend(self) -> None:
        for name, content in self.whole.items():
            if not (self.folder / name).exists() or (self.folder / name).read_bytes() != content:
                replaced(self.folder / name, content)


@pytest.fixture(scope="module", params=[table, texts])
def whole(request, tmp_path_factory) -> Stored:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return Stored(tmp_path_factory.mktemp("data"), request.param)


def forge_record(whole: Stored, data: st.DataObject) -> None:
    whole.mend()
    plain = data.draw(forgeries(json.loads(whole.whole["survey.json"])))
    replaced(whole.folder / "survey.json", signed(plain))
    check(whole.path)


def forge_array(whole: Stored, data: st.DataObject) -> None:
    whole.mend()
    name = data.draw(st.sampled_from(sorted(set(whole.whole) - {"survey.json"})))
    array = np.load(io.BytesIO(whole.whole[name]))
    content = saved(data.draw(forged_arrays(array)))
    if data.draw(st.booleans()):
        content = data.draw(damages(content))
    replaced(whole.folder / name, content)
    with_arrays(whole.folder)
    check(whole.path)


@pytest.mark.timeout(120)
@QUICK
@given(data=st.data())
def test_a_forged_record_is_refused_or_harmless(whole, data):
    forge_record(whole, data)


@pytest.mark.timeout(120)
@QUICK
@given(data=st.data())
def test_a_forged_array_is_refused_or_harmless(whole, data):
    forge_array(whole, data)


@pytest.mark.fuzz
@pytest.mark.timeout(1200)
@LONG
@given(data=st.data())
def test_thousands_of_forged_records_are_refused_or_harmless(whole, data):
    forge_record(whole, data)


@pytest.mark.fuzz
@pytest.mark.timeout(1200)
@LONG
@given(data=st.data())
def test_thousands_of_forged_arrays_are_refused_or_harmless(whole, data):
    forge_array(whole, data)


INDEX = {
    "a segment behind its file": ("anchor_offsets", lambda array: array + 10**9),
    "a segment before its file": ("anchor_offsets", lambda array: array - 10**6),
    "one endless segment": ("file_sizes", lambda array: array + 2**61),
    "rows that go back": ("anchor_rows", lambda array: array[::-1].copy()),
    "more rows than any memory has": ("file_rows", lambda array: array * 2**40),
    "segments of no file": ("file_anchors", lambda array: array + 1),
    "an empty array": ("checksums", lambda array: array[:0]),
    "rows left out that are none": ("excluded", lambda array: np.array([-5, 2**62])),
}


@pytest.mark.parametrize("kind", INDEX)
def test_an_index_that_cannot_be_is_made_anew_with_a_note(whole, kind):
    name, forge = INDEX[kind]
    whole.mend()
    array = np.load(io.BytesIO(whole.whole[f"{name}.npy"]))
    replaced(whole.folder / f"{name}.npy", saved(forge(array)))
    with_arrays(whole.folder)
    (note,) = use(whole.path)
    assert "could not be used and is made anew" in note


def test_a_record_that_is_nested_too_deeply_is_made_anew(whole):
    whole.mend()
    deep = "[" * DEEP + "]" * DEEP
    text = whole.whole["survey.json"].replace(
        b'"statistics": {', f'"statistics": {deep}, "x": {{'.encode(), 1
    )
    replaced(whole.folder / "survey.json", text)
    (note,) = use(whole.path)
    assert "nested too deeply" in note


def test_a_stored_array_of_objects_is_not_loaded(whole):
    whole.mend()
    held = io.BytesIO()
    np.save(held, np.array([{"code": "to be run"}], dtype=object), allow_pickle=True)
    replaced(whole.folder / "excluded.npy", held.getvalue())
    with_arrays(whole.folder)
    (note,) = use(whole.path)
    assert "made anew" in note


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': 'a8', 'fortran_order': False, 'shape': (9,), }",  # an alias that NumPy warns of
        b"{'descr': '<i8', 'fortran_order': False, 'shape': ('\\d',), }",  # an escape that Python warns of
        b"{'descr': '<i8', 'fortran_order': False, 'shape': (1152921504606846976,), }",
        b"{'descr': '<i8', 'fortran_order': False, 'shape': (3, 3), }",
        b"{'descr': '<i8', 'fortran_order': True, 'shape': (9,), }",
        b"[" * 60_000,
    ],
)
def test_a_header_that_numpy_does_not_write_is_damage_without_a_warning(whole, header):
    whole.mend()
    start = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little")
    replaced(whole.folder / "anchor_rows.npy", start + header + b"\n" + bytes(72))
    with_arrays(whole.folder)
    (note,) = use(whole.path)
    assert "made anew" in note


def test_records_that_were_counted_wrongly_are_told_where_they_are_read(tmp_path):
    """Rows shifted by one from a segment on: the places are possible, and only the bytes tell."""
    whole = Stored(tmp_path, texts)
    rows = np.load(io.BytesIO(whole.whole["anchor_rows.npy"]))
    assert rows.size > 2
    rows[1:] += 1
    replaced(whole.folder / "anchor_rows.npy", saved(rows))
    with_arrays(whole.folder)
    with pytest.raises(ChangedDataError, match=r"its survey counted \d+ records where \d+ can be read"):
        use(whole.path)

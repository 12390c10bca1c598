"""A checkpoint that somebody wrote, digests and all, is read or refused: never more than its own bytes."""

from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from property_examples import examples

sys.path.insert(0, str(Path(__file__).parents[1] / "checkpoints"))

from kept_checkpoints import made_checkpoint

from forging import forgeries, replaced
from stoker.checkpoints import CheckpointStore
from stoker.checkpoints.packages import _digest
from stoker.errors import RunError

QUICK = settings(max_examples=examples(40), suppress_health_check=list(HealthCheck))


class Kept:
    """A checkpoint whose manifest can be forged again and again."""

    def __init__(self, folder: Path) -> None:
        self.store = CheckpointStore(folder)
        self.path = self.store.write(made_checkpoint(5))
        self.content = json.loads((self.path / "manifest.json").read_bytes())["content"]

    def sign(self, content: object) -> None:
        inner = msgspec.json.encode(content)
        text = json.dumps({"digest": _digest(inner), "content": "HERE"}).encode().replace(b'"HERE"', inner)
        replaced(self.path / "manifest.json", text)


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Kept:
    return Kept(tmp_path_factory.mktemp("run"))


def forge(kept: Kept, data: st.DataObject) -> None:
    content = data.draw(forgeries(kept.content))
    try:
        kept.sign(content)
    except OverflowError:  # more than 64 bits, which no writer of this kind can write
        return
    try:
        kept.store.read(kept.path)
    except RunError as told:
        assert 0 < len(str(told)) < 100_000  # noqa: PT017


@QUICK
@given(data=st.data())
def test_a_forged_checkpoint_is_refused_or_harmless(kept, data):
    forge(kept, data)


@pytest.mark.fuzz
@pytest.mark.timeout(600)
@settings(QUICK, max_examples=10_000)
@given(data=st.data())
def test_thousands_of_forged_checkpoints_are_refused_or_harmless(kept, data):
    forge(kept, data)


def test_a_manifest_that_names_the_same_bytes_a_thousand_times_takes_no_more_memory(kept):
    (first, *_) = kept.content["arrays"]
    arrays = [{**first, "name": f"a{place}"} for place in range(20_000)]
    kept.sign({**kept.content, "arrays": arrays})
    tracemalloc.start()
    try:
        with pytest.raises(RunError, match=r"arrays of .* bytes in"):
            kept.store.read(kept.path)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": [10**30], "num_bytes": 4 * 10**30}, "is cut short|arrays of"),
        ({"shape": [-1, -35]}, "is described wrongly"),
        ({"offset": -8}, "is described wrongly"),
        ({"shape": [0, 10**30], "num_bytes": 0}, "damaged|described wrongly|not what its checksum"),
        ({"shape": [2**62] * 65}, "Expected `array` of length <= 64"),
        ({"shape": [2**62] * 64}, "is described wrongly"),
        ({"dtype": "object"}, "unknown type of numbers"),
        ({"name": ["v0"]}, "damaged or not of stoker"),
    ],
)
def test_an_array_that_cannot_be_is_told(kept, change, words):
    first, *others = kept.content["arrays"]
    content = {**kept.content, "arrays": [{**first, **change}, *others]}
    inner = json.dumps(content, separators=(",", ":")).encode()
    text = b'{"digest":"' + _digest(inner).encode() + b'","content":' + inner + b"}"
    replaced(kept.path / "manifest.json", text)
    with pytest.raises(RunError, match=words):
        kept.store.read(kept.path)


def test_an_array_larger_than_memory_is_a_damaged_checkpoint(kept, monkeypatch):
    def full(*given: object) -> object:
        raise MemoryError("Unable to allocate 8.00 TiB")

    kept.sign(kept.content)
    monkeypatch.setattr("stoker.checkpoints.packages.np.empty", full)
    warned: list[str] = []
    assert kept.store.newest(warned.append) is None
    assert "more bytes than there is memory: Unable to allocate 8.00 TiB" in warned[0]

"""An epoch's digests are the sums that docs/order.md defines, in plain Python integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property_examples import examples
from stoker.audit.digests import epoch_digests
from stoker.samplers import make_sampler
from stoker.sources.views import SplitSpec, View
from stoker.types import OrderSpec

pytestmark = pytest.mark.timeout(60)


def finalised(word: int) -> int:
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
    return word ^ (word >> 31)


def mixed(seed: int, value: int) -> int:
    return finalised(finalised((seed + 0x9E3779B97F4A7C15) % 2**64) ^ value)


def wide(word: int) -> int:
    return word | finalised(word ^ 0xD1B54A32D192ED03) << 64


@st.composite
def orders(draw):
    batch, kind = draw(st.sampled_from([1, 2, 12])), draw(st.sampled_from(["sequential", "exact", "block"]))
    slots, excluded = draw(st.integers(1, 300)), draw(st.sets(st.integers(0, 299), max_size=20))
    steps = (SplitSpec(fraction=0.7, seed=1, part=0),) if draw(st.booleans()) and slots > 9 else ()
    missing = np.array(sorted(each for each in excluded if each < slots), np.int64)
    view = View(steps=steps).bind(slots, missing)
    spec = OrderSpec(
        kind=kind,
        seed=draw(st.integers(0, 2**40)),
        batch_size=batch,
        num_rows=max(1, view.num_rows),
        block=draw(st.integers(1, 40)) if kind == "block" else 1,
        window=batch * draw(st.integers(1, 9)),
        lanes=4 if batch == 12 else 1,
    )
    return spec, view, set(missing.tolist())


@settings(max_examples=examples(60))
@given(order=orders(), epoch=st.integers(0, 9), share=st.floats(0, 1), workers=st.sampled_from([0, 2]))
def test_digests_are_the_sums_of_the_hashes_of_places_and_ids(order, epoch, share, workers):
    spec, view, missing = order
    if not view.num_rows:
        return
    rows = int(share * spec.num_rows)
    ids = view.ids_of(make_sampler(spec).positions(epoch, 0, rows)).tolist()
    assert not missing & set(ids)
    assert len(set(ids)) == rows
    key = mixed(1, epoch)
    ordered = sum(wide(mixed(mixed(key, place), row)) for place, row in enumerate(ids)) % 2**128
    members = sum(wide(mixed(2, row)) for row in ids) % 2**128
    assert epoch_digests(spec, view, epoch, rows, workers=workers) == (ordered, members)

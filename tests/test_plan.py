"""The plan is a pure function: the order depends on sizes, batch size and declared memory alone."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.errors import MemoryBudgetError, OptionError
from stoker.plan import (
    DataFacts,
    MachineFacts,
    Plan,
    PlanOptions,
    keep_bytes,
    make_plan,
    parse_bytes,
    resolve_order,
)

DATA = DataFacts(
    num_rows=200_000, num_slots=200_000, num_bytes=30_000_000, num_features=64, num_columns=65, row_bytes=72
)
MACHINE = MachineFacts(cores=2, free_disk_bytes=10**10)


@given(
    cores=st.integers(1, 64),
    disk=st.integers(0, 10**12),
    workers=st.one_of(st.none(), st.integers(0, 8)),
    cache=st.sampled_from(["auto", "always", "never"]),
    row_bytes=st.integers(65, 520),
    kept=st.booleans(),
    num_bytes=st.integers(10**6, 10**12),
)
def test_nothing_of_the_machine_the_cache_or_the_format_enters_the_order(
    cores, disk, workers, cache, row_bytes, kept, num_bytes
):
    data = msgspec.structs.replace(DATA, row_bytes=row_bytes, kept=kept, num_bytes=num_bytes)
    options = PlanOptions(memory_bytes=64_000_000, cache=cache, workers=workers, epochs=3)
    plan = make_plan(data, MachineFacts(cores=cores, free_disk_bytes=disk), options)
    assert plan.order == resolve_order(DATA, PlanOptions(memory_bytes=64_000_000))


@given(
    rows=st.integers(1, 10**10),
    features=st.integers(1, 2000),
    batch=st.integers(1, 4096),
    memory=st.integers(10**6, 10**11),
    kept=st.booleans(),
    narrow=st.booleans(),
    cores=st.integers(1, 32),
    places=st.integers(0, 10**9),
    claimed=st.integers(0, 10**8),
)
def test_a_plan_keeps_within_the_memory_or_is_refused(
    rows, features, batch, memory, kept, narrow, cores, places, claimed
):
    row_bytes = features * (1 if narrow else 8) + 8
    kept = kept and rows * row_bytes <= keep_bytes(PlanOptions(memory_bytes=memory))
    data = DataFacts(
        num_rows=rows,
        num_slots=rows,
        num_bytes=rows * features * 3,
        num_features=features,
        num_columns=features + 1,
        row_bytes=row_bytes,
        kept=kept,
        kept_bytes=rows * row_bytes if kept else 0,
        places_bytes=places,
    )
    try:
        plan = make_plan(data, MachineFacts(cores=cores), PlanOptions(batch_size=batch, memory_bytes=memory))
        derived = make_plan(
            msgspec.structs.replace(data, kept=False, kept_bytes=0),
            MachineFacts(cores=cores),
            PlanOptions(batch_size=batch, memory_bytes=memory, shuffle=False, cache="never", derived=True),
            claimed_bytes=claimed,
        )
    except MemoryBudgetError:
        return
    assert plan.memory_planned + derived.memory_planned + claimed <= memory
    assert plan.order.window % batch == 0


@given(features=st.integers(1, 2000), batch=st.integers(1, 4096), cores=st.integers(1, 32))
def test_the_least_memory_that_is_named_suffices_for_training_and_validation(features, batch, cores):
    data = msgspec.structs.replace(
        DATA, num_features=features, num_columns=features + 1, row_bytes=8 * features + 8
    )
    with pytest.raises(MemoryBudgetError, match="raise memory=") as refused:
        make_plan(data, MACHINE, PlanOptions(batch_size=batch, memory_bytes=10**5))
    least = parse_bytes(re.search(r"raise memory= to (\d+MB)", str(refused.value))[1])
    for derived in (False, True):
        options = PlanOptions(batch_size=batch, memory_bytes=least, derived=derived, shuffle=not derived)
        plan = make_plan(data, MachineFacts(cores=cores), options)
        assert plan.memory_planned <= least * 2 // 3


def test_rows_that_take_much_to_be_found_are_charged_and_refused_with_the_way_out():
    options = PlanOptions(memory_bytes=64_000_000)
    many = msgspec.structs.replace(DATA, places_bytes=20_000_000)
    assert make_plan(many, MACHINE, options).memory_planned <= 2 * 64_000_000 // 3
    assert ("row places", 20_000_000) in [
        (line.name, line.num_bytes) for line in make_plan(many, MACHINE, options).memory
    ]
    too_many = msgspec.structs.replace(DATA, places_bytes=60_000_000)
    with pytest.raises(
        MemoryBudgetError, match=r"keeping the rows takes 60,000,000.*raise memory= to"
    ) as told:
        make_plan(too_many, MACHINE, options)
    enough = parse_bytes(re.search(r"raise memory= to (\d+MB)", str(told.value))[1])
    make_plan(too_many, MACHINE, PlanOptions(memory_bytes=enough))


def test_a_batch_is_reckoned_with_its_target_weight_ids_and_digests():
    narrow = msgspec.structs.replace(DATA, num_features=1, num_columns=2, row_bytes=16)
    plan = make_plan(narrow, MACHINE, PlanOptions(batch_size=100, memory_bytes=64_000_000))
    batches = next(line for line in plan.memory if line.name == "batches")
    held = 100 * (4 + 4 + 4 + 8) + 32
    assert batches.num_bytes >= batches.count * plan.limits.group_batches * held


@given(features=st.integers(1, 2000), batch=st.integers(1, 512), memory=st.integers(10**7, 10**10))
def test_groups_share_the_batches_of_a_window_out_evenly(features, batch, memory):
    data = msgspec.structs.replace(DATA, num_features=features, row_bytes=8 * features)
    try:
        plan = make_plan(data, MACHINE, PlanOptions(memory_bytes=memory, batch_size=batch))
    except MemoryBudgetError:
        return
    size, group = plan.order.window // batch, plan.limits.group_batches
    groups = -(-size // group)
    assert groups * (group - 1) < size  # no smaller group would do with as few


@pytest.mark.parametrize(
    ("texts", "what"),
    [({"num_columns": 1}, "1 column"), ({"text_lengths": ((1, 9),)}, "text, up to 1 byte each,")],
)
def test_one_byte_one_row_and_one_column_are_told_in_the_singular(texts, what):
    data = msgspec.structs.replace(DATA, **texts)
    said = f"^memory is 1 byte, but one window of 1 row of {what} and what goes with it need"
    with pytest.raises(MemoryBudgetError, match=said):
        resolve_order(data, PlanOptions(batch_size=1, memory_bytes=1))


def test_a_memory_too_small_for_one_window_names_both_numbers_and_the_way_out():
    with pytest.raises(
        MemoryBudgetError, match=r"1,000,000 bytes.*one window of 4096.*raise memory= to \d+MB"
    ):
        resolve_order(DATA, PlanOptions(batch_size=4096, memory_bytes=1_000_000))


@pytest.mark.parametrize(
    ("text", "expected"), [("8MB", 8_000_000), ("1 GiB", 1 << 30), ("2.5kb", 2500), ("77", 77), (5, 5)]
)
def test_sizes_are_read_as_people_write_them(text, expected):
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "MB", "8 QB", "-1MB", "0", 0, "1.5", "2.5 B", 1.5e9, None])
def test_sizes_that_are_none_are_refused_with_examples(text):
    with pytest.raises(OptionError, match="memory must be"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("options", "kept", "disk", "used", "reason"),
    [
        ({"cache": "never"}, False, 10**12, False, "not asked for"),
        ({"cache": "always"}, False, 0, True, "asked for"),
        ({"cache": "auto", "epochs": 2}, True, 10**12, False, "fit into memory"),
        ({"cache": "auto", "epochs": 1}, False, 10**12, False, "single epoch"),
        ({"cache": "auto", "epochs": 2}, False, 10**12, True, "twice the room"),
        ({"cache": "auto", "epochs": 2}, False, 10**6, False, "the disk has 1,000,000"),
    ],
)
def test_the_cache_is_decided_with_its_reason(options, kept, disk, used, reason):
    data = msgspec.structs.replace(DATA, kept=kept)
    plan = make_plan(data, MachineFacts(cores=2, free_disk_bytes=disk), PlanOptions(**options))
    assert plan.use_cache is used
    assert reason in plan.cache_reason


def test_a_plan_survives_json():
    plan = make_plan(DATA, MACHINE, PlanOptions())
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"shuffle": "full"}, "shuffle"),
        ({"workers": -1}, "workers"),
        ({"cache": "sometimes"}, "cache must be one of auto, always, never, got 'sometimes'"),
        ({"epochs": 0}, r"epochs must be at least 1 and at most 2\*\*60, got 0"),
        ({"epochs": 10**20}, r"at most 2\*\*60, got 1000"),
        ({"seed": -1}, r"seed must lie in \[0, 2\*\*64\), got -1"),
        ({"seed": 1 << 64}, "seed must lie"),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(options, message):
    with pytest.raises(OptionError, match=message):
        make_plan(DATA, MACHINE, PlanOptions(**options))


def test_rows_that_are_decoded_in_units_come_from_the_cache_where_shuffling_would_decode_them_again():
    facts = msgspec.structs.replace(DATA, access="units", unit_rows=50_000, reading_bytes=20_000_000)
    plan = make_plan(facts, MACHINE, PlanOptions())
    assert plan.use_cache
    assert re.search(r"50,000 rows are decoded at a time, about \d times an epoch", plan.cache_reason)
    plan = make_plan(facts, MACHINE, PlanOptions(cache="never"))
    assert not plan.use_cache
    assert "about " in plan.cache_reason
    assert next(line for line in plan.memory if line.name == "reads").num_bytes > 20_000_000
    assert not make_plan(facts, MACHINE, PlanOptions(shuffle=False)).use_cache


def test_rows_that_come_one_after_the_other_are_not_shuffled_from_where_they_come():
    facts = msgspec.structs.replace(DATA, access="stream", reading_bytes=20_000_000)
    assert make_plan(facts, MACHINE, PlanOptions()).use_cache
    with pytest.raises(MemoryBudgetError, match="one after the other"):
        make_plan(facts, MACHINE, PlanOptions(cache="never"))
    assert not make_plan(facts, MACHINE, PlanOptions(cache="never", shuffle=False)).use_cache

"""What each host of a cluster would do is arithmetic, and agrees with what ranks do."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from stoker.cli import main
from stoker.errors import OptionError
from stoker.plan import (
    Cluster,
    DataFacts,
    MachineFacts,
    PlanOptions,
    make_plan,
    parse_speed,
    plan_ranks,
)
from stoker.plan.ranks import epoch_read_bytes, rank_rows
from stoker.samplers import make_sampler, positions_in
from stoker.types import OrderSpec, Rank

DATA = DataFacts(
    num_rows=50_000_000,
    num_slots=50_000_000,
    num_bytes=5_000_000_000,
    num_features=20,
    num_columns=21,
    row_bytes=168,
    survey_seconds=100.0,
)
MACHINE = MachineFacts(cores=2)
OPTIONS = PlanOptions(batch_size=1024, cache="never")


def cluster_of(hosts, **more):
    return Cluster(hosts=hosts, network=1_250_000_000, disk=500_000_000, **more)


def on_hosts(hosts, data=DATA, options=OPTIONS, **more):
    plan = make_plan(data, MACHINE, options)
    return plan_ranks(plan, data, MACHINE, options, cluster_of(hosts, **more))


def test_one_host_holds_and_reads_what_the_plan_says():
    plan, alone = make_plan(DATA, MACHINE, OPTIONS), on_hosts(1)
    assert alone.memory == plan.memory
    assert (alone.rows, alone.steps, alone.excess) == (DATA.num_rows, plan.order.num_batches, 0)
    assert DATA.num_bytes <= alone.read_bytes <= 1.05 * DATA.num_bytes
    assert alone.seconds["parsing"] == plan.seconds_epoch


def test_ranks_take_equal_steps_and_parts_of_rows_bytes_memory_and_time():
    alone, eighth = on_hosts(1), on_hosts(8)
    assert eighth.steps == alone.steps
    assert eighth.rows == pytest.approx(DATA.num_rows / 8, rel=1e-3)
    assert eighth.read_bytes == pytest.approx(alone.read_bytes / 8, rel=0.02)
    assert eighth.excess < 0.02
    assert eighth.memory_planned < alone.memory_planned / 4
    assert eighth.seconds_epoch == pytest.approx(alone.seconds_epoch / 8, rel=0.01)


@pytest.mark.parametrize(("hosts", "excess"), [(7, (0.5, 0.8)), (64, (2.5, 3.2)), (1000, (40, 65))])
def test_the_excess_of_lanes_that_several_ranks_touch_is_told(hosts, excess):
    """Of seven ranks some take rows of four sixteenths; 64 are four to a lane; 1,000 are 62 to one."""
    assert excess[0] < on_hosts(hosts).excess < excess[1]


def test_rows_as_long_as_a_piece_are_read_one_by_one_and_no_lane_in_vain():
    long = msgspec.structs.replace(DATA, num_bytes=DATA.num_rows * 40_000)
    assert on_hosts(64, long).excess < 0.15


def test_kept_rows_are_read_from_no_disk_and_those_of_a_cache_are():
    kept = msgspec.structs.replace(DATA, kept=True)
    assert on_hosts(4, kept).read_bytes == 0
    cached = on_hosts(4, options=PlanOptions(batch_size=1024, cache="always"))
    assert cached.read_bytes == pytest.approx(DATA.num_rows * DATA.row_bytes / 4, rel=0.05)


def test_units_that_are_decoded_as_a_whole_are_counted_as_such():
    few = msgspec.structs.replace(DATA, access="units", unit_rows=65_536)
    alone, eighth = on_hosts(1, few), on_hosts(8, few)
    assert alone.read_bytes > 10 * DATA.num_bytes
    assert eighth.seconds["parsing"] == pytest.approx(
        alone.seconds["parsing"] * eighth.read_bytes / alone.read_bytes
    )


def test_an_epoch_takes_what_its_slowest_stage_takes():
    slow = on_hosts(8, rows_per_second=10_000.0, parameters=1_000_000)
    assert slow.limit == "training"
    assert slow.seconds["training"] == slow.rows / 10_000
    sent = 2 * 7 / 8 * 4_000_000
    assert slow.seconds["exchanging"] == pytest.approx(slow.steps * sent / 1_250_000_000)
    assert slow.seconds_epoch == slow.seconds["training"] + slow.seconds["exchanging"]
    assert on_hosts(8, parameters=100_000_000).limit == "exchanging"
    assert on_hosts(8).limit == "parsing"
    stored = msgspec.structs.replace(DATA, survey_seconds=0.0)
    assert "parsing" not in on_hosts(8, stored).seconds
    assert on_hosts(8, stored).limit == "reading"
    assert on_hosts(8, stored).seconds_epoch == pytest.approx(on_hosts(8).read_bytes / 500_000_000)


def test_what_an_epoch_takes_is_not_known_where_nothing_is_that_takes_time(planned):
    lines = planned("--hosts", "2").splitlines()
    assert [line.split()[-2:] for line in lines if line.startswith(("1 ", "2 "))] == [["not", "known"]] * 2
    found = json.loads(planned("--hosts", "2", "--json"))["on_hosts"][-1]
    assert (found["seconds_epoch"], found["limit"]) == (None, None)


def test_more_hosts_than_rows_of_a_batch_are_refused():
    with pytest.raises(OptionError, match=r"1025 hosts cannot share batches of 1024 rows.*raise batch_size="):
        on_hosts(1025)


@pytest.mark.parametrize("kind", ["sequential", "exact", "block"])
@pytest.mark.parametrize("count", [1, 3, 4, 16, 48])
def test_bytes_are_at_most_what_is_told_and_not_far_below(kind, count):
    row, piece = 100, 4096
    order = OrderSpec(
        kind=kind,
        seed=5,
        batch_size=96,
        num_rows=100_000,
        block=128 if kind == "block" else 1,
        window=96 * 64,
        lanes=16,
    )
    sampler = make_sampler(order)
    for rank in {Rank(0, count), Rank(count // 2, count), Rank(count - 1, count)}:
        pieces = rows = 0
        for window in range(order.num_windows):
            positions = positions_in(sampler.request(1, window, rank).ranges)
            first, last = positions * row // piece, ((positions + 1) * row - 1) // piece
            pieces += len(np.unique(np.concatenate([first, last])))
            rows += len(positions)
        assert rows == rank_rows(order, rank)
        told = epoch_read_bytes(order, rank, row_bytes=row, piece_bytes=piece)
        assert pieces * piece <= 1.02 * told
        assert told <= 1.5 * pieces * piece


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10Gbit/s", 1_250_000_000), ("500MB/s", 500_000_000), ("1.5 GB", 1_500_000_000), ("800kbit", 100_000)],
)
def test_speeds_are_read_as_people_write_them(text, expected):
    assert parse_speed("network", text) == expected


@pytest.mark.parametrize("text", ["", "10", "Gbit", "10 Gb", "0MB/s", "-1MB/s", "fast"])
def test_speeds_that_are_none_are_refused_with_examples(text):
    with pytest.raises(OptionError, match="disk must be a speed such as 10Gbit/s or 500MB/s, got"):
        parse_speed("disk", text)


@pytest.fixture
def planned(tmp_path, capsys):
    """What `stoker plan` says of a small table, with more flags."""
    path = tmp_path / "t.csv"
    path.write_text("y,x\n" + "".join(f"{row % 2},{row * 31 % 17}\n" for row in range(1_000)))

    def plan(*flags: str) -> str:
        main(["plan", str(path), "--label", "y", *flags])
        told = capsys.readouterr()
        return told.out + told.err

    return plan


def test_the_command_tells_a_line_for_each_power_of_two_up_to_the_hosts(planned):
    lines = planned("--hosts", "6", "--batch-size", "100").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("hosts "))
    table = [line.split() for line in lines[at + 1 : at + 5]]
    assert [row[:4] for row in table] == [
        ["1", "100", "900", "9"],
        ["2", "50", "450", "9"],
        ["4", "25", "225", "9"],
        ["6", "17", "153", "9"],
    ]
    assert "left out: training (--rows-per-second); the exchange of gradients" in lines[at + 5]
    assert "each host is taken for a machine of its own" in " ".join(" ".join(lines[at + 6 :]).split())
    assert "machine of its own" not in planned("--hosts", "1")


def test_the_same_figures_are_in_the_json(planned):
    said = planned("--hosts", "2", "--json", "--rows-per-second", "1000", "--parameters", "10")
    alone, both = json.loads(said.splitlines()[-1])["on_hosts"]
    assert (alone["hosts"], both["hosts"]) == (1, 2)
    assert (both["steps"], both["rows"], both["limit"]) == (alone["steps"], 512, "training")
    assert set(both["seconds"]) == {"reading", "parsing", "training", "exchanging"}
    assert json.loads(planned("--json").splitlines()[-1])["on_hosts"] == []


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--disk", "3GB/s"], "--disk has no effect without --hosts"),
        (["--hosts", "2", "--network", "fast"], "--network must be a speed such as 10Gbit/s"),
        (["--hosts", "2", "--parameters", "0"], "--parameters must be above 0, got 0"),
        (
            ["--hosts", "257"],
            "257 hosts cannot share batches of 256 rows, each needs one at the least: raise",
        ),
    ],
)
def test_what_cannot_be_is_told_in_flags(planned, flags, told):
    assert told in planned(*flags)

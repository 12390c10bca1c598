"""``stoker plan --hosts``: what each host of a cluster would do, before there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated

import typer

from stoker.cli.panels import CLUSTER, flag
from stoker.errors import OptionError

if TYPE_CHECKING:
    from stoker.feed import BaseFeed
    from stoker.plan import Cluster, RankPlan

__all__ = ["ClusterOptions", "cluster_lines", "cluster_table", "clusters_of", "plans_of"]

_REMARKABLE_EXCESS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """Hosts that would train together, and how fast they are."""

    hosts: Annotated[
        int | None,
        typer.Option(
            "--hosts",
            help="Say what each of so many hosts would do, and of fewer.",
            rich_help_panel=CLUSTER,
            min=1,
            metavar="N",
            show_default=False,
        ),
    ] = None
    network: Annotated[
        str | None, flag("--network", CLUSTER, "What a host's network carries.", "SPEED", "10Gbit/s")
    ] = None
    disk: Annotated[str | None, flag("--disk", CLUSTER, "What a host's disk gives.", "SPEED", "500MB/s")] = (
        None
    )
    rows_per_second: Annotated[
        float | None,
        flag("--rows-per-second", CLUSTER, "What one host trains, as `stoker train` shows it.", "X"),
    ] = None
    parameters: Annotated[
        int | None,
        flag("--parameters", CLUSTER, "Numbers of the model, which hosts exchange at every step.", "N"),
    ] = None


def clusters_of(options: ClusterOptions) -> list[Cluster]:
    """Clusters of 1, 2, 4 hosts and so on up to those asked for; none where no flag asks.

    Raises
    ------
    OptionError
        If a speed is none, a figure is not above 0, or one is told without hosts.
    """
    from stoker.plan import DISK, NETWORK, Cluster, parse_speed

    given = {
        f"--{field.name.replace('_', '-')}": value
        for field in fields(options)
        if (value := getattr(options, field.name)) is not None
    }
    if given and options.hosts is None:
        raise OptionError(f"{next(iter(given))} has no effect without --hosts")
    for name in ("--rows-per-second", "--parameters"):
        if not given.get(name, 1) > 0:
            raise OptionError(f"{name} must be above 0, got {given[name]}")
    hosts = options.hosts or 0
    network = parse_speed("--network", options.network or NETWORK)
    disk = parse_speed("--disk", options.disk or DISK)
    return [
        Cluster(
            hosts=count,
            network=network,
            disk=disk,
            rows_per_second=options.rows_per_second,
            parameters=options.parameters,
        )
        for count in sorted({hosts, *(1 << power for power in range(hosts.bit_length()))})
        if count
    ]


def plans_of(feed: BaseFeed, clusters: Sequence[Cluster]) -> list[RankPlan]:
    """What a host of each cluster would do.

    Raises
    ------
    OptionError
        If there are more hosts than rows of a batch.
    """
    from stoker.plan import plan_ranks

    stage = feed.stage
    return [
        plan_ranks(stage.plan, stage.facts, stage.machine, stage.options.plan, cluster)
        for cluster in clusters
    ]


def cluster_table(plans: Sequence[RankPlan]) -> list[list[str]]:
    """A line for each number of hosts: what the one with most of it does in an epoch."""
    from stoker.training.lines import duration, grouped, size

    table = [["hosts", "rows a step", "rows", "steps", "reads", "memory", "an epoch", "limit"]]
    for plan in plans:
        table.append(
            [
                grouped(plan.hosts),
                grouped(plan.batch_rows),
                grouped(plan.rows),
                grouped(plan.steps),
                size(plan.read_bytes) if plan.read_bytes else "nothing",
                size(plan.memory_planned),
                "not known" if plan.seconds_epoch is None else duration(plan.seconds_epoch),
                plan.limit or "",
            ]
        )
    return table


def cluster_lines(plan: RankPlan) -> Iterator[tuple[str, str]]:
    """What the table does not say of the last number of hosts."""
    from stoker.training.lines import counted, duration

    hosts = counted(plan.hosts, "host")
    spent = [f"{name} {duration(seconds)}" for name, seconds in plan.seconds.items() if seconds]
    if spent:
        yield "time", f"of {hosts}: {' · '.join(spent)}"
    missing = {
        "parsing": "parsing, which a survey that was stored does not tell",
        "training": "training (--rows-per-second)",
        "exchanging": "the exchange of gradients (--parameters)",
    }
    unknown = [text for name, text in missing.items() if name not in plan.seconds]
    if unknown:
        yield "note", f"left out: {'; '.join(unknown)}"
    if plan.hosts > 1:
        yield (
            "note",
            "each host is taken for a machine of its own, like this one: processes of one machine share its "
            "cores, disk and network, which is not reckoned",
        )
    if plan.excess > _REMARKABLE_EXCESS:
        yield (
            "note",
            f"each of {hosts} reads {1 + plan.excess:.1f} times its part of what one would: what is read of "
            "a file for its rows holds rows of others, too (docs/scale.md)",
        )

"""``stoker plan``."""

from __future__ import annotations

from stoker.cli.cluster import ClusterOptions, cluster_lines, cluster_table, clusters_of, plans_of
from stoker.cli.flags import with_flags
from stoker.cli.options import DataOptions, OrderOptions, OutputOptions, TextOptions
from stoker.cli.picture import data_lines, plan_lines, text_lines
from stoker.cli.printing import print_json, print_lines, print_table
from stoker.cli.session import choose_display, make_feed, open_parts, prepare


def plan(
    data: DataOptions, order: OrderOptions, text: TextOptions, cluster: ClusterOptions, output: OutputOptions
) -> None:
    """Survey files and say how they would be trained on."""
    import msgspec

    from stoker.models.parts import needs
    from stoker.survey.teaching import told_hopeless

    clusters = clusters_of(cluster)
    train, valid = open_parts(data, order.seed, order.memory)
    feed = make_feed(train, data, order, text)
    display = choose_display(output)
    try:
        prepare(feed, display, draft_cache=False)
        needs(feed.spec, text.model)
        tested = feed.derive(valid)
        shared = tested.survey.files_shared_with(feed.survey)
    finally:
        display.close()
    on_hosts = plans_of(feed, clusters)
    if not output.quiet and not output.json:
        print_lines(data_lines(feed))
        print_lines(text_lines(feed, text))
        print_lines(
            ("warning", f"{one} holds the very bytes of {two}, which is trained on") for one, two in shared
        )
        hopeless = map(with_flags, told_hopeless(feed.survey, feed.spec.features))
        print_lines(("warning", sentence) for sentence in (*hopeless, *tested.stage.unread))
        print_lines(plan_lines(feed, tested, held_out=not data.valid, epochs=order.epochs))
        if on_hosts:
            print()
            print_table(cluster_table(on_hosts))
            print_lines(cluster_lines(on_hosts[-1]))
    if output.json:
        found = feed.survey
        print_json(
            {
                "rows": feed.num_rows,
                "validation_rows": tested.num_rows,
                "slots": found.num_slots,
                "bytes": found.num_bytes,
                "spec": msgspec.to_builtins(feed.spec),
                "choices": msgspec.to_builtins(feed.stage.choices),
                "plan": msgspec.to_builtins(feed.plan),
                "on_hosts": msgspec.to_builtins(on_hosts),
                "problems": [
                    msgspec.to_builtins(problem) | {"remedy": with_flags(problem.remedy)}
                    for problem in found.problems
                ],
            }
        )

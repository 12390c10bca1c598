"""``stoker plan``."""

from __future__ import annotations

from stoker.cli.flags import with_flags
from stoker.cli.options import DataOptions, OrderOptions, OutputOptions, TextOptions
from stoker.cli.picture import data_lines, plan_lines, text_lines
from stoker.cli.printing import print_json, print_lines
from stoker.cli.session import choose_display, make_feed, open_parts, prepare


def plan(data: DataOptions, order: OrderOptions, text: TextOptions, output: OutputOptions) -> None:
    """Survey files and say how they would be trained on."""
    import msgspec

    train, valid = open_parts(data, order.seed)
    feed = make_feed(train, data, order, text)
    display = choose_display(output)
    try:
        prepare(feed, display, draft_cache=False)
        tested = feed.derive(valid)
        shared = tested.survey.files_shared_with(feed.survey)
    finally:
        display.close()
    if not output.quiet and not output.json:
        print_lines(data_lines(feed))
        print_lines(text_lines(feed, text))
        print_lines(
            ("warning", f"{one} holds the very bytes of {two}, which is trained on") for one, two in shared
        )
        print_lines(plan_lines(feed, tested, held_out=not data.valid, epochs=order.epochs))
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
                "problems": [
                    msgspec.to_builtins(problem) | {"remedy": with_flags(problem.remedy)}
                    for problem in found.problems
                ],
            }
        )

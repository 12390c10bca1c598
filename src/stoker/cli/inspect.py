"""``stoker inspect``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stoker.cli.flags import with_flags
from stoker.cli.options import OutputOptions, ReadOptions
from stoker.cli.plots import bars, histogram, printable
from stoker.cli.printing import print_json, print_lines, print_table
from stoker.cli.session import choose_display, open_source
from stoker.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stoker.exploration import TableReport, TextReport
    from stoker.exploration.frequent import Ranked
    from stoker.exploration.tables import ImageReport, ListsReport
    from stoker.survey import LabelCounts

_MOST_CLASSES = 20
_MOST_COLUMNS = 40
_GRAMS = 15
_SIZES = 10


def inspect(data: ReadOptions, output: OutputOptions) -> None:
    """Show what is in files, in one pass: classes, lengths, frequent words; or columns and their numbers."""
    from stoker.exploration import explore_table, explore_texts

    if data.on_bad_row == "quarantine":
        raise OptionError("--on-bad-row quarantine has no effect on inspect, which leaves no files: say skip")
    source = open_source(data)
    display = choose_display(output)
    report: TextReport | TableReport
    try:
        with display.stage("inspect", "B") as progress:
            if source.is_text:
                report = explore_texts(source, on_bad_row=data.on_bad_row, progress=progress)
            else:
                report = explore_table(source, on_bad_row=data.on_bad_row, progress=progress)
    finally:
        display.close()
    if output.json:
        print_json(report.to_dict())
    elif not output.quiet:
        _print(report, source.label)


def _print(report: TextReport | TableReport, label: str | None) -> None:
    from stoker.exploration import TextReport

    print_lines(_text_lines(report) if isinstance(report, TextReport) else _table_lines(report))
    if report.labels is not None:
        _plot(f"rows by {printable(label or 'label')}", _classes(report.labels, report.class_names))
    if isinstance(report, TextReport):
        _plot_texts(report)
    else:
        for name, counts in report.more_labels.items():
            _plot(f"rows by {printable(name)}", _classes(counts, None))
        for image in report.images:
            _plot(f"{printable(image.name)} by width × height", _sizes(image))
        if report.columns or not report.images:
            _print_columns(report)


def _data_line(report: TextReport | TableReport) -> tuple[str, str]:
    from stoker.training.lines import counted, size

    paths = report.paths
    shown = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more files"
    left_out = f" · {counted(report.num_left_out, 'bad row')} left out" if report.num_left_out else ""
    return "data", f"{shown} · {size(report.num_bytes)} · {counted(report.num_rows, 'row')}{left_out}"


def _text_lines(report: TextReport) -> Iterator[tuple[str, str]]:
    from stoker.training.lines import grouped

    yield _data_line(report)
    lengths = report.lengths.words()
    if lengths:
        middle = f"{report.lengths.median_words:g}"
        yield "words", f"{middle} a row in the middle, {grouped(lengths[0][0])} to {grouped(lengths[-1][0])}"
    yield "model", f"auto takes {report.model}: {report.reason}"


def _table_lines(report: TableReport) -> Iterator[tuple[str, str]]:
    from stoker.training.lines import counted

    yield _data_line(report)
    if report.columns or not report.images:
        yield "columns", f"{counted(len(report.columns), 'column')} of numbers"
    for image in report.images:
        none = f" · {counted(image.num_others, 'value')} that are no images" if image.num_others else ""
        yield "images", f"{printable(image.name)}: {image.summary}{none}"
    if report.texts:
        shown = ", ".join(printable(name) for name in report.texts[:8]) + ", …" * (len(report.texts) > 8)
        yield "text", f"{shown} (--text looks into them)"
    for seen in report.lists:
        yield "lists", _told(seen)
    for note in report.notes:
        yield "note", with_flags(note)


def _told(seen: ListsReport) -> str:
    """What is in a column of lists."""
    from stoker.training.lines import counted, grouped

    told = f"{printable(seen.name)}: {grouped(seen.least)} to {counted(seen.longest, 'number')}"
    if seen.minimum is not None:
        told += f", from {seen.minimum:.6g} to {seen.maximum:.6g}"
    return told + (f", {grouped(seen.blanks)} blank" if seen.blanks else "")


def _classes(labels: LabelCounts, names: Sequence[str] | None) -> list[tuple[str, float, str]]:
    if labels.classes is None:
        return []
    from stoker.training.lines import grouped

    order = sorted(range(len(labels.classes)), key=lambda place: -labels.counts[place])
    rows = [
        (
            printable(_class_name(labels.classes[place], names)),
            float(labels.counts[place]),
            f"{grouped(labels.counts[place])}  {100 * labels.counts[place] / labels.num_rows:5.1f} %",
        )
        for place in order[:_MOST_CLASSES]
    ]
    others = order[_MOST_CLASSES:]
    if others:
        count = sum(labels.counts[place] for place in others)
        share = f"{grouped(count)}  {100 * count / labels.num_rows:5.1f} %"
        rows.append((f"{len(others)} others", float(count), share))
    return rows


def _class_name(label: object, names: Sequence[str] | None) -> str:
    if names is None or not isinstance(label, int) or not 1 <= label <= len(names):
        return str(label)
    return f"{label} {names[label - 1]}"


def _plot_texts(report: TextReport) -> None:
    from stoker.training.lines import grouped

    binned = histogram(report.lengths.words())
    _plot("rows by their words", [(name, float(rows), grouped(rows)) for name, rows in binned])
    for title, ranked in (("words", report.words), ("pairs of words", report.pairs)):
        _plot(f"the most frequent {title} ({_exactness(ranked)})", _grams(ranked))


def _grams(ranked: Ranked) -> list[tuple[str, float, str]]:
    from stoker.training.lines import grouped

    named = list(zip(ranked.names, ranked.counts, strict=True))[:_GRAMS]
    return [(printable(name), float(count), grouped(count)) for name, count in named]


def _sizes(image: ImageReport) -> list[tuple[str, float, str]]:
    from stoker.training.lines import grouped

    return [
        (f"{grouped(width)} × {grouped(height)}", float(count), grouped(count))
        for width, height, count in image.sizes[:_SIZES]
    ]


def _exactness(ranked: Ranked) -> str:
    from stoker.training.lines import grouped

    if ranked.distinct is not None:
        return f"{grouped(ranked.distinct)} different"
    return f"counts are at most {grouped(ranked.error)} too low"


def _plot(title: str, rows: list[tuple[str, float, str]]) -> None:
    if not rows:
        return
    print(f"\n{title}")
    for line in bars(rows):
        print(f"  {line}")


def _print_columns(report: TableReport) -> None:
    from stoker.training.lines import grouped

    if not report.columns:
        return
    rows = [["column", "kind", "blank", "min", "mean", "max", "std"]]
    for column in report.columns[:_MOST_COLUMNS]:
        numbers = (column.minimum, column.mean, column.maximum, column.std)
        texts = ["-" if number != number else f"{number:.6g}" for number in numbers]
        rows.append([printable(column.name), column.kind, grouped(column.blanks), *texts])
    print()
    print_table(rows)
    if len(report.columns) > _MOST_COLUMNS:
        print(f"and {len(report.columns) - _MOST_COLUMNS} more columns; --json has all of them")

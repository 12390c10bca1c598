"""``stoker evaluate``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stoker.cli.options import Files, Hosts, ModuleNames, OutputOptions, RunDirectory
from stoker.cli.printing import print_json, print_lines, print_table
from stoker.cli.scoring import (
    QuarantineFile,
    QueryText,
    RenamedColumns,
    UnscoredRows,
    renames,
    rows_to_score,
    trained,
)
from stoker.cli.session import warn_of_bad_rows

if TYPE_CHECKING:
    from stoker.training.evaluation import Evaluation, LabelScores

_MEASURES = ("accuracy", "auc", "mae", "rmse", "r2")
_MOST_COLUMNS = 20


def evaluate(
    directory: RunDirectory,
    files: Files,
    output: OutputOptions,
    query: QueryText = None,
    rename: RenamedColumns = None,
    on_bad_row: UnscoredRows = "skip",
    quarantine: QuarantineFile = None,
    modules: ModuleNames = None,
    hosts: Hosts = 1,
) -> None:
    """Measure a trained model on labelled files."""
    with trained(directory, modules, output) as (run, display):
        with display.stage("evaluate", "B") as progress:
            found = run.evaluate(
                rows_to_score(files, query),
                rename=renames(rename, run),
                on_bad_row=on_bad_row,
                quarantine=quarantine,
                hosts=hosts,
                progress=progress,
            )
        warn_of_bad_rows(display, found.skipped_rows, found.first_skipped, found.unread)
    if output.json:
        print_json(found.to_dict())
    elif not output.quiet:
        _print(found)


def _print(found: Evaluation) -> None:
    from stoker.training.lines import grouped

    skipped = f", {grouped(found.skipped_rows)} left out" if found.skipped_rows else ""
    lines = [("rows", f"{grouped(found.rows)}{skipped}"), ("loss", _number(found.loss))]
    own = found if len(found.labels) <= 1 else None  # of several labels a table tells
    measures = {name: None if own is None else getattr(own, name) for name in _MEASURES}
    others = {name: value for name, value in found.metrics.items() if name != "loss"}
    if found.sample_weight is not None:
        others = {f"{name}, weighted": value for name, value in others.items()}
        measures |= {f"{name}, weighted": getattr(own and own.weighted, name, None) for name in _MEASURES}
    measures |= {name: value for name, value in others.items() if measures.get(name) is None}
    lines += [(name, _number(value)) for name, value in measures.items() if value is not None]
    print_lines(lines)
    if len(found.labels) > 1:
        print()
        print_table(_label_table(found.labels))
        weighted = {name: each.weighted for name, each in found.labels.items() if each.weighted is not None}
        if weighted:
            print(f"\nweighted by {found.sample_weight}")
            print_table(_label_table(weighted))
        return
    if found.classes is None or found.precision is None:
        return
    print()
    print_table(_class_table(found))
    if found.weighted is not None:
        print(f"\nweighted by {found.sample_weight}")
        print_table(_class_table(found.weighted))
    if found.confusion is not None and len(found.classes) <= _MOST_COLUMNS:
        print("\nrows: true class, columns: predicted class")
        print_table(_confusion_table(found.classes, found.confusion))


def _label_table(labels: Mapping[str, LabelScores]) -> list[list[str]]:
    """A row for each label; precision and recall are those of its second class where it has two."""
    table = [["label", "task", *_MEASURES, "precision", "recall"]]
    for name, scores in labels.items():
        values = [getattr(scores, measure) for measure in _MEASURES]
        two = scores.precision is not None and len(scores.precision) == len(("no", "yes"))
        for values_of in (scores.precision, scores.recall):
            values.append(float(values_of[1]) if two and values_of is not None else None)
        shown = ["" if value is None else _number(value) for value in values]
        table.append([name, scores.task, *shown])
    return table


def _class_table(found: LabelScores) -> list[list[str]]:
    assert found.support is not None
    assert found.precision is not None
    assert found.recall is not None
    weighs = found.support.dtype.kind == "f"
    table = [["class", "weight" if weighs else "rows", "precision", "recall"]]
    for place, name in enumerate(found.classes or ()):
        measured = [_number(found.precision[place]), _number(found.recall[place])]
        table.append(
            [str(name), f"{found.support[place]:g}" if weighs else str(found.support[place]), *measured]
        )
    return table


def _confusion_table(classes: tuple[Any, ...], confusion: Any) -> list[list[str]]:
    names = [str(name) for name in classes]
    return [
        ["", *names],
        *([name, *map(str, row)] for name, row in zip(names, confusion.tolist(), strict=True)),
    ]


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4f}"

"""The lines that displays show, as plain text."""

from __future__ import annotations

import math
from collections.abc import Mapping

from stoker.plurals import plural
from stoker.training.report import FitReport, Snapshot, Validation

__all__ = [
    "amount",
    "bar",
    "counted",
    "done_line",
    "duration",
    "epoch_line",
    "grouped",
    "labelled",
    "size",
    "status_line",
    "validation_line",
    "waiting_line",
]

_LABEL_WIDTH = 10
_TOLD_SECONDS = 0.5
_ENDINGS = {"early_stopping": "stopped early", "max_time": "time is up"}


def labelled(name: str, text: str) -> str:
    """A line with its name in a column of its own.

    Examples
    --------
    >>> labelled("valid", "step 200")
    'valid     step 200'
    """
    return f"{name:<{_LABEL_WIDTH - 1}} {text}".rstrip()


def duration(seconds: float) -> str:
    """A time as a person says it.

    Examples
    --------
    >>> [duration(s) for s in (0.42, 12, 2760, 17880)]
    ['0.4 s', '12 s', '46 min', '4 h 58']
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02}"


def amount(number: float) -> str:
    """A number with three figures.

    Examples
    --------
    >>> [amount(n) for n in (87, 4321, 311_000, 1_910_000_000)]
    ['87', '4.32k', '311k', '1.91G']
    """
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * factor:
            return f"{number / factor:#.3g}".rstrip(".") + letter
    return f"{number:.0f}"


def size(num_bytes: float) -> str:
    """Bytes in decimal units.

    Examples
    --------
    >>> [size(n) for n in (900, 64_000_000, 1_900_000_000)]
    ['0.9 kB', '64 MB', '1.9 GB']
    """
    unit, factor = ("GB", 1e9) if num_bytes >= 1e9 else ("MB", 1e6) if num_bytes >= 1e6 else ("kB", 1e3)
    value = num_bytes / factor
    number = f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"
    return f"{number} {unit}"


def grouped(number: int) -> str:
    """Digits in groups of three.

    Examples
    --------
    >>> grouped(1160000)
    '1 160 000'
    """
    return f"{number:,}".replace(",", " ")


def counted(number: int, noun: str) -> str:
    """A number and what is counted.

    Examples
    --------
    >>> counted(1, "step"), counted(1160, "row")
    ('1 step', '1 160 rows')
    """
    return f"{grouped(number)} {plural(number, noun)}"


def bar(share: float, width: int = 10) -> str:
    """A bar of ``width`` characters, half characters included.

    Examples
    --------
    >>> bar(0.55)
    '━━━━━╸────'
    """
    halves = round(min(max(share, 0.0), 1.0) * 2 * width)
    return ("━" * (halves // 2) + "╸" * (halves % 2)).ljust(width, "─")


def _values(logs: Mapping[str, float]) -> str:
    return "  ".join(
        f"{name} {_value(value)}" for name, value in _loss_first(logs) if isinstance(value, float)
    )


def _loss_first(logs: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(logs.items(), key=lambda item: item[0] != "loss")


def _value(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    return f"{value:.3f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.3g}"


def epoch_line(snapshot: Snapshot, *, width: int = 10) -> str:
    """How far the epoch is: bar, share, rows a second, metrics, time left."""
    share = snapshot.batches / snapshot.num_batches
    parts = [bar(share, width)] if width else []
    parts.append(f"{100 * share:.0f} %")
    parts = [" ".join(parts), f"{amount(snapshot.rows_per_second)} rows/s", _values(snapshot.logs)]
    if snapshot.eta_seconds is not None and share < 1:
        parts.append(f"ETA {duration(snapshot.eta_seconds)}")
    name = f"epoch {snapshot.epoch + 1}/{snapshot.epochs}"
    return labelled(
        name, ("" if len(name) < _LABEL_WIDTH else " ") + "  ".join(part for part in parts if part)
    )


def waiting_line(snapshot: Snapshot) -> str:
    """What the epoch waits for."""
    parts = [f"waiting for data {100 * snapshot.waiting:.1f} %"]
    if snapshot.compile_seconds >= _TOLD_SECONDS:
        parts.append(f"compiled kernels for {duration(snapshot.compile_seconds)}, once")
    return " · ".join(parts)


def status_line(snapshot: Snapshot) -> str:
    """What the run waits for, and what memory it holds."""
    parts = [f"computing {100 - 100 * snapshot.waiting:.1f} %", waiting_line(snapshot)]
    if snapshot.memory_limit:
        held, limit = size(snapshot.memory_bytes), size(snapshot.memory_limit)
        same_unit = held.split()[1] == limit.split()[1]
        parts.append(f"{held.split()[0] if same_unit else held} of {limit}")
    parts.append(f"process {size(snapshot.process_bytes)}")
    if snapshot.saved_seconds is not None:
        parts.append(f"saved {duration(snapshot.saved_seconds)} ago")
    return labelled("", " · ".join(parts))


def validation_line(validation: Validation) -> str:
    """What a validation found."""
    logs = {name.removeprefix("val_"): value for name, value in validation.logs.items()}
    best = "  ← best" if validation.best else ""
    return labelled("valid", f"step {grouped(validation.step)}  {_values(logs)}{best}")


def done_line(report: FitReport) -> str:
    """How training ended."""
    parts = [duration(report.seconds)]
    if report.ended != "finished":
        parts.append(_ENDINGS.get(report.ended, report.ended))
    if report.best is not None and report.best_step is not None:
        parts += [f"best step {grouped(report.best_step)}", f"{report.monitor} {_value(report.best)}"]
    uses = report.rows / report.num_rows if report.num_rows else 0.0
    whole = uses == int(uses) and uses > 0
    parts.append(f"every row used {_times(uses)}" if whole else f"{grouped(report.rows)} rows used")
    return labelled("done", " · ".join(parts))


def _times(uses: float) -> str:
    return "once" if uses == 1 else f"{uses:.0f} times"

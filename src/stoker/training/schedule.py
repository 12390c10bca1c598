"""When something is due: after so many steps, so much time, or so many epochs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stoker.errors import OptionError

__all__ = ["CheckpointInterval", "Interval", "parse_checkpoint_interval", "parse_interval", "parse_seconds"]

_UNITS = {"s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TIME = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Every ``steps`` steps or every ``seconds`` seconds; one of the two is None."""

    steps: int | None = None
    seconds: float | None = None


def parse_seconds(text: str | float, *, option: str) -> float:
    """Seconds of ``"90s"``, ``"30min"``, ``"2h"``, ``"1d"`` or a number of seconds.

    Raises
    ------
    OptionError
        If it is not a positive time.

    Examples
    --------
    >>> parse_seconds("1.5h", option="max_time")
    5400.0
    """
    if isinstance(text, int | float):
        seconds = float(text)
    else:
        match = _TIME.fullmatch(text.lower())
        if match is None or match[2] not in _UNITS:
            raise OptionError(f"{option} must be a time such as '90s', '30min' or '2h', got {text!r}")
        seconds = float(match[1]) * _UNITS[match[2]]
    if not seconds > 0:
        raise OptionError(f"{option} must be longer than nothing, got {text!r}")
    return seconds


def parse_interval(text: str, *, option: str) -> Interval:
    """What ``"30min"`` or ``"5000steps"`` means.

    Raises
    ------
    OptionError
        If it is neither.

    Examples
    --------
    >>> parse_interval("5000steps", option="validate_every").steps
    5000
    """
    match = re.fullmatch(r"\s*(\d+)\s*steps?\s*", text.lower())
    if match is None:
        try:
            return Interval(seconds=parse_seconds(text, option=option))
        except OptionError as error:
            raise OptionError(f"{error} (or a number of steps, such as '5000steps')") from None
    if int(match[1]) < 1:
        raise OptionError(f"{option} must be at least 1 step, got {text!r}")
    return Interval(steps=int(match[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointInterval(Interval):
    """When a checkpoint is due: any of the three that is not None.

    ``sparing`` leaves out those after epochs where they would come so often that training felt it.
    """

    epochs: int | None = None
    sparing: bool = False


def parse_checkpoint_interval(text: str | None, *, option: str) -> CheckpointInterval:
    """What ``"500steps"``, ``"5min"`` or ``"1epoch"`` means; None is five minutes and every epoch.

    Raises
    ------
    OptionError
        If it is none of these.

    Examples
    --------
    >>> parse_checkpoint_interval("2epochs", option="checkpoint_every").epochs
    2
    >>> parse_checkpoint_interval(None, option="checkpoint_every").seconds
    300.0
    """
    if text is None:
        return CheckpointInterval(seconds=300.0, epochs=1, sparing=True)
    match = re.fullmatch(r"\s*(\d+)\s*epochs?\s*", text.lower())
    if match is not None:
        if int(match[1]) < 1:
            raise OptionError(f"{option} must be at least 1 epoch, got {text!r}")
        return CheckpointInterval(epochs=int(match[1]))
    try:
        found = parse_interval(text, option=option)
    except OptionError as error:
        raise OptionError(f"{error}; or give epochs, such as '1epoch'") from None
    return CheckpointInterval(steps=found.steps, seconds=found.seconds)

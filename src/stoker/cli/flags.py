"""The library's words for its options as this program's flags.

Below the command line, a message names options as Python does: ``na={'age': 'mean'}``, ``on_bad_row='skip'``,
``drop=``. Here they become ``--na age=mean``, ``--on-bad-row skip`` and ``--drop``, ready for a shell.
"""

from __future__ import annotations

import ast
import re
import shlex

from stoker.cli.words import listed

__all__ = ["library_names", "with_flags"]

_SAME_NAMES = (
    "batch_size|cache|checkpoint_every|class_weight|columns|delimiter|drop|early_stopping|epochs|header|keep|label|learning_rate"
    "|keep_checkpoints|on_checkpoint_error|resume|format|group|hosts|init|max_bad_rows|max_features|max_time|memory|monitor|na|on_bad_row|on_nan|output|overwrite|query|quarantine|quote|rename|run|seed"
    "|shuffle|task|text|transform|types"
    "|stratify|validate_every|where"
)
_FLAGS: dict[str, str] = {name: f"--{name.replace('_', '-')}" for name in _SAME_NAMES.split("|")} | {
    "compression": "--compression",
    "embeddings": "--embeddings",
    "loss_weights": "--loss-weights",
    "metrics": "--metric",
    "model": "--model",
    "sample_weight": "--weight-column",
    "step": "--step",
    "target": "--target",
    "validation": "--valid",
}
_NEGATED = {"header": "--no-header"}

_TEXT = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_PAIR = rf"{_TEXT}: {_TEXT}"
_VALUE = rf"\{{{_PAIR}(?:, {_PAIR})*\}}|\[{_TEXT}(?:, {_TEXT})*\]|{_TEXT}|True|False|\d+"
_TWINS = "verify|replay|evaluate|predict"
"""Functions of the library that are commands with the same name and the same first argument."""
_QUOTED_OR_OPTION = re.compile(
    rf"stoker\.(?P<command>{_TWINS})\((?P<on>{_TEXT})\)|stoker\.\w+\([^()]*\)|(?<!\w){_TEXT}|(?<![\w.])(?P<name>{'|'.join(_FLAGS)})=(?:(?P<value>{_VALUE})|(?=[\s,.;:)]|$))"
)


def with_flags(message: str) -> str:
    """A message of the library in the words of the command line; what it quotes of the data stays as it is.

    Examples
    --------
    >>> with_flags("2 blank values: na={'unit price': 'mean'} or drop=['unit price']")
    "2 blank values: --na 'unit price=mean' or --drop 'unit price'"
    >>> with_flags("it holds 'drop=', so say header=False, or quote='' if need be; name it with label=")
    "it holds 'drop=', so say --no-header, or --quote none if need be; name it with --label"
    >>> with_flags("stoker.verify('runs/a') tells; stoker.resume('runs/a', model=, feed=) goes on")
    "stoker verify runs/a tells; stoker.resume('runs/a', model=, feed=) goes on"
    """
    return _QUOTED_OR_OPTION.sub(_as_flag, message)


def library_names(flag: str) -> list[str]:
    """What the library calls the option that is a flag here.

    Examples
    --------
    >>> library_names("metric"), library_names("batch-size")
    (['metrics'], ['batch_size'])
    """
    return [name for name, written in _FLAGS.items() if written == f"--{flag}"]


def _as_flag(found: re.Match[str]) -> str:
    name, written = found["name"], found["value"]
    if found["command"] is not None:
        return f"stoker {found['command']} {shlex.quote(ast.literal_eval(found['on']))}"
    if name is None:
        return found[0]
    if written is None:
        return _FLAGS[name]
    value = ast.literal_eval(written)
    if isinstance(value, bool):
        return _FLAGS[name] if value else _NEGATED.get(name, f"no {_FLAGS[name]}")
    return f"{_FLAGS[name]} {shlex.quote(_word(value))}"


def _word(value: object) -> str:
    if isinstance(value, dict):
        return listed(f"{column}={choice}" for column, choice in value.items())
    if isinstance(value, list):
        return listed(value)
    return str(value) or "none"

"""In what two runs differ, each difference with what it is there and here, for people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

import msgspec
import numpy as np

from stoker.runrecords import RunRecord

__all__ = [
    "DECIDING",
    "Files",
    "backend_differences",
    "between",
    "differences",
    "file_differences",
    "order_differences",
    "plain",
    "settings_differences",
    "transform_digest",
]

_MOST_SHOWN = 120

DECIDING = (
    "monitor",
    "early_stopping",
    "validate_every",
    "validation_steps",
    "initial_epoch",
    "validation_rows",
    "loss",
    "loss_weights",
    "optimizer",
    "jit_compile",
    "run_eagerly",
    "layers",
    "class_weight",
)
"""What of ``training`` in run.json decides what is learned; epochs, time and checkpoints may be others."""

Files: TypeAlias = Sequence[tuple[str, Any]]
"""Paths, each with what tells the file's content from another's."""


def plain(value: Any) -> Any:
    """As it comes back from JSON, the order of names aside."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=_told, order="deterministic"))


def _told(value: Any) -> Any:
    """Other objects by their class: their text may name an address."""
    return value.item() if isinstance(value, np.generic) else type(value).__qualname__


def between(name: str, old: Any, new: Any) -> Iterator[str]:
    """Every difference of plain data, by the names that lead to it.

    Examples
    --------
    >>> list(between("layers", {"0 Dense": {"units": 8}}, {"0 Dense": {"units": 16}}))
    ['layers.0 Dense.units: 8 there, 16 here']
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from between(f"{name}.{key}".replace(".config.", "."), old.get(key), new.get(key))
    elif old != new:
        yield f"{name.removesuffix('.steps')}: {_short(old)} there, {_short(new)} here"


def file_differences(there: Files, here: Files) -> Iterator[str]:
    """The first file that is another, or how many there are.

    Examples
    --------
    >>> list(file_differences([("a.csv", 10)], [("b.csv", 20)]))
    ['files: a.csv there, b.csv here']
    >>> list(file_differences([("a.csv", 10)], [("a.csv", 20)]))
    ['files: a.csv holds something else']
    """
    if len(there) != len(here):
        yield f"files: {len(there)} there, {len(here)} here"
        return
    for (old, known), (new, found) in zip(there, here, strict=True):
        if known != found:
            yield f"files: {new} holds something else" if old == new else f"files: {old} there, {new} here"
            return


def order_differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """What is not the same of two orders of rows, of what is known here.

    Examples
    --------
    >>> list(order_differences({"seed": 0, "window": 512}, {"seed": 3}))
    ['order of rows, seed: 0 there, 3 here']
    """
    for name, new in here.items():
        hint = " (memory= decides it)" if name in ("window", "block") else ""
        yield from (f"{text}{hint}" for text in between(f"order of rows, {name}", there[name], new))


def backend_differences(there: str, here: str) -> Iterator[str]:
    """Whether the backends of Keras are others.

    Examples
    --------
    >>> list(backend_differences("jax", "torch"))
    ['backend: jax there, torch here (KERAS_BACKEND=jax sets it)']
    """
    if there != here:
        yield f"backend: {there} there, {here} here (KERAS_BACKEND={there} sets it)"


def differences(there: RunRecord, here: RunRecord) -> Iterator[str]:
    """In what the record of a run differs from that of another; nothing where they are of one plan."""
    yield from backend_differences(there.backend, here.backend)
    if there.generator != here.generator:
        old, new = (None if each is None else each.name for each in (there.generator, here.generator))
        yield f"what is trained on: {old or 'files'} there, {new or 'files'} here"
        return
    if there.plan is not None and here.plan is not None:
        yield from order_differences(asdict(there.plan.order), asdict(here.plan.order))
    spec_there, spec_here = there.spec, here.spec
    pairs: list[tuple[str, Any, Any]] = [
        ("rows of the files", there.source.get("view"), here.source.get("view")),
        ("columns", _names(there), _names(here)),
        ("label", spec_there and spec_there.labels, spec_here and spec_here.labels),
        ("sample weight", spec_there and spec_there.sample_weight, spec_here and spec_here.sample_weight),
        ("task", spec_there and spec_there.task, spec_here and spec_here.task),
        ("classes", spec_there and spec_there.classes, spec_here and spec_here.classes),
        ("blanks and bad rows", there.policy, here.policy),
        ("transform", transform_digest(there.transform), transform_digest(here.transform)),
        ("target", transform_digest(there.target), transform_digest(here.target)),
    ]
    for name, old, new in pairs:
        yield from between(name, plain(old), plain(new))


def settings_differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """What is not the same of `DECIDING`, of what both tell: an earlier stoker recorded less.

    Examples
    --------
    >>> list(settings_differences({"loss": "mse", "layers": {}}, {"loss": "mae"}))
    ['loss: mse there, mae here']
    """
    for name in DECIDING:
        if name in there and name in here:
            yield from between(name, plain(there[name]), plain(here[name]))


def transform_digest(transform: Mapping[str, Any]) -> str:
    """Name and digest of a fitted transform's state, as run.json has it."""
    name = str(transform.get("name", "none"))
    return f"{name} {hashlib.blake2b(msgspec.json.encode(plain(transform)), digest_size=8).hexdigest()}"


def _names(record: RunRecord) -> list[str]:
    return [f"{column.name} ({column.kind})" for column in record.columns]


def _short(value: Any) -> str:
    text = " then ".join(map(_step, value)) if _are_steps(value) else str(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}…"


def _are_steps(value: Any) -> bool:
    """Whether this says how rows were chosen, step by step."""
    return isinstance(value, list) and bool(value) and all(isinstance(e, dict) and "kind" in e for e in value)


def _step(step: dict[str, Any]) -> str:
    rest = ", ".join(f"{name} {value}" for name, value in step.items() if name != "kind")
    return f"{step['kind']} ({rest})"

"""In what two runs differ, each difference with what it is there and here, for people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from stoker.contrasts import (
    between,
    chosen_rows,
    name_differences,
    plain,
    row_differences,
    transform_differences,
)
from stoker.runrecords import GeneratorRecord, RunRecord

__all__ = [
    "DECIDING",
    "backend_differences",
    "differences",
    "order_differences",
    "settings_differences",
    "transform_digest",
]

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

_ORDER_WORDS = {
    "kind": ("kind", "shuffle= decides it"),
    "num_rows": ("number of rows", ""),
    "block": ("rows of a block", "memory= decides it"),
    "window": ("rows of a window", "memory= decides it"),
    "lanes": ("parts of a window", "batch_size= decides it"),
}
_KINDS = {"sequential": "as in the files"}


def order_differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """What is not the same of two orders of rows, of what is known here.

    Examples
    --------
    >>> list(order_differences({"seed": 0, "window": 512}, {"seed": 3}))
    ['order of rows, seed: 0 there, 3 here']
    >>> list(order_differences({"kind": "block"}, {"kind": "sequential"}))
    ['order of rows, kind: block there, as in the files here (shuffle= decides it)']
    """
    for name, new in here.items():
        word, hint = _ORDER_WORDS.get(name, (name, ""))
        old, new = (_KINDS.get(each, each) if name == "kind" else each for each in (there[name], new))
        told = between(f"order of rows, {word}", old, new)
        yield from (f"{text} ({hint})" if hint else text for text in told)


def backend_differences(there: str, here: str) -> Iterator[str]:
    """Whether the backends of Keras are others.

    Examples
    --------
    >>> list(backend_differences("jax", "torch"))
    ['backend: jax there, torch here (KERAS_BACKEND=jax sets it)']
    """
    if there != here:
        yield f"backend: {there} there, {here} here (KERAS_BACKEND={there} sets it)"


def generator_differences(there: GeneratorRecord | None, here: GeneratorRecord | None) -> Iterator[str]:
    """What is not the same of two generators, as far as anything is known of them.

    Examples
    --------
    >>> there = GeneratorRecord(name="Rows", steps_per_epoch=8, workers=1, use_multiprocessing=False)
    >>> list(generator_differences(there, msgspec.structs.replace(there, steps_per_epoch=None)))
    ['steps_per_epoch of the generator Rows: 8 there, its own length here']
    """
    if there == here:
        return
    if there is None or here is None or there.name != here.name:
        old, new = ("files" if each is None else f"the generator {each.name}" for each in (there, here))
        yield f"what is trained on: {old} there, {new} here"
        return
    for name in ("steps_per_epoch", "workers", "use_multiprocessing"):
        old, new = (
            "its own length" if each is None and name == "steps_per_epoch" else each
            for each in (getattr(there, name), getattr(here, name))
        )
        yield from between(f"{name} of the generator {here.name}", old, new)


def differences(there: RunRecord, here: RunRecord) -> Iterator[str]:
    """In what the record of a run differs from that of another; nothing where they are of one plan."""
    yield from backend_differences(there.backend, here.backend)
    if there.generator != here.generator:
        yield from generator_differences(there.generator, here.generator)
        return
    if there.plan is not None and here.plan is not None:
        yield from order_differences(asdict(there.plan.order), asdict(here.plan.order))
    yield from row_differences("rows of the files", chosen_rows(there.source), chosen_rows(here.source))
    yield from name_differences("columns", _names(there), _names(here))
    yield from _spec_differences(there, here)
    yield from between("blanks (na=)", _blanks(there), _blanks(here))
    yield from between("bad rows (on_bad_row=)", *(each.policy.get("on_bad_row") for each in (there, here)))
    for name in ("transform", "target"):
        old, new = (transform_digest(getattr(each, name)) for each in (there, here))
        yield from transform_differences(name if name == "transform" else "transform of the label", old, new)


def _spec_differences(there: RunRecord, here: RunRecord) -> Iterator[str]:
    """What is not the same of labels and tasks."""
    old, new = there.spec, here.spec
    if old is None or new is None:
        return
    yield from name_differences("label", plain(old.labels), plain(new.labels))
    yield from between("sample weight", old.sample_weight, new.sample_weight)
    yield from between("task", old.task, new.task)
    yield from name_differences("classes", plain(old.classes), plain(new.classes))


def settings_differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """What is not the same of `DECIDING`, of what both tell: an earlier stoker recorded less.

    Examples
    --------
    >>> list(settings_differences({"loss": "mse", "layers": {}}, {"loss": "mae"}))
    ['loss: mse there, mae here']
    >>> list(settings_differences({"class_weight": None}, {"class_weight": "a digest"}))
    ['class_weight: none there, others here']
    """
    for name in DECIDING:
        if name not in there or name not in here:
            continue
        old, new = plain(there[name]), plain(here[name])
        if name == "validation_rows":
            yield from row_differences("rows to validate on", old, new)
        elif name == "class_weight" and old != new:
            known, given = ("none" if each is None else "others" for each in (old, new))
            yield (
                f"class_weight: {known} there, {given} here"
                if known != given
                else "class_weight: others here"
            )
        else:
            yield from between(name, old, new)


def transform_digest(transform: Mapping[str, Any]) -> str:
    """Name and digest of a fitted transform's state, as run.json has it."""
    name = str(transform.get("name", "none"))
    return f"{name} {hashlib.blake2b(msgspec.json.encode(plain(transform)), digest_size=8).hexdigest()}"


def _blanks(record: RunRecord) -> Any:
    """What becomes of the blanks of the columns that are used; others were left out of themselves, or not."""
    words, used = plain(record.policy.get("na")), {column.name for column in record.columns}
    return {name: words[name] for name in words if name in used} if isinstance(words, dict) else words


def _names(record: RunRecord) -> list[str]:
    return [f"{column.name} ({column.kind})" for column in record.columns]

"""Duties of every transform, of numbers and of texts, written once; see `stoker.types.Transform`.

A suite inherits them with its own transforms, rows, and way to compare what comes out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest

from stoker.errors import OptionError
from stoker.transforms import from_state
from stoker.transforms.base import FittedTransform
from stoker.types import Rows

__all__ = ["MadeWhenAsked", "SharedDuties", "encoded"]


class MadeWhenAsked(Mapping[str, Any]):
    """What `make` gives for each name, from when it is first asked for.

    What learns while the tests are collected has its kernels compiled by every worker of them at once.
    """

    def __init__(self, names: Iterable[str], make: Callable[[str], Any]) -> None:
        self._names, self._make = tuple(names), functools.cache(make)

    def __getitem__(self, name: str) -> Any:
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def encoded(transform: FittedTransform) -> bytes:
    """What a transform has learned."""
    return msgspec.json.encode(transform.state())


class SharedDuties:
    """To be inherited by a class of tests that is parametrised by ``name``.

    Attributes
    ----------
    unfitted
        Makes each transform anew.
    fitted
        The same, which have learned from all rows.
    rows
        All rows.
    part
        Rows from the first number to before the second.
    bits
        Of what `apply` returns: what tells two of them apart.
    taken_at_once
        Rows that each of many threads asks for.
    """

    unfitted: ClassVar[Mapping[str, Callable[[], Any]]]
    fitted: ClassVar[Mapping[str, Any]]
    rows: ClassVar[Rows]
    part: ClassVar[Callable[[int, int], Rows]]
    bits: ClassVar[Callable[[Any], Any]]
    taken_at_once: ClassVar[int] = 300

    def applied(self, name: str, take: Any) -> Any:
        """What becomes of some rows, to be compared."""
        return type(self).bits(self.fitted[name].apply(self.rows, take))

    def test_merging_one_that_has_seen_nothing_changes_nothing(self, name: str):
        fitted = self.unfitted[name]().partial_fit(self.rows)
        assert encoded(fitted.merge(self.unfitted[name]())) == encoded(self.fitted[name])
        assert encoded(self.unfitted[name]().merge(fitted)) == encoded(self.fitted[name])

    def test_the_state_survives_json_bit_for_bit(self, name: str):
        fitted, take = self.fitted[name], np.arange(0, self.rows.num_rows, 7)
        copy = from_state(msgspec.json.decode(encoded(fitted)))
        assert type(copy) is type(fitted)
        assert encoded(copy) == encoded(fitted)
        assert type(self).bits(copy.apply(self.rows, take)) == self.applied(name, take)

    def test_a_new_fit_forgets_the_last(self, name: str):
        again = self.unfitted[name]().fit(type(self).part(0, 100)).fit(self.rows)
        assert encoded(again) == encoded(self.fitted[name])

    def test_apply_may_run_in_many_threads_at_once(self, name: str):
        takes = [
            np.random.default_rng(seed).integers(0, self.rows.num_rows, self.taken_at_once)
            for seed in range(16)
        ]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda take: self.applied(name, take), takes))
        for take, found in zip(takes, together, strict=True):
            assert found == self.applied(name, take)

    def test_of_no_row_come_arrays_of_no_row(self, name: str):
        none = np.arange(0)
        alone = self.fitted[name].apply(type(self).part(0, 0), none)
        assert type(self).bits(alone) == self.applied(name, none)

    def test_rows_outside_are_refused(self, name: str):
        for strange in (-1, self.rows.num_rows):
            with pytest.raises(IndexError):
                self.fitted[name].apply(self.rows, np.array([0, strange]))

    def test_an_unfitted_transform_says_so(self, name: str):
        unfitted = self.unfitted[name]()
        if not unfitted.is_fitted:
            with pytest.raises(OptionError, match="not fitted"):
                unfitted.apply(self.rows, np.arange(3))

"""The order of rows as arithmetic: OrderSpec to read requests."""

from __future__ import annotations

from stoker.samplers.base import BaseSampler, positions_in
from stoker.samplers.block import BlockSampler
from stoker.samplers.exact import ExactSampler
from stoker.samplers.sequential import SequentialSampler
from stoker.types import OrderKind, OrderSpec

__all__ = ["BlockSampler", "ExactSampler", "SequentialSampler", "make_sampler", "positions_in"]

_KINDS: dict[OrderKind, type[BaseSampler]] = {
    "sequential": SequentialSampler,
    "exact": ExactSampler,
    "block": BlockSampler,
}


def make_sampler(spec: OrderSpec) -> BaseSampler:
    """Make the sampler of an order.

    Examples
    --------
    >>> from stoker.types import OrderSpec
    >>> spec = OrderSpec(kind="exact", seed=7, batch_size=2, num_rows=5, block=1, window=4, lanes=2)
    >>> make_sampler(spec).positions(epoch=0, start=0, stop=5).tolist()
    [3, 1, 0, 4, 2]
    """
    return _KINDS[spec.kind](spec)

"""Seek to the middle of an epoch of 10⁹ synthetic rows: from (epoch, batch) to the first batch's rows.

The rows are a view of a file of 1.1 × 10⁹ slots: 90 % by the split rule, less 1,000 bad rows. A seek
opens a new stream at the middle, as a resumed run does, and ends when the first batch is there: the window's
read request is computed, its positions turned into row ids, the rows pointed at and the batch taken. Nothing
is replayed and no list of rows is kept, so that the place does not matter. The plan resolves the order for
the default budget; a window of a narrow table has more rows, and all of them are located.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.common import Contestant, Figure, Report, Settings, alone, interleave

NUM_SLOTS = 1_111_111_112
STORED_ROWS = 4_096
MEMORY = 1_000_000_000
BATCH = 256
REPEATS = 3


def _order(num_rows: int, num_columns: int, shuffle: Any) -> Any:
    from stoker.plan import DataFacts, PlanOptions, resolve_order

    facts = DataFacts(
        num_rows=num_rows,
        num_slots=NUM_SLOTS,
        num_bytes=NUM_SLOTS * 4 * num_columns,
        num_features=num_columns - 1,
        num_columns=num_columns,
        row_bytes=num_columns,
    )
    return resolve_order(facts, PlanOptions(batch_size=BATCH, shuffle=shuffle, seed=7, memory_bytes=MEMORY))


class SyntheticReader:
    """A cache of which all rows lie in the same few places: it points at rows and copies none."""

    num_slots = NUM_SLOTS

    def __init__(self, num_columns: int) -> None:
        import numpy as np

        from stoker.types import Matrix

        self._features = tuple(f"#{column}" for column in range(num_columns - 1))
        self._matrix = Matrix.of(np.zeros((STORED_ROWS, len(self._features)), np.uint8))

    def read(self, ids: Any) -> Any:
        """Rows by their places."""
        from stoker.types import Rows

        return Rows(
            num_rows=len(ids), features=self._features, matrix=self._matrix, index=ids & (STORED_ROWS - 1)
        )

    def close(self) -> None:
        """Nothing is held."""


def seek(shuffle: Any, num_columns: int) -> Callable[[], dict[str, Any]]:
    import numpy as np

    from stoker.ledger import Ledger
    from stoker.loader import Loader
    from stoker.samplers import make_sampler
    from stoker.sources.views import SplitSpec, View
    from stoker.stream import BatchStream, StreamLimits

    bad = np.sort(np.random.default_rng(0).choice(NUM_SLOTS, 1_000, replace=False))
    view = View().then(SplitSpec(fraction=0.9, seed=7, part=0)).bind(NUM_SLOTS, bad)
    spec = _order(view.num_rows, num_columns, shuffle)
    loader = Loader(SyntheticReader(num_columns), view, Ledger(MEMORY), 0, 0)
    limits = StreamLimits(workers=2, windows_in_flight=1, group_batches=1, groups_in_flight=1)

    def once(epoch: int) -> float:
        start = time.perf_counter()
        stream = BatchStream(
            loader,
            make_sampler(spec),
            lambda group: [group.ids],
            epoch=epoch,
            start_batch=spec.num_batches // 2,
            limits=limits,
        )
        ids = next(stream)
        seconds = time.perf_counter() - start
        stream.close()
        assert len(ids) == BATCH
        return seconds

    def turn() -> dict[str, Any]:
        seconds = sorted(once(epoch) for epoch in range(REPEATS))
        return {"milliseconds": 1e3 * seconds[REPEATS // 2], "window": spec.window, "rows": spec.num_rows}

    return turn


def run(settings: Settings) -> Report:
    """Measure each order."""
    orders = {"block": True, "exact": "exact", "sequential": False}
    contestants = [
        Contestant(
            name=f"{order}, {num_columns} columns",
            target="benchmarks.seek:seek",
            options={"shuffle": shuffle, "num_columns": num_columns},
        )
        for num_columns in (785, 10)
        for order, shuffle in orders.items()
    ]
    results = interleave(contestants, settings)
    return Report(
        title="Seek to the middle of an epoch of 10⁹ synthetic rows, to the first batch",
        header=("order", "ms min", "median", "max", "first in the process", "rows", "window"),
        rows=tuple(
            (
                name,
                *found["milliseconds"].cells("{:.2f}".format),
                f"{found['milliseconds'].first:.2f}",
                f"{found['rows'].median:,.0f}",
                f"{found['window'].median:,.0f}",
            )
            for name, found in results.items()
        ),
        figures=tuple(
            Figure(
                what=f"seek in 10⁹ rows, {name}",
                bound=10,
                measured=found["milliseconds"].median,
                at_least=False,
                unit="ms",
            )
            for name, found in results.items()
        ),
        notes=("no peer seeks: they replay the epoch, or store a permutation of 8 GB",),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")

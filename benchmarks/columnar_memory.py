"""Peak memory of walking through a Parquet file of 20 columns, and one of ten times the rows.

Rows come from the cache that the survey's pass writes: ``cache="always"`` keeps none in memory, which 100,000
would fit. These and a million; a million and ten with ``--full``. How the peak is taken:
`benchmarks.memory_scaling`.
"""

from __future__ import annotations

from benchmarks.common import Contestant, Figure, Report, Settings, alone, interleave
from benchmarks.sources import COLUMNS, write_table

MEMORY = "128MB"


def run(settings: Settings) -> Report:
    """Measure both, a shuffled epoch from stoker's cache behind the survey that wrote it."""
    few = 1_000_000 if settings.full else 100_000
    contestants = [
        Contestant(
            name=f"{count:,} rows",
            target="benchmarks.memory_scaling:walk",
            options={
                "path": str(write_table(settings.work / f"numbers-{count}.parquet", count)),
                "cache": "always",
                "epochs": 1,
                "memory": MEMORY,
            },
            rounds=2,
        )
        for count in (few, 10 * few)
    ]
    found = interleave(contestants, settings)
    one, ten = (answers["anonymous"].median for answers in found.values())
    return Report(
        title=f"Memory of ten times the rows: Parquet of {COLUMNS} columns, memory={MEMORY}",
        header=("what", "peak anonymous MB", "mapped MB", "ledger MB"),
        rows=tuple(
            (name, *(f"{max(answers[each].values):.1f}" for each in ("anonymous", "mapped", "ledger")))
            for name, answers in found.items()
        ),
        figures=(
            Figure(
                what=f"Parquet: peak anonymous memory, {10 * few:,} rows ÷ {few:,}",
                bound=1.05,
                measured=ten / one,
                at_least=False,
            ),
        ),
        notes=("mapped MB counts program files beside stoker's own index and cache",),
    )


if __name__ == "__main__":
    alone(run, __doc__ or "")

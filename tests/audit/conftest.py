"""A run of the rows that a test names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "checkpoints"))

from recorded_runs import open_table, record_run, write_table

from stoker.feed import Feed
from stoker.rundir import RunDirectory
from stoker.sources import Source


@pytest.fixture
def a_run(tmp_path: Path) -> Callable[..., RunDirectory]:
    """Records a run on a table of 500 rows, or on the source given."""

    def make(
        source: Source | None = None,
        *,
        epochs: int = 2,
        last_batches: int | None = None,
        valid: Path | None = None,
        **options: Any,
    ):
        if source is None:
            source = open_table(write_table(tmp_path / "data.csv", 500))
        feed = Feed(source, **({"batch_size": 16, "seed": 3, "memory": "64MB", "cache": "never"} | options))
        tested = None if valid is None else feed.derive(valid)
        with_feed = record_run(
            tmp_path / "run", feed, epochs=epochs, last_batches=last_batches, validation=tested
        )
        feed.close()
        return with_feed

    return make

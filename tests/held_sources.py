"""Sources of rows that another library holds or hands out: what the contracts are run on."""

from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest

import stoker
from stoker.sources import Source
from stoker.sources.choice import Choice
from stoker.sources.columnar.stream import StreamUnits, stream_table
from written_sources import NUM_ROWS, columns_of


def require_installed(library: str) -> None:
    """Skip the test where the library is not there; a folder of the tests may have its name."""
    if not any(found.metadata["Name"] == library for found in metadata.distributions()):
        pytest.skip(f"{library} is not installed: make test-backends has it")


class Items:
    """A map-style data set."""

    def __init__(self, make: Callable[[int], Any], count: int) -> None:
        self._make, self._count = make, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> Any:
        return self._make(place)


class Streamed:
    """What hands out an Arrow stream anew each time."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


def hold_polars(folder: Path) -> Source:
    return stoker.open(polars.from_arrow(columns_of(0, NUM_ROWS)), label="kind")


def hold_table(folder: Path) -> Source:
    return stoker.open(columns_of(0, NUM_ROWS), label="kind")


def hold_frame(folder: Path) -> Source:
    rng = np.random.default_rng(10)
    frame = pd.DataFrame(
        {"x": rng.normal(size=NUM_ROWS), "kind": np.array(list("abc"))[np.arange(NUM_ROWS) % 3]}
    )
    return stoker.open(frame, label="kind")


def hold_mapping(folder: Path) -> Source:
    rng = np.random.default_rng(15)
    columns = {"x": rng.normal(size=(NUM_ROWS, 3)), "kind": ["abc"[row % 3] for row in range(NUM_ROWS)]}
    return stoker.open(columns, label="kind")


def hold_array(folder: Path) -> Source:
    return stoker.open(np.random.default_rng(16).integers(0, 99, (NUM_ROWS, 3, 2)), label="#5")


def hold_items(folder: Path) -> Source:
    rng = np.random.default_rng(17)
    pictures = rng.integers(0, 256, (NUM_ROWS, 2, 3), np.uint8)

    def item(row: int) -> dict[str, Any]:
        return {"picture": pictures[row], "size": row / 7, "text": f"wörd {row}", "kind": "abc"[row % 3]}

    return stoker.open(Items(item, NUM_ROWS), label="kind")


def hand_out_stream(folder: Path) -> Source:
    return stoker.open(Streamed(columns_of(0, NUM_ROWS)), label="kind")


def hand_out_once(folder: Path) -> Source:
    return stoker.open(columns_of(0, NUM_ROWS).to_reader(max_chunksize=700), label="kind")


def write_query(folder: Path) -> Source:
    batches = columns_of(0, NUM_ROWS).to_batches(max_chunksize=800)
    stream = StreamUnits(
        f"example://{folder.name}",
        batches[0].schema,
        lambda names: (batch.select(names) for batch in batches),
    )

    def again(paths: Sequence[str]) -> list[StreamUnits]:
        return [stream]

    return Source(table=stream_table("parquet", stream, Choice(labels=("kind",)), opener=again))


def hold_hugging_face(folder: Path) -> Source:
    """Rows in another order than that in which they lie."""
    return stoker.open(_hugging_face().select(range(NUM_ROWS - 1, -1, -1)), label="kind")


def stream_hugging_face(folder: Path) -> Source:
    return stoker.open(_hugging_face().to_iterable_dataset(num_shards=3), label="kind")


def _hugging_face() -> Any:
    require_installed("datasets")
    import datasets

    rng = np.random.default_rng(18)
    features = datasets.Features(
        size=datasets.Value("float64"),
        text=datasets.Value("string"),
        picture=datasets.Array2D((2, 3), "uint8"),
        words=datasets.List(datasets.Value("int32")),
        kind=datasets.ClassLabel(names=["a", "b", "c"]),
    )
    columns = {
        "size": rng.normal(size=NUM_ROWS),
        "text": [f"wörd {row}" for row in range(NUM_ROWS)],
        "picture": list(rng.integers(0, 256, (NUM_ROWS, 2, 3), np.uint8)),
        "words": [list(range(row % 7)) for row in range(NUM_ROWS)],
        "kind": [row % 3 for row in range(NUM_ROWS)],
    }
    return datasets.Dataset.from_dict(columns, features)


def hold_tensors(folder: Path) -> Source:
    require_installed("torch")
    import torch
    from torch.utils.data import TensorDataset

    numbers = torch.from_numpy(np.random.default_rng(19).normal(size=(NUM_ROWS, 3, 2)).astype(np.float32))
    return stoker.open(TensorDataset(numbers, torch.arange(NUM_ROWS) % 3), label="label")


def hold_torch_items(folder: Path) -> Source:
    require_installed("torch")
    import torch
    from torch.utils.data import Dataset, Subset

    class Named(Dataset):
        def __len__(self) -> int:
            return 2 * NUM_ROWS

        def __getitem__(self, row: int) -> dict[str, Any]:
            return {"x": torch.tensor([row, -row]), "text": f"wörd {row}", "kind": "abc"[row % 3]}

    return stoker.open(Subset(Named(), range(0, 2 * NUM_ROWS, 2)), label="kind")


HELD: dict[str, Callable[[Path], Source]] = {
    "a pandas frame": hold_frame,
    "a Polars frame": hold_polars,
    "an Arrow table": hold_table,
    "a mapping of columns": hold_mapping,
    "a NumPy array": hold_array,
    "a data set of items by number": hold_items,
    "what hands out Arrow streams": hand_out_stream,
    "an Arrow stream that is read once": hand_out_once,
    "rows of a query": write_query,
}
NEIGHBOURS: dict[str, Callable[[Path], Source]] = {
    "a data set of Hugging Face": hold_hugging_face,
    "a stream of Hugging Face": stream_hugging_face,
    "tensors of PyTorch": hold_tensors,
    "a data set of PyTorch": hold_torch_items,
}
"""Of libraries that `make test-backends` has."""
READ_ONCE = ("an Arrow stream that is read once",)

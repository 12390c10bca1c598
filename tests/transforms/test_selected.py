"""Some columns of rows, as a transform is given them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stoker.errors import ColumnError
from stoker.transforms.selected import Selection
from stoker.types import Matrix, Rows

FEATURES = ("a", "b", "c", "d")
ARRAY = np.arange(80.0).reshape(20, 4)
TEXTS = pa.chunked_array([pa.array([f"t{i}" for i in range(12)]), pa.array([f"t{i}" for i in range(12, 20)])])


def rows(index: np.ndarray | None = None) -> Rows:
    return Rows(
        num_rows=20 if index is None else index.size,
        features=FEATURES,
        matrix=Matrix.of(ARRAY),
        columns={"text": TEXTS, "label": np.arange(20)},
        index=index,
    )


def seen(narrow: Rows) -> tuple[np.ndarray, dict[str, list[object]]]:
    places = np.arange(narrow.num_rows) if narrow.index is None else narrow.index
    matrix = narrow.matrix
    values = None if matrix is None else matrix.values.reshape(-1, matrix.num_columns)[places]
    return values, {
        name: pa.array(held)[0:].take(pa.array(places)).to_pylist()
        if isinstance(held, np.ndarray)
        else held.take(pa.array(places)).to_pylist()
        for name, held in narrow.columns.items()
    }


@pytest.mark.parametrize(
    "names", [["c"], ["d", "a"], ["text"], ["text", "b"], [*FEATURES], [*FEATURES[::-1]], [*FEATURES, "text"]]
)
@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("taken", [False, True])
def test_a_selection_holds_the_named_columns_of_the_rows_asked_for(names, indexed, taken):
    index = np.array([5, 3, 19, 0]) if indexed else None
    take = np.array([2, 0, 2]) if taken else None
    given = rows(index)
    narrow = Selection.of(given, names).narrow(given, take)
    places = np.arange(20) if index is None else index
    places = places if take is None else places[take]
    values, columns = seen(narrow)
    numbers = [name for name in names if name in FEATURES]
    assert narrow.num_rows == places.size
    assert narrow.features == tuple(numbers)
    if numbers:
        np.testing.assert_array_equal(values, ARRAY[np.ix_(places, [FEATURES.index(n) for n in numbers])])
    else:
        assert values is None
    assert columns == {name: [f"t{i}" for i in places] for name in names if name == "text"}


def test_all_columns_are_not_copied():
    given = rows()
    assert Selection.of(given, FEATURES).narrow(given).matrix is given.matrix


def test_a_column_that_is_not_there_or_named_twice_is_an_error():
    with pytest.raises(ColumnError, match="no column 'txt' \\(did you mean 'text'"):
        Selection.of(rows(), ["txt"])
    with pytest.raises(ColumnError, match="twice"):
        Selection.of(rows(), ["a", "a"])


def test_rows_of_other_columns_are_refused():
    chosen = Selection.of(rows(), ["a", "text"])
    other = Rows(num_rows=20, features=("a", "b"), matrix=Matrix.of(ARRAY[:, :2].copy()))
    with pytest.raises(ColumnError, match="no 'text'"):
        chosen.narrow(other)


def test_rows_outside_are_refused():
    with pytest.raises(IndexError):
        Selection.of(rows(), ["a"]).narrow(rows(), np.array([20]))

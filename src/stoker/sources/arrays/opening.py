"""Arrays opened as tables: which of them are features, and where the label is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from stoker.errors import ColumnError, DataError, OptionError
from stoker.given import located
from stoker.sources.arrays.hdf5 import hdf5_arrays
from stoker.sources.arrays.idx import idx_array
from stoker.sources.arrays.labels import as_label
from stoker.sources.arrays.numpy_files import matrix_of, npy_array, npz_arrays
from stoker.sources.arrays.sparse import MATRIX, SPARSE_COLUMNS, SparseArray
from stoker.sources.arrays.stored import StoredArray, UnusableArray
from stoker.sources.arrays.units import ArrayUnits, column_names
from stoker.sources.choice import Choice
from stoker.sources.columnar.opening import columnar_template, open_columnar
from stoker.sources.columnar.table import ColumnarTable
from stoker.sources.columnar.units import UnitFile
from stoker.sources.csv_open import Written
from stoker.sources.files import is_there
from stoker.sources.paths import expand_paths
from stoker.sources.remote import is_remote
from stoker.sources.remote.together import together
from stoker.sources.request import Request
from stoker.sources.schema import Schema, nearest

__all__ = ["LABEL", "array_template", "open_members", "open_pairs"]

LABEL = "label"
"""What the values of a label's own file are called."""

_SINGLE: Mapping[str, Callable[[str], StoredArray]] = {
    "npy": npy_array,
    "idx": idx_array,
    "npz": matrix_of,
}
_SEVERAL: Mapping[str, Callable[[str], Mapping[str, StoredArray]]] = {
    "npz": npz_arrays,
    "hdf5": hdf5_arrays,
}
Names = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Opens files of one array each, with the label's file beside each of them where there is one.

    Attributes
    ----------
    format_name
        ``"npy"`` or ``"idx"``; ``"npz"`` for sparse matrices, whose labels are in ``.npy`` files.
    label_names
        What stands in the path of a file of features, and what in its stead in the label's; None where labels
        are not in files of their own.
    """

    format_name: str
    label_names: Names | None

    def __call__(self, paths: Sequence[str]) -> Sequence[UnitFile]:
        return together(self._units, list(paths), str)

    def _units(self, path: str) -> ArrayUnits:
        read = _SINGLE[self.format_name]
        found = read(path)
        arrays = {MATRIX if isinstance(found, SparseArray) else "": found}
        read = npy_array if self.format_name == "npz" else read
        for beside in _named_like(path, self.label_names):
            if is_there(beside):
                arrays[LABEL] = as_label(read(beside), LABEL)
                break
        return ArrayUnits(path=path, arrays=_of_equal_rows(arrays))


@dataclass(frozen=True, slots=True)
class _Members:
    """Opens files of several arrays.

    Attributes
    ----------
    format_name
        ``"npz"`` or ``"hdf5"``.
    used
        Names of the arrays that are used; None for all.
    labels
        Names of those that are labels.
    answers
        Names of those that files to predict may lack: labels, and what rows weigh.
    """

    format_name: str
    used: tuple[str, ...] | None
    labels: tuple[str, ...]
    answers: tuple[str, ...]

    def __call__(self, paths: Sequence[str]) -> Sequence[UnitFile]:
        return together(self._units, list(paths), str)

    def _units(self, path: str) -> ArrayUnits:
        found = _SEVERAL[self.format_name](path)
        arrays = found if self.used is None else {name: found[name] for name in self.used if name in found}
        absent = [name for name in self.used or () if name not in found]
        if absent and (not arrays or not set(absent) <= set(self.answers)):
            raise _no_array(
                path, next((name for name in absent if name not in self.answers), absent[0]), found
            )
        for name, array in arrays.items():
            if isinstance(array, UnusableArray):
                raise array.why(name)
        arrays = {
            name: as_label(array, name) if name in self.labels else array for name, array in arrays.items()
        }
        return ArrayUnits(path=path, arrays=_of_equal_rows(arrays))


def open_pairs(name: str, paths: Sequence[str], request: Request) -> ColumnarTable:
    """Files of one array each; a label that is no column (``#0``, …) names the file, or files, that hold it.

    Raises
    ------
    DataError
        A file is no such array.
    OptionError
        There are not as many files of labels, or they are not called alike.
    """
    label = request.choice.label
    if label is None or label.startswith("#"):
        return open_columnar(name, _Pairs(name, None), paths, request)
    beside = expand_paths(label)
    if len(beside) != len(paths):
        raise OptionError(
            f"label: {label} names {len(beside)} files, and there are {len(paths)} of features; give "
            "each one its own, in the same order"
        )
    names = _difference(paths[0], beside[0])
    for features, labels in zip(paths, beside, strict=True):
        if not any(_whole(labels) == path for path in _named_like(features, names)):
            raise OptionError(
                f"label: {labels} is not to {features} as {beside[0]} is to {paths[0]}; give the files names "
                "that differ in the same way"
            )
    request = replace(request, choice=replace(request.choice, labels=(LABEL,)))
    return open_columnar(name, _Pairs(name, names), paths, request)


def open_members(name: str, paths: Sequence[str], request: Request) -> ColumnarTable:
    """Files of several arrays; label, columns and drop name arrays, or columns of them.

    Raises
    ------
    DataError
        A file is no such file, or its arrays have not equally many rows.
    ColumnError
        An array is absent.
    """
    found, choice = _SEVERAL[name](paths[0]), request.choice
    if choice.label is not None and isinstance(found.get(MATRIX), SparseArray):
        is_file = os.path.isfile(choice.label) or choice.label.endswith(".npy")
        if is_file and _array_of(choice.label, found) not in found:
            return open_pairs(name, paths, request)
    _require_there(paths[0], request.choice, found)
    columns = None if choice.columns is None else _expanded(choice.columns, found)
    drop = _expanded(choice.drop, found)
    wanted = [*(columns or ()), *choice.answers]
    used = None if columns is None else tuple(dict.fromkeys(_array_of(column, found) for column in wanted))
    if columns is None and drop:
        gone = {array for array in found if set(column_names(array, found[array])) <= set(drop)}
        used = tuple(array for array in found if array not in gone)
        drop = tuple(column for column in drop if _array_of(column, found) not in gone)
    choice = replace(choice, columns=columns, drop=drop)
    labels = tuple(label for label in choice.labels if label in found)
    answers = tuple(_array_of(column, found) for column in choice.answers)
    return open_columnar(name, _Members(name, used, labels, answers), paths, replace(request, choice=choice))


def array_template(name: str, schema: Schema, written: Written) -> ColumnarTable:
    """No file, to open others with columns that are known."""
    if name not in _SEVERAL or written.label_names is not None:
        return columnar_template(name, _Pairs(name, written.label_names), schema, written)
    there = {new: old for old, new in written.renames}
    columns = [there.get(column, column) for column in schema.used]
    arrays = tuple(dict.fromkeys(_array_of(column, {}) for column in columns))
    labels = tuple(there.get(label.name, label.name) for label in schema.labels)
    answers = tuple(_array_of(there.get(column.name, column.name), {}) for column in schema.answers)
    return columnar_template(name, _Members(name, arrays, labels, answers), schema, written)


def label_names_of(table: ColumnarTable) -> Names | None:
    """What tells a file of labels from one of features, for `Written.label_names`."""
    return table.opener.label_names if isinstance(table.opener, _Pairs) else None


def _require_there(path: str, choice: Choice, found: Mapping[str, StoredArray]) -> None:
    """Refuse names of no array of a file, nor of a column of one: the file's columns are those that are used.

    Raises
    ------
    ColumnError
        There is such a name.
    """
    named = [("label", name) for name in choice.labels]
    named += [] if choice.weight is None else [("sample_weight", choice.weight)]
    named += [("columns", name) for name in choice.columns or ()]
    named += [("drop", name) for name in choice.drop] + [("types", name) for name in choice.types]
    for option, name in named:
        if _array_of(name, found) in found:
            continue
        if not any(name in column_names(array, held) for array, held in found.items()):
            raise _no_array(path, name, found, f" ({option}=)")


def _no_array(path: str, name: str, found: Mapping[str, StoredArray], option: str = "") -> ColumnError:
    return ColumnError(f"{path} has no array {name!r}{option}{nearest(name, found, 'arrays')}")


def _expanded(names: Sequence[str], arrays: Mapping[str, StoredArray]) -> tuple[str, ...]:
    """Columns of the arrays that are named, and columns that are named themselves."""
    found: list[str] = []
    for name in names:
        found += column_names(name, arrays[name]) if name in arrays else [name]
    return tuple(found)


def _array_of(column: str, arrays: Mapping[str, StoredArray]) -> str:
    if column in SPARSE_COLUMNS:
        return MATRIX
    return column if column in arrays else column.partition("[")[0]


def _difference(features: str, labels: str) -> Names:
    """What stands in one path where something else stands in the other."""
    one, two = _whole(features), _whole(labels)
    begin = _common(one, two)
    end = _common(one[begin:][::-1], two[begin:][::-1])
    return one[begin : len(one) - end], two[begin : len(two) - end]


def _whole(path: str) -> str:
    return path if is_remote(path) else os.path.abspath(located(path))


def _common(one: str, two: str) -> int:
    """Characters with which both begin."""
    differ = (place for place, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)
    return next(differ, min(len(one), len(two)))


def _named_like(path: str, names: Names | None) -> Iterator[str]:
    """Paths in which the label of a file of features may be."""
    if names is None:
        return
    whole, (here, there) = _whole(path), names
    place = whole.rfind(here)
    while place >= 0:
        yield whole[:place] + there + whole[place + len(here) :]
        place = whole.rfind(here, 0, place + len(here) - 1) if here else -1


def _of_equal_rows(arrays: Mapping[str, StoredArray]) -> Mapping[str, StoredArray]:
    rows = {name: array.shape[0] for name, array in arrays.items()}
    if len(set(rows.values())) > 1:
        told = ", ".join(f"{name or 'the features'} {count:,}" for name, count in rows.items())
        path = next(iter(arrays.values())).path
        raise DataError(
            f"{path}: its arrays have different numbers of rows ({told}); name those that belong together "
            "with columns= and label="
        )
    return arrays

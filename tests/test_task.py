"""The task is guessed from the label, and the user's word beats the guess."""

from __future__ import annotations

import pytest

from stoker.errors import DataError, OptionError
from stoker.survey.labels import LabelCounts
from stoker.task import guess_task, resolve_task


def labels_of(kind, classes, rows=1000):
    if classes is None:
        return LabelCounts(kind=kind, num_rows=rows, classes=None, counts=())
    counts = tuple(rows // len(classes) for _ in classes)
    return LabelCounts(kind=kind, num_rows=sum(counts), classes=tuple(classes), counts=counts)


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        (labels_of("text", ["neg", "pos"]), "binary"),
        (labels_of("text", ["a", "b", "c"]), "classes"),
        (labels_of("int", [0, 1]), "binary"),
        (labels_of("int", range(10)), "classes"),
        (labels_of("int", range(101)), "regression"),
        (labels_of("int", range(60), rows=90), "regression"),
        (labels_of("int", None), "regression"),
        (labels_of("float", [0.0, 1.0]), "binary"),
        (labels_of("float", [0.5, 1.5, 2.5]), "regression"),
    ],
)
def test_the_guess_goes_by_the_labels(labels, task):
    assert guess_task(labels)[0] == task


def test_the_users_word_beats_the_guess():
    assert resolve_task("regression", labels_of("int", range(10)), label="y") == ("regression", "asked for")
    assert resolve_task("classes", labels_of("int", [0, 1]), label="y")[0] == "classes"


def test_regression_on_text_names_the_way_out():
    with pytest.raises(OptionError, match=r"'y' is text.*types=\{'y': 'float'\}"):
        resolve_task("regression", labels_of("text", ["a", "b"]), label="y")


def test_binary_with_three_classes_names_them():
    with pytest.raises(DataError, match="has 3 classes where the task needs 2"):
        resolve_task("binary", labels_of("int", [0, 1, 2]), label="y")


def test_one_class_only_leaves_nothing_to_learn():
    with pytest.raises(DataError, match="nothing to learn"):
        resolve_task("auto", labels_of("int", [3]), label="y")


def test_an_unknown_task_is_refused():
    with pytest.raises(OptionError, match="task must be"):
        resolve_task("ranking", labels_of("int", [0, 1]), label="y")

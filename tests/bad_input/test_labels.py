"""Labels that are absent, or that nothing can be learned from."""

import pytest


def test_an_absent_label_names_the_file_and_the_nearest_column(refused, write):
    assert refused("plan", write("t.csv"), "--label", "Kinds") == (
        "t.csv: the label column 'Kinds' is absent; did you mean 'kind'?"
    )


def test_an_absent_label_far_from_every_name_comes_with_the_names(refused, write):
    assert refused("plan", write("t.csv"), "--label", "xyzzy") == (
        "t.csv: the label column 'xyzzy' is absent; its columns are 'a', 'b', 'kind'"
    )


def test_blanks_around_a_name_are_suspected(refused, here):
    (here / "t.csv").write_text("a,b, y \n" + "1,2,0\n3,4,1\n" * 10)
    assert refused("plan", "t.csv", "--label", "y").endswith("did you mean ' y '?")


def test_no_column_is_offered_for_a_name_that_is_like_none(refused, here):
    (here / "t.csv").write_text("area,price,sold\n1,2,0\n2,3,1\n")
    said = "'clicked' is absent; its columns are 'area', 'price', 'sold'"
    assert refused("plan", "t.csv", "--label", "clicked").endswith(said)
    assert refused("plan", "t.csv", "--label", "sold", "--drop", "clicked").endswith(said)
    assert refused("plan", "t.csv", "--label", "sold", "--na", "clicked=mean").endswith(
        "which is not used; its used columns are 'area', 'price', 'sold'"
    )


def test_without_a_label_the_columns_are_listed(refused, write):
    assert refused("plan", write("t.csv")).endswith("Say --label COLUMN; the columns are a, b, kind")


def test_the_label_cannot_be_dropped_as_well(refused, write):
    assert refused("plan", write("t.csv"), "--label", "kind", "--drop", "kind") == (
        "drop: 'kind' is the label; drop only what is no label"
    )


def test_naming_the_label_among_the_columns_is_no_mistake(accepted, write):
    assert "1 int · label kind" in accepted("plan", write("t.csv"), "--label", "kind", "--columns", "a,kind")


def test_the_label_alone_among_the_columns_leaves_nothing_to_learn_from(refused, write):
    assert "no feature column is left beside the label" in refused(
        "plan", write("t.csv"), "--label", "kind", "--columns", "kind"
    )


@pytest.mark.parametrize("num_rows", [1, 60])
def test_one_class_only_is_told_with_the_class(refused, write, num_rows):
    table = write("t.csv", num_rows, spoilt={row: f"{row},2,yes" for row in range(num_rows)})
    said = refused("plan", table, "--label", "kind")
    assert said.startswith("t.csv cannot be used as it is:\n  column 'kind': ")
    assert "of one class" in said
    assert said.endswith("'yes': add rows of another class, or name another column with --label")


def test_one_class_in_the_first_rows_only_is_told_apart(refused, write):
    said = refused("plan", write("t.csv"), "--label", "kind", "--limit", "1")
    assert "1 row of one class only, 'no': split or take other rows" in said


def test_labels_in_validation_that_training_never_saw_are_named(refused, write):
    table = write("t.csv")
    strange = write("v.csv", spoilt={30: "1,2,maybe"})
    assert refused("plan", table, "--label", "kind", "--valid", strange) == (
        "v.csv, line 32: the label column 'kind' holds 'maybe', which training never saw "
        "(it knows 'no', 'yes'). 1 row has such a label: correct the labels, or train on them too"
    )


def test_more_classes_than_half_the_rows_are_refused(refused, here):
    (here / "t.csv").write_text("a,name\n" + "".join(f"{row % 5},n{row}\n" for row in range(100)))
    assert refused("plan", "t.csv", "--label", "name").endswith(
        "column 'name': 100 rows and nearly as many different values: name another column with --label"
    )


def test_more_numbers_than_rows_for_classes_are_for_regression(refused, accepted, here):
    (here / "t.csv").write_text("a,y\n" + "".join(f"{row % 5},{row * 37 % 1_000}\n" for row in range(100)))
    said = refused("plan", "t.csv", "--label", "y", "--task", "classes")
    assert "the label 'y' has 100 different values in 100 rows, nearly as many classes as rows" in said
    assert "Use --task regression" in said
    assert "regression" in accepted("plan", "t.csv", "--label", "y", "--task", "regression")


def test_three_classes_are_no_binary_task(refused, here):
    (here / "t.csv").write_text("a,y\n" + "".join(f"{row % 5},{'xyz'[row % 3]}\n" for row in range(90)))
    said = refused("plan", "t.csv", "--label", "y", "--task", "binary")
    assert "has 3 classes where the task needs 2: 'x', 'y', 'z'. Use --task classes" in said


def test_text_is_no_label_for_regression(refused, write):
    said = refused("plan", write("t.csv"), "--label", "kind", "--task", "regression")
    assert "the label 'kind' is text, and regression needs numbers: leave --task out" in said


def test_fractions_are_no_classes(refused, accepted, here):
    (here / "t.csv").write_text("a,y\n" + "".join(f"{row % 5},{row % 2}.5\n" for row in range(90)))
    assert "regression: the label has fractions" in accepted("plan", "t.csv", "--label", "y")
    said = refused("plan", "t.csv", "--label", "y", "--task", "binary")
    assert "holds the fraction 0.5, and classes are whole numbers or text" in said
    assert "classes   0.5, 1.5" in accepted("plan", "t.csv", "--label", "y", "--types", "y=text")


def test_a_label_that_is_not_finite_is_named(refused, here):
    (here / "t.csv").write_text(
        "a,y\n" + "".join(f"{row % 5},{row % 9}.5\n" for row in range(90)) + "1,inf\n"
    )
    said = refused("plan", "t.csv", "--label", "y")
    assert "column 'y': 1 value that is not finite, first at t.csv, line 92 (row 90), 'inf'" in said
    assert "--drop" not in said


def test_a_number_for_a_column_with_a_name_is_answered_with_the_name(refused, accepted, write):
    write("t.csv")
    assert refused("plan", "t.csv", "--label", "#2") == (
        "t.csv: the label column '#2' is absent; the file has a header, and its column 2 is called 'kind': "
        "say 'kind', or --no-header if the first line is a row"
    )
    assert "--types" not in refused("plan", "t.csv", "--label", "#2", "--no-header")


def test_labels_of_validation_that_training_never_saw_are_named_with_line_and_count(refused, write):
    write("t.csv")
    write("v.csv", spoilt={4: "x,1,never", 40: "1,2,maybe", 41: "1,2,perhaps", 50: "1,2,maybe"})
    said = refused("plan", "t.csv", "--label", "kind", "--valid", "v.csv", "--on-bad-row", "skip")
    assert said == (
        "v.csv, line 42: the label column 'kind' holds 'maybe', which training never saw "
        "(it knows 'no', 'yes'). 3 rows have such labels ('maybe', 'perhaps'): correct the labels, or "
        "train on them too"
    )


def test_one_number_that_training_never_saw_is_named_with_its_line(refused, write):
    write("t.csv", spoilt={row: f"{row},{row},{row % 3}" for row in range(100)})
    write("v.csv", spoilt={row: f"{row},{row},{7 if row == 60 else row % 3}" for row in range(100)})
    said = refused("plan", "t.csv", "--label", "kind", "--valid", "t.csv", "--valid", "v.csv")
    assert said.startswith("v.csv, line 62: the label column 'kind' holds 7, which training never saw")
    assert "1 row has such a label" in said

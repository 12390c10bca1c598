"""One generator for each illness, which has that illness and no other; and healthy ones, which are clean."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from stoker.doctor import examine
from stoker.doctor.advice import ADVICE
from stoker.doctor.record import MAX_ROWS
from stoker.errors import OptionError

pytestmark = pytest.mark.timeout(60)

ROWS, BATCH, STEPS = 200, 16, 13
X = np.random.default_rng(1).random((ROWS, 5), dtype=np.float32)
Y = np.arange(ROWS) % 3
ONE_HOT = np.eye(3, dtype=np.float32)[Y]
X_VALID = np.random.default_rng(2).random((64, 5), dtype=np.float32)
Y_VALID = np.arange(64) % 3


def batches_of(order, x=X, y=Y):
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        yield x[rows], y[rows]


def shuffled(x=X, y=Y, seed=0):
    rng = np.random.default_rng(seed)
    while True:
        yield from batches_of(rng.permutation(len(x)), x, y)


def never_shuffled(x=X, y=Y):
    while True:
        yield from batches_of(np.arange(len(x)), x, y)


class Batches:
    """A Sequence; `illness` spoils it."""

    def __init__(self, *, reshuffle=True, length=STEPS, x=X, y=Y):
        self.order = np.arange(len(x))
        self.rng = np.random.default_rng(0)
        self.reshuffle, self.length, self.x, self.y = reshuffle, length, x, y

    def __len__(self):
        return self.length

    def __getitem__(self, place):
        rows = self.order[BATCH * place : BATCH * (place + 1)]
        return self.x[rows], self.y[rows]

    def on_epoch_end(self):
        if self.reshuffle:
            self.rng.shuffle(self.order)


def names(report):
    return [finding.name for finding in report.findings]


def only(report):
    (finding,) = report.findings
    return finding


def test_a_generator_that_shuffles_and_covers_its_data_is_clean():
    report = examine(shuffled(), steps=STEPS, validation=shuffled(X_VALID, Y_VALID), validation_steps=4)
    assert report.findings == ()
    assert str(report).startswith("looked at 34 batches, 528 rows in ")
    assert str(report).endswith("; nothing found")


def test_a_sequence_that_shuffles_its_rows_is_clean():
    assert names(examine(Batches(), validation=(X_VALID, Y_VALID), workers=4)) == []


def test_a_sequence_that_shuffles_as_a_pass_begins_is_clean():
    class Begun(Batches):
        def __init__(self):
            super().__init__()
            del self.order

        def on_epoch_begin(self):
            self.order = self.rng.permutation(ROWS)

        def on_epoch_end(self):
            del self.order

    assert names(examine(Begun(), validation=(X_VALID, Y_VALID))) == []


def test_the_data_may_hold_a_row_twice_without_a_problem():
    twice = X.copy()
    twice[50] = twice[120]
    report = examine(shuffled(twice), steps=STEPS)
    assert names(report) == ["rows-repeat"]
    assert report.problems == ()


def test_rows_in_the_same_order_every_epoch_are_not_shuffled():
    finding = only(examine(never_shuffled(), steps=STEPS))
    assert (finding.name, finding.severity) == ("not-shuffled", "problem")
    assert str(finding.place) == "epoch 2, batch 1, row 1"
    assert "200 rows" in finding.seen
    assert "rng.permutation" in finding.remedy


def test_rows_shuffled_within_the_same_batches_are_not_shuffled():
    def within_batches():
        rng = np.random.default_rng(0)
        while True:
            for x, y in batches_of(np.arange(ROWS)):
                order = rng.permutation(len(x))
                yield x[order], y[order]

    assert names(examine(within_batches(), steps=STEPS)) == ["not-shuffled"]


def test_one_epoch_needs_no_shuffling_between_epochs():
    assert names(examine(never_shuffled(), steps=STEPS, epochs=1)) == []


def test_a_sequence_whose_batches_alone_are_shuffled_is_worth_a_remark():
    finding = only(examine(Batches(reshuffle=False)))
    assert (finding.name, finding.severity) == ("same-batches", "remark")


def test_a_sequence_that_nobody_shuffles_is_a_problem():
    finding = only(examine(Batches(reshuffle=False), shuffle=False))
    assert (finding.name, finding.severity) == ("not-shuffled", "problem")
    assert "shuffle=True" in finding.remedy


def test_rows_drawn_with_replacement_differ_between_epochs():
    def drawn():
        rng = np.random.default_rng(0)
        while True:
            rows = rng.integers(0, ROWS, BATCH)
            yield X[rows], Y[rows]

    report = examine(drawn(), steps=STEPS)
    assert names(report) == ["rows-differ", "rows-repeat"]
    assert "208 rows of the first epoch" in report.findings[0].seen
    assert [each.severity for each in report.findings] == ["problem", "remark"]


def test_rows_that_vanish_are_counted():
    def loses_more_each_epoch():
        rng = np.random.default_rng(0)
        for epoch in itertools.count():
            rows = rng.permutation(ROWS)
            rows[rows < 10 * epoch] = ROWS - 1
            yield from batches_of(rows)

    report = examine(loses_more_each_epoch(), steps=STEPS)
    assert "10 do not come in the second, which has 10 rows" in report.findings[0].seen


def test_rows_that_are_always_new_are_a_remark():
    def augmented():
        rng = np.random.default_rng(0)
        for x, y in shuffled():
            yield x + rng.normal(size=x.shape).astype("float32"), y

    finding = only(examine(augmented(), steps=STEPS))
    assert (finding.name, finding.severity) == ("fresh-rows", "remark")


@pytest.mark.parametrize("generator", [shuffled, never_shuffled])
def test_steps_that_end_before_the_data_do_are_named_with_the_right_number(generator):
    report = examine(generator(), steps=STEPS - 1)
    finding = report.findings[0]
    assert finding.name == "steps-too-few"
    assert "12 steps has 192 rows, and one pass of the data 200" in finding.seen
    assert finding.remedy.endswith("about 13")
    assert str(finding.place) == "epoch 2, batch 1, row 1"
    assert names(report)[1:] == ([] if generator is shuffled else ["not-shuffled"])


@pytest.mark.parametrize("generator", [shuffled, never_shuffled])
def test_steps_that_go_on_after_the_data_are_named_with_the_place(generator):
    report = examine(generator(), steps=STEPS + 2)
    finding = report.findings[0]
    assert finding.name == "steps-too-many"
    assert "after 200 of them the same rows come again" in finding.seen
    assert str(finding.place) == "epoch 1, batch 14, row 1"


def test_steps_of_a_sequence_are_held_against_its_length():
    report = examine(Batches(), steps=9)
    assert names(report) == ["steps-too-few"]
    assert "9 steps, and the Sequence has 13 batches" in report.findings[0].seen


def test_a_length_that_was_rounded_down_leaves_rows_out():
    finding = only(examine(Batches(length=ROWS // BATCH)))
    assert finding.name == "length-too-short"
    assert "sequence[12] has 8 rows" in finding.seen


def test_a_batch_that_begins_with_rows_of_the_one_before_overlaps_it():
    def torn():
        rng = np.random.default_rng(0)
        while True:
            order = rng.permutation(ROWS)
            for start in range(0, ROWS, BATCH):
                rows = order[max(0, start - 2) : start + BATCH]
                yield X[rows], Y[rows]

    finding = only(examine(torn(), steps=STEPS))
    assert (finding.name, finding.severity) == ("batches-overlap", "problem")
    assert str(finding.place) == "epoch 1, batch 2, row 1"
    assert "12 batches begin" in finding.seen


def test_a_stretch_of_rows_that_comes_again_in_order_is_a_problem():
    def replayed():
        rng = np.random.default_rng(0)
        while True:
            order = rng.permutation(ROWS)
            yield from batches_of(np.r_[order[:100], order[20:60], order[100:]])

    finding = only(examine(replayed(), steps=15))
    assert (finding.name, finding.severity) == ("rows-repeat", "problem")
    assert "40 of 240 rows" in finding.seen
    assert str(finding.place) == "epoch 1, batch 7, row 5"


def test_x_and_y_shuffled_apart_move_the_targets():
    def apart():
        rng = np.random.default_rng(0)
        while True:
            rows, targets = rng.permutation(ROWS), rng.permutation(ROWS)
            for start in range(0, ROWS, BATCH):
                yield X[rows[start : start + BATCH]], Y[targets[start : start + BATCH]]

    assert names(examine(apart(), steps=STEPS)) == ["targets-moved"]


def test_targets_that_change_their_width_are_a_problem():
    def narrow():
        for x, y in shuffled():
            yield (
                x,
                np.eye(y.max() + 1, dtype="float32")[y] if len(x) > 8 else np.eye(2, dtype="float32")[y % 2],
            )

    finding = only(examine(narrow(), steps=STEPS))
    assert (finding.name, finding.severity) == ("target-shapes", "problem")
    assert "3 wide, float32 in most batches" in finding.seen
    assert "2 of 26, first 2 wide" in finding.seen
    assert str(finding.place) == "epoch 1, batch 13"
    assert "num_classes" in finding.remedy


def test_targets_that_change_their_dtype_are_a_problem():
    def changing():
        for number, (x, y) in enumerate(shuffled()):
            yield x, y.astype("float64" if number % 13 == 5 else "int64")

    finding = only(examine(changing(), steps=STEPS))
    assert (finding.name, str(finding.place)) == ("target-shapes", "epoch 1, batch 6")


def test_sequences_of_changing_length_are_a_remark_and_columns_that_change_a_problem():
    def padded():
        for number, (x, y) in enumerate(shuffled()):
            yield np.pad(x, ((0, 0), (0, number % 4)))[..., None], y

    def columns():
        for number, (x, y) in enumerate(shuffled()):
            yield (x[:, :4] if number % 13 == 3 else x), y

    long, wide = examine(padded(), steps=STEPS), examine(columns(), steps=STEPS)
    assert [(each.name, each.severity) for each in long.findings if each.name == "input-shapes"] == [
        ("input-shapes", "remark")
    ]
    assert ("input-shapes", "problem") in [(each.name, each.severity) for each in wide.findings]


def test_training_rows_in_validation_are_a_leak():
    leaked = np.concatenate([X_VALID, X[40:44]])
    report = examine(shuffled(), steps=STEPS, validation=(leaked, np.arange(68) % 3))
    finding = only(report)
    assert (finding.name, finding.severity, finding.stream) == ("leak", "problem", "validation")
    assert "4 of 68 validation rows (5.88 %)" in finding.seen
    assert finding.place.row == 65


def test_a_leak_is_one_whatever_the_steps():
    report = examine(never_shuffled(), steps=2 * STEPS, validation=(X, Y))
    (leak,) = (each for each in report.findings if each.name == "leak")
    assert leak.severity == "problem"


def test_one_generator_for_training_and_validation_is_a_leak():
    generator = shuffled()
    report = examine(generator, steps=STEPS, validation=generator, validation_steps=STEPS)
    assert names(report) == ["leak"]


def test_a_validation_file_without_labels_has_constant_targets():
    finding = only(examine(shuffled(), steps=STEPS, validation=(X_VALID, np.zeros(64, "int64"))))
    assert (finding.name, finding.stream) == ("constant-targets", "validation")


def test_validation_of_another_width_is_a_problem():
    finding = only(examine(shuffled(), steps=STEPS, validation=(X_VALID[:, :4], Y_VALID)))
    assert (finding.name, finding.severity) == ("validation-shapes", "problem")
    assert "4 wide, float32, training's 5 wide" in finding.seen


def test_validation_may_come_in_the_same_order_always():
    report = examine(shuffled(), steps=STEPS, validation=never_shuffled(X_VALID, Y_VALID), validation_steps=4)
    assert names(report) == []


def test_validation_steps_that_do_not_cover_the_data_are_named():
    report = examine(shuffled(), steps=STEPS, validation=never_shuffled(X_VALID, Y_VALID), validation_steps=3)
    assert [(each.name, each.stream) for each in report.findings] == [("steps-too-few", "validation")]


def test_a_generator_that_ends_early_is_named_with_the_place():
    finding = only(examine(itertools.islice(shuffled(), 7), steps=STEPS))
    assert finding.name == "ends-early"
    assert "ended after 7 batches, and 2 x 13 steps were asked for" in finding.seen
    assert str(finding.place) == "epoch 1, batch 8"


def test_a_generator_of_one_epoch_may_end_with_it():
    assert names(examine(batches_of(np.arange(ROWS)), steps=STEPS, epochs=1)) == []


def test_what_a_generator_raises_is_a_finding():
    def broken():
        yield X[:8], Y[:8]
        raise OSError("no such file")

    finding = only(examine(broken(), steps=STEPS))
    assert (finding.name, str(finding.place)) == ("raises", "epoch 1, batch 2")
    assert "OSError: no such file" in finding.seen


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (X[:8], "ndarray of shape (8, 5) and not a tuple"),
        ((X[:8],), "tuple of 1"),
        ((X[:8], Y[:7]), "x: 8, y: 7"),
        ((X[:0], Y[:0]), "no rows"),
        ((X[:8], None), "targets are None"),
        ((X[:8], 3), "where an array of rows is needed"),
    ],
)
def test_what_is_no_batch_is_a_finding(item, said):
    finding = only(examine(itertools.repeat(item), steps=3))
    assert finding.name == "no-batch"
    assert said in finding.seen


def test_a_bounded_look_says_what_it_does_not_know():
    report = examine(never_shuffled(), steps=STEPS, batches=5)
    assert report.batches == 5
    assert report.findings == ()
    assert "training: the first epoch was not seen to its end" in report.unknown[0]


def test_a_stream_beyond_the_limit_is_judged_by_a_sample():
    x = np.random.default_rng(3).random((20_000, 3))
    report = examine(never_shuffled(x, np.arange(20_000) % 2), steps=1250, limit=5_000)
    assert names(report) == ["not-shuffled"]
    assert report.share == 1 / 8
    assert ": 20 000 rows of the first pass" in report.findings[0].seen
    assert "one row in 8 compared" in str(report)


def test_a_sample_tells_that_steps_are_too_few():
    x = np.random.default_rng(3).random((20_000, 3))
    report = examine(shuffled(x, np.arange(20_000) % 2), steps=1000, limit=5_000)
    assert names(report) == ["steps-too-few"]


def test_a_generator_without_steps_is_refused():
    with pytest.raises(OptionError, match="steps are needed"):
        examine(shuffled())


def test_every_finding_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text("utf-8")
    assert [name for name in ADVICE if f"\n| `{name}`" not in page] == []
    assert f"{MAX_ROWS:,} rows" in page


def test_progress_is_told():
    told = []
    examine(shuffled(), steps=STEPS, progress=lambda done, total: told.append((done, total)))
    assert told[0] == (1, 26)
    assert told[-1] == (26, 26)


def test_a_report_is_plain_data_and_text():
    report = examine(never_shuffled(), steps=STEPS)
    data = report.to_dict()
    assert data["problems"] == 1
    assert data["findings"][0]["place"] == {"epoch": 2, "batch": 1, "row": 1}
    text = str(report)
    assert "problem   not-shuffled in training (epoch 2, batch 1, row 1)" in text
    assert "\nremedy    draw a new order" in text
    assert max(map(len, text.splitlines())) <= 100

"""Columns of lists from files to batches and to a model: chosen by themselves, the same wherever rows are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stoker
from stoker.cli import main
from stoker.errors import ColumnError, DataError
from stoker.transforms import PadSequences, SparseFeatures

NUM_ROWS = 240
LONGEST = 7


def lists_of(draw: np.random.Generator, make: object) -> list[object]:
    return [make(size) or None for size in draw.integers(0, LONGEST + 1, NUM_ROWS)]  # type: ignore[operator]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Ids of words, signals, negative integers, ids beyond counting, and a label that the words tell."""
    draw = np.random.default_rng(1)
    words = lists_of(draw, lambda size: draw.integers(0, 30, size).tolist())
    known = pa.table(
        {
            "words": pa.array(words, pa.list_(pa.int32())),
            "signal": pa.array(lists_of(draw, lambda size: draw.normal(size=size).tolist())),
            "steps": pa.array(lists_of(draw, lambda size: draw.integers(-5, 5, size).tolist())),
            "hashes": pa.array([[1 << 40, 3]] * NUM_ROWS),
            "nothing": pa.array([[]] * NUM_ROWS, pa.list_(pa.int8())),
            "kind": [f"{bool(each)}" for each in words],
        }
    )
    pq.write_table(known, tmp_path / "lists.parquet", row_group_size=100)
    return tmp_path / "lists.parquet"


def test_each_column_of_lists_gets_what_its_numbers_say(table: Path):
    feed = stoker.Feed(stoker.open(table, label="kind"), transform="auto").prepare()
    told = {
        choice.columns[0]: (choice.input, choice.transform, choice.reason) for choice in feed.stage.choices
    }
    assert told["words"] == ("words", "pad", "lists of integers, up to 7 each, ids to 29")
    assert told["signal"] == ("signal", "pad", "lists of numbers, up to 7 each, standardised")
    assert told["steps"][2] == "lists of integers, up to 7 each, from -5 to 4, which are no ids: standardised"
    assert told["hashes"][2].endswith("from 3 to 1,099,511,627,776, which are no ids: standardised")
    assert told["nothing"] == (None, "drop", "no number in any row")
    kinds = {each.name: (each.kind, each.dtype, each.num_tokens) for each in feed.spec.inputs}
    assert kinds["words"] == ("tokens", "int32", 30)
    assert kinds["steps"] == ("dense", "float32", None)


@pytest.mark.parametrize("options", [{}, {"memory": "40MB", "cache": "always"}, {"cache": "never"}])
def test_batches_hold_the_padded_lists_wherever_rows_are(table: Path, options: dict[str, str]):
    rows = stoker.open(table, label="kind", columns=["words", "signal"])
    inputs = stoker.Columns({"words": PadSequences(), "signal": PadSequences(padding="post")})
    feed = stoker.Feed(rows, transform=inputs, batch_size=32, seed=3, epochs=2, **options)
    known, seen = pq.read_table(table), 0
    numbers = np.concatenate([held or [] for held in known["signal"].to_pylist()])
    for batch in feed.epoch(1):
        x = batch.x
        for row, words, signal in zip(batch.ids.tolist(), x["words"], x["signal"], strict=True):
            held = known["words"][row].as_py() or []
            assert words.tolist() == [0] * (LONGEST - len(held)) + held
            held = (np.array(known["signal"][row].as_py() or []) - numbers.mean()) / numbers.std()
            np.testing.assert_allclose(signal, [*held, *[0] * (LONGEST - len(held))], rtol=1e-5, atol=1e-7)
        seen += batch.size
    assert seen == NUM_ROWS


def test_lists_of_which_nobody_says_what_they_become_are_refused_with_the_way_out(table: Path):
    rows = stoker.open(table, label="kind", columns=["words"])
    with pytest.raises(ColumnError, match=r"'words'.*transform='auto'.*stoker\.Columns"):
        stoker.Feed(rows).prepare()


@pytest.mark.parametrize(
    ("column", "transform", "model", "kind"),
    [
        pytest.param(
            *("words", PadSequences(), {"name": "sepcnn", "embedding_dim": 2, "filters": 2}, "tokens"),
            marks=pytest.mark.slow,
        ),
        ("signal", PadSequences(), {"name": "mlp", "layers": 1, "units": 2}, "dense"),
    ],
)
def test_a_column_of_lists_by_itself_needs_no_columns(
    table: Path, here: Path, column, transform, model, kind
):
    rows = stoker.open(table, label="kind", columns=[column])
    feed = stoker.Feed(rows, transform=transform, batch_size=32, shuffle=False)
    together = stoker.Feed(
        rows, transform=stoker.Columns({column: PadSequences()}), batch_size=32, shuffle=False
    )
    for alone, batch in zip(feed.epoch(0), together.epoch(0), strict=True):
        np.testing.assert_array_equal(alone.x, batch.x[column])
    assert (feed.spec.input_kind, feed.spec.input_shape, feed.spec.inputs) == (kind, (LONGEST,), ())
    stoker.fit(stoker.models.build(feed=feed, **model), feed, validation=rows, run="run", progress="none")
    run = stoker.load("run")
    found = run.predict(table).to_pandas()
    assert (
        run.predict(pq.read_table(table).to_pandas())["prediction"].tolist() == found["prediction"].tolist()
    )
    hits = found["prediction"] == pq.read_table(table)["kind"].to_pandas()
    assert run.evaluate(table).accuracy == pytest.approx(hits.mean())
    later = stoker.Feed(rows, init="run").prepare()
    assert later.transform.state() == feed.transform.state()
    with pytest.raises(ColumnError, match="learned from lists in"):
        stoker.Feed(stoker.open(table, label="kind", columns=["words", "signal"]), init="run").prepare()


def test_sparse_rows_by_themselves_need_no_columns(table: Path):
    known = pq.read_table(table)
    values = [[0.5] * len(each or []) for each in known["words"].to_pylist()]
    pq.write_table(known.append_column("weights", pa.array(values, pa.list_(pa.float64()))), table)
    rows = stoker.open(table, label="kind", columns=["words", "weights"])
    feed = stoker.Feed(rows, transform=SparseFeatures(), batch_size=NUM_ROWS, shuffle=False)
    x, words = next(feed.epoch(0)).x, known["words"].to_pylist()
    assert (feed.spec.input_kind, feed.spec.input_shape) == ("sparse", (30,))
    assert np.asarray(x["values"]).sum() == pytest.approx(0.5 * sum(len(each or []) for each in words))
    stoker.fit(stoker.models.mlp(feed, units=2), feed, progress="none")


def test_lists_among_other_columns_want_columns(table: Path):
    rows = stoker.open(table, label="kind", columns=["words", "signal"])
    with pytest.raises(ColumnError, match=r"2 columns of lists .*stoker\.Columns"):
        stoker.Feed(rows, transform=PadSequences()).prepare()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"ids": [3, 99]},
            r"column 'ids' holds the id 99, and the greatest .* was 8: .*unknown='zeros'",
        ),
        ({"ids": [-1]}, r"column 'ids' holds -1, and ids are from 0"),
        ({"at": [-4], "what": [1.0]}, r"column 'at' holds -4, and features are numbered from 0"),
        ({"at": [4, 5], "what": [1.0]}, r"column 'at' holds 2 numbers of features, and 'what' 1 values"),
        ({"at": [4], "what": [1e300]}, r"column 'what' holds what is beyond float32"),
    ],
)
def test_lists_of_which_nothing_is_made_are_told_by_line_before_a_batch_is_made(tmp_path: Path, row, said):
    rows = [{"ids": [n % 9], "at": [n % 5], "what": [0.5], "y": n % 2} for n in range(60)]
    for name, held in (("t", rows), ("v", [*rows[:30], {**rows[0], **row}, *rows[30:]])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in held))
    inputs = {"ids": PadSequences(unknown="error"), "at": (["at", "what"], SparseFeatures())}
    feed = stoker.Feed(
        stoker.open(tmp_path / "t.jsonl", label="y"), transform=stoker.Columns(inputs), batch_size=8
    )
    with pytest.raises(DataError, match=rf"v\.jsonl, line 31 \(row 30\): {said}"):
        feed.derive(tmp_path / "v.jsonl")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_table_of_lists_trains_answers_and_is_proved_without_a_flag(
    table: Path, here: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["train", str(table), "--label", "kind", "--epochs", "1", "--run", "run"]) == 0
    assert "words → pad: lists of integers, up to 7 each, ids to 29" in capsys.readouterr().err
    assert main(["predict", "run", str(table), "-o", "out.jsonl", "--keep", "words", "--quiet"]) == 0
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    known = pq.read_table(table)
    assert [line["words"] or None for line in lines] == known["words"].to_pylist()
    assert main(["predict", "run", str(table), "-o", "out.csv", "--keep", "words"]) != 0
    assert "write .parquet, .arrow or .jsonl" in capsys.readouterr().err
    assert main(["verify", "run"]) == 0
    frame = stoker.load("run").predict(known.to_pandas().head(5))
    assert frame["prediction"].tolist() == [line["prediction"] for line in lines[:5]]

"""A feed of texts gives the same batches wherever its rows are, and tells what it cannot do."""

from __future__ import annotations

import csv
import gc
import os
import re
import tracemalloc
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

import stoker
from stoker import cache as caching
from stoker.errors import ColumnError, DataError, MemoryBudgetError, OptionError
from text_transforms import Numbers, Words

ROWS = 4_000
WORDS = np.array(["good", "bad", "film", "actor", "plot", "café", "0", "1,5", 'a"b', "x\ny"])
pytestmark = pytest.mark.timeout(120)


def make_texts(rows=ROWS, seed=1, most=12):
    """Texts of up to `most` words, some without any, and labels that the words decide."""
    draw = np.random.default_rng(seed)
    ends = np.cumsum(draw.integers(0, most, rows)).tolist()
    words = draw.choice(WORDS, ends[-1]).tolist()
    texts = [" ".join(words[begin:end]) for begin, end in pairwise([0, *ends])]
    return texts, ["neg" if text.count("bad") > text.count("good") else "pos" for text in texts]


def write_table(path, texts, labels):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["label", "text"])
        writer.writerows(zip(labels, texts, strict=True))
    return path


@pytest.fixture
def table(tmp_path):
    texts, labels = make_texts()
    return write_table(tmp_path / "reviews.csv", texts, labels), texts, labels


def opened(path):
    return stoker.open(path, label="label", text="text")


def batches_of(feed, epoch=0):
    return list(feed.epoch(epoch))


def dense(x, width):
    """Rows as a matrix of counts."""
    out = np.zeros((len(x["indices"]), width), np.float32)
    np.add.at(out, (np.arange(len(out))[:, None], x["indices"]), x["values"])
    return out


def bits(batch):
    parts = batch.x.values() if isinstance(batch.x, dict) else [batch.x]
    return [part.tobytes() for part in parts], batch.y.tobytes(), batch.ids.tolist()


@pytest.mark.parametrize("transform", [Words, Numbers])
@pytest.mark.parametrize("shuffle", [True, "exact", False])
def test_memory_cache_and_raw_files_give_the_same_batches(table, shuffle, transform):
    path, _, _ = table
    options = {"batch_size": 64, "shuffle": shuffle, "seed": 3, "cache": "never"}
    kept, raw, cached = (stoker.Feed(opened(path), transform=transform(), **options) for _ in range(3))
    assert kept.prepare().survey.kept is not None
    found = raw.prepare().survey
    reader = found.source.reader(found.index, found.excluded, found.dtype)
    raw._prepared = replace(raw.stage, reader=reader)
    cached._prepared = replace(cached.stage, reader=caching.build(cached.survey, reader))
    for epoch in (0, 1):
        for one, two, three in zip(*(batches_of(feed, epoch) for feed in (kept, raw, cached)), strict=True):
            assert bits(one) == bits(two) == bits(three)
            assert one.order_digest == two.order_digest == three.order_digest


@pytest.mark.parametrize("cache", ["never", "always"])
@pytest.mark.parametrize("workers", [0, 1, 4])
def test_workers_and_cache_change_nothing(table, workers, cache):
    path, _, _ = table
    options = {"batch_size": 32, "seed": 5, "memory": "6MB"}
    one = stoker.Feed(opened(path), transform=Words(), workers=2, cache="never", **options)
    other = stoker.Feed(opened(path), transform=Words(), workers=workers, cache=cache, **options)
    for mine, yours in zip(batches_of(one), batches_of(other), strict=True):
        assert bits(mine) == bits(yours)
        assert mine.digest_words.tolist() == yours.digest_words.tolist()


def many_columns():
    return stoker.HashingVectorizer(num_features=1 << 17)


@pytest.mark.parametrize("transform", [Words, Numbers, many_columns])
def test_texts_become_inputs_once_where_these_fit_and_the_batches_are_the_same(table, tmp_path, transform):
    path, _, _ = table
    rows, held_out = opened(path).split(0.8, seed=1)
    valid = write_table(tmp_path / "v.csv", ["good", "bad bad", "café"], ["pos", "neg", "pos"])
    options = {"batch_size": 64, "seed": 2}
    once = stoker.Feed(rows, transform=transform(), epochs=2, **options)
    each = stoker.Feed(rows, transform=transform(), epochs=1, **options)
    assert once.prepare().survey.kept.read(np.arange(3)).inputs is not None
    assert each.prepare().survey.kept.read(np.arange(3)).inputs is None
    for epoch in (0, 1):
        for one, two in zip(batches_of(once, epoch), batches_of(each, epoch), strict=True):
            assert bits(one) == bits(two)
    for source in (held_out, valid):
        found, expected = (batches_of(feed.derive(source)) for feed in (once, each))
        assert list(map(bits, found)) == list(map(bits, expected))
    ledger = once.ledger
    assert ledger.peak <= 1_000_000_000
    del once, found, one
    gc.collect()
    assert ledger.held("kept rows") == 0


def test_inputs_that_do_not_fit_are_made_in_every_epoch(table):
    path, _, _ = table
    feed = stoker.Feed(opened(path), transform=Numbers(), epochs=2, batch_size=32, memory="6MB")
    texts = feed.prepare().survey.text_bytes

    class Wide(Numbers):
        LENGTH = texts  # a row as wide as all texts together

        def transform(self, texts):
            raise AssertionError("that they do not fit is known before the first is made")

    wide = Wide()
    other = stoker.Feed(opened(path), transform=wide, epochs=2, batch_size=1, memory="64MB", cache="never")
    assert feed.survey.kept.read(np.arange(3)).inputs is not None
    assert other.prepare().survey.kept.read(np.arange(3)).inputs is None


def test_every_row_comes_once_an_epoch_with_its_own_words_and_label(table):
    path, texts, labels = table
    transform = Words()
    feed = stoker.Feed(opened(path), transform=transform, batch_size=128, seed=1)
    expected = transform_of(feed).transform(texts).toarray()
    assert (feed.spec.input_kind, feed.spec.input_shape) == ("sparse", (len(transform.words_),))
    ids = []
    for batch in batches_of(feed):
        assert batch.x["indices"].dtype == np.int32
        assert batch.x["values"].dtype == np.float32
        np.testing.assert_array_equal(dense(batch.x, expected.shape[1]), expected[batch.ids])
        assert [feed.classes[place] for place in batch.y] == [labels[row] for row in batch.ids]
        ids += batch.ids.tolist()
    assert sorted(ids) == list(range(ROWS))


def transform_of(feed):
    return feed.stage.inputs


def test_the_width_of_a_batch_is_decided_by_its_own_longest_row(tmp_path):
    lengths = [5] * 64 + [65] * 64 + [5] * 64 + [270]
    words = [f"w{place}" for place in range(270)]
    texts = [" ".join(words[:length]) for length in lengths]
    path = write_table(tmp_path / "t.csv", texts, ["a", "b"] * 96 + ["a"])
    feed = stoker.Feed(opened(path), transform=Words(), batch_size=64, shuffle=False)
    assert [batch.x["indices"].shape for batch in batches_of(feed)] == [
        (64, 64),
        (64, 256),
        (64, 64),
        (1, 270),  # and no wider than there are columns
    ]


def test_tokens_come_in_rows_of_one_length(table):
    feed = stoker.Feed(opened(table[0]), transform=Numbers(), batch_size=100, shuffle=False)
    spec = feed.spec
    assert (spec.input_kind, spec.input_shape, spec.input_dtype) == ("tokens", (6,), "int32")
    assert spec.num_tokens == len(transform_of(feed).words_) + 1
    found = np.concatenate([batch.x for batch in batches_of(feed)])
    np.testing.assert_array_equal(found, transform_of(feed).transform(table[1]))


@pytest.mark.parametrize("memory", ["6MB", "1GB"])
def test_the_transform_learns_from_the_good_training_rows_alone_in_their_order(tmp_path, memory):
    texts, labels = make_texts()
    labels[7] = labels[1_700] = ""
    train, _ = opened(write_table(tmp_path / "t.csv", texts, labels)).split(0.7, seed=2)
    options = {"batch_size": 64, "shuffle": False, "memory": memory, "cache": "never"}
    feed = stoker.Feed(train, transform=Words(), na="drop-row", **options)
    ids = np.concatenate([batch.ids for batch in batches_of(feed)]).tolist()
    learned = transform_of(feed)
    assert not {7, 1_700} & set(ids)
    assert sum(learned.counts_.values()) == sum(len(texts[row].split()) for row in ids)
    assert [feed.classes[place] for place in learned.labels_] == [labels[row] for row in ids]
    assert learned.columns_ == ("text",)


def test_a_transform_that_has_learned_is_used_as_it_is(table):
    transform = Words().fit_passes(lambda: iter(()))
    transform.words_, transform.columns_ = {"good": 0, "film": 1}, ("text",)
    feed = stoker.Feed(opened(table[0]), transform=transform)
    assert feed.spec.input_shape == (2,)
    assert transform.words_ == {"good": 0, "film": 1}


def test_fitting_tells_how_far_it_is(table):
    surveyed, fitted = [], []
    stoker.Feed(opened(table[0]), transform=Words()).prepare(
        lambda done, total: surveyed.append((done, total)), lambda done, total: fitted.append((done, total))
    )
    assert fitted[-1] == (ROWS, ROWS)
    assert surveyed[-1][0] == surveyed[-1][1]


def test_several_columns_of_text_are_one(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("1,good film,bad end\n2,,plot\n1,actor,\n2,x,y\n")
    source = stoker.open(path, label="#0", text=["#1", "#2"], header=False)
    feed = stoker.Feed(source, transform=Words(), shuffle=False, batch_size=4)
    (batch,) = batches_of(feed)
    names = list(transform_of(feed).words_)
    found = [[names[place] for place in row.nonzero()[0]] for row in dense(batch.x, len(names))]
    assert found == [["bad", "end", "film", "good"], ["plot"], ["actor"], ["x", "y"]]


def test_a_validation_of_other_words_and_none_at_all_shares_the_transform(table, tmp_path):
    feed = stoker.Feed(opened(table[0]), transform=Words())
    path = write_table(tmp_path / "v.csv", ["unknown words only", "", "good good"], ["pos", "neg", "pos"])
    (batch,) = batches_of(feed.derive(path))
    good = transform_of(feed).words_["good"]
    assert dense(batch.x, feed.spec.input_shape[0])[:, good].tolist() == [0, 0, 2]
    assert batch.x["values"].sum() == 2
    assert feed.derive(path).spec is feed.spec


def test_labels_seen_in_validation_alone_are_named(table, tmp_path):
    feed = stoker.Feed(opened(table[0]), transform=Words())
    path = write_table(tmp_path / "v.csv", ["a", "b"], ["pos", "mixed"])
    with pytest.raises(DataError, match=r"line 3.*'mixed', which training never saw"):
        feed.derive(path)


@pytest.mark.slow
@pytest.mark.parametrize("cache", ["never", "always"])
def test_what_is_really_allocated_stays_below_the_memory(tmp_path, cache):
    texts, labels = make_texts(rows=30_000, most=40)
    path = write_table(tmp_path / "t.csv", texts, labels)
    write_table(tmp_path / "v.csv", texts[:9_000], labels[:9_000])
    del texts, labels
    feed = stoker.Feed(opened(path), transform=Words(), batch_size=64, memory="6MB", cache=cache)
    feed.prepare()
    assert feed.survey.kept is None
    feed.build_cache()
    next(feed.epoch(0))
    gc.collect()
    tracemalloc.start()
    try:
        sizes = sum(batch.size for batch in feed.epoch(1))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sizes == 30_000
    # Arrow's own memory is not traced: it is in the ledger.
    assert peak <= 6_000_000
    assert sum(batch.size for batch in feed.derive(tmp_path / "v.csv").epoch(0)) == 9_000
    assert 0 < feed.ledger.peak <= 6_000_000


def test_an_epoch_of_texts_of_csv_takes_no_memory_of_arrows(tmp_path):
    """Arrow keeps memory with the thread that took it, whichever thread gives it back."""
    texts, labels = make_texts(rows=30_000, most=40)
    numbers = [str(int(label == "pos")) for label in labels]
    path = write_table(tmp_path / "t.csv", texts, numbers)
    feed = stoker.Feed(
        opened(path), transform=stoker.SequenceVectorizer(), batch_size=64, memory="6MB", cache="never"
    )
    feed.prepare()
    assert feed.survey.kept is None
    next(feed.epoch(0))
    known, watched = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(watched)
    try:
        assert sum(batch.size for batch in feed.epoch(1)) == 30_000
    finally:
        pa.set_memory_pool(known)
    assert watched.max_memory() == 0
    feed.close()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")
def test_learning_that_fails_leaves_no_file_open(tmp_path):
    path = write_table(tmp_path / "t.csv", *make_texts(rows=30_000, most=40))

    class Failing(Words):
        def fit_passes(self, passes, **resources):
            next(iter(passes()))
            raise RuntimeError("in the midst of it")

    feed = stoker.Feed(opened(path), transform=Failing(), batch_size=64, memory="6MB", cache="never")
    with pytest.raises(RuntimeError, match="midst") as held:  # with the frames, and what they refer to
        feed.prepare()
    links = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    assert os.path.realpath(path) not in links
    del held


def test_every_array_of_a_batch_is_charged(table):
    feed = stoker.Feed(opened(table[0]), transform=Words(), batch_size=64)
    stream = feed.epoch(0)
    batch = next(stream)
    stream.close()
    feed.close()
    gc.collect()
    pairs = batch.x["indices"].nbytes + batch.x["values"].nbytes
    assert feed.ledger.held("batches") >= pairs
    y = batch.y
    del batch
    gc.collect()
    assert feed.ledger.held("batches") == y.base.nbytes


def test_a_text_that_no_window_can_hold_is_refused_with_its_size(tmp_path):
    texts, labels = make_texts(rows=500)
    texts[123] = "x" * 3_000_000
    path = write_table(tmp_path / "t.csv", texts, labels)
    with pytest.raises(MemoryBudgetError, match=r"text, up to \d\.?[\d,]+ bytes each.*raise memory= to"):
        stoker.Feed(opened(path), transform=Words(), memory="6MB").prepare()


def test_texts_beside_numbers_are_refused_with_what_settles_it(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,age,y\n" + "".join(f"word,{row % 7},{row % 2}\n" for row in range(50)))
    with pytest.raises(ColumnError, match=r"drop=\['text'\], or text=\['text'\] to learn from it alone"):
        stoker.Feed(stoker.open(path, label="y")).prepare()


def test_a_transform_of_numbers_is_refused_for_texts_and_the_other_way_round(table, tmp_path):
    with pytest.raises(OptionError, match="Standardize is for numbers, and the features are texts"):
        stoker.Feed(opened(table[0]), transform=stoker.Standardize()).prepare()
    path = tmp_path / "n.csv"
    path.write_text("x,y\n1,0\n2,1\n3,0\n")
    with pytest.raises(OptionError, match="Words learns from texts, and the features are numbers"):
        stoker.Feed(stoker.open(path, label="y"), transform=Words()).prepare()


@pytest.mark.parametrize("na", ["mean", "zero", {"text": "drop-row"}])
def test_a_rule_for_blanks_that_would_have_no_effect_on_texts_is_refused(table, na):
    with pytest.raises(OptionError, match="no effect on texts"):
        stoker.Feed(opened(table[0]), transform=Words(), na=na).prepare()


def test_a_number_to_regress_on_goes_with_texts(tmp_path):
    texts, _ = make_texts(rows=300)
    path = write_table(tmp_path / "t.csv", texts, [len(text) / 8 for text in texts])
    feed = stoker.Feed(opened(path), transform=Words(), batch_size=300, shuffle=False)
    (batch,) = batches_of(feed)
    assert feed.spec.task == "regression"
    assert transform_of(feed).labels_ == []
    assert batch.y[0] == len(texts[0]) / 8


@pytest.mark.parametrize(("memory", "is_stated"), [("24MB", True), ("1GB", False)])
def test_temporary_space_that_learning_may_take_is_stated_beforehand(tmp_path, memory, is_stated):
    texts, labels = make_texts(rows=20_000, most=60)
    path = write_table(tmp_path / "t.csv", texts, labels)
    said, done = [], []
    feed = stoker.Feed(opened(path), transform=stoker.NgramVectorizer(), memory=memory, batch_size=32)

    def fitting(rows, total):
        done.append(len(said))

    feed.prepare(None, fitting, said.append)
    assert done
    assert set(done) == {int(is_stated)}
    assert len(said) == is_stated
    if is_stated:
        assert re.fullmatch(r"learning takes up to \d+ MB of temporary space in .*", said[0])

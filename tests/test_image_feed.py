"""A feed of images: the same pixels by whatever way, and errors that name the file."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stoker
from pictures import encode, write_classes
from stoker.errors import BadRowError, DataError, MemoryBudgetError, OptionError
from stoker.images.decoding import Decoder
from stoker.training.file_pieces import FilePieces, file_pieces
from stoker.transforms import from_state


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_classes(tmp_path_factory.mktemp("images") / "photos", 20)


def pixels(feed, epoch: int = 0) -> np.ndarray:
    return np.concatenate([batch.x for batch in feed.epoch(epoch)])


def test_images_alone_become_pixels_without_being_told(photos):
    feed = stoker.Feed(stoker.open(photos), batch_size=16, shuffle=False)
    assert (feed.spec.input_shape, feed.spec.input_dtype, feed.spec.input_kind) == (
        (12, 16, 3),
        "uint8",
        "dense",
    )
    assert feed.classes == ("day", "night")
    found = pixels(feed)
    expected = np.empty((40, 12, 16, 3), np.uint8)
    for file, out in zip(sorted(photos.rglob("*.png")), expected, strict=True):
        Decoder(size=(12, 16), channels=3).decode(file.read_bytes(), out)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_workers_cache_and_memory_change_no_pixel(photos, dtype):
    def read(**options) -> np.ndarray:
        transform = stoker.Image((6, 7), resize="crop", dtype=dtype)
        return pixels(
            stoker.Feed(stoker.open(photos), transform=transform, batch_size=8, epochs=2, **options), 1
        )

    expected = read(workers=0)
    assert expected.dtype == dtype
    for options in ({"workers": 3}, {"cache": "always"}, {"cache": "never", "memory": "64MB"}):
        assert np.array_equal(read(**options), expected)


def test_pixels_that_fit_are_made_once_and_the_same(photos, tmp_path):
    folder = write_classes(tmp_path / "photos", 20)
    (folder / "day" / "004.png").write_bytes(b"")
    rows = stoker.open(folder)
    once = stoker.Feed(rows, batch_size=8, epochs=2, on_bad_row="skip").prepare()
    assert once.survey.kept.num_bytes > 40 * 12 * 16 * 3
    assert once.ledger.peak < once.plan.memory_bytes
    for path in folder.rglob("*.png"):
        path.unlink()
    held = pixels(once, 1)
    write_classes(folder, 20)
    (folder / "day" / "004.png").write_bytes(b"")
    assert len(held) == 39
    single = stoker.Feed(stoker.open(folder), batch_size=8, on_bad_row="skip")
    assert np.array_equal(held, pixels(single, 1))


def test_pixels_that_do_not_fit_are_made_in_every_epoch(photos):
    def feed(epochs: int) -> stoker.Feed:
        transform = stoker.Image(300, interpolation="nearest")
        return stoker.Feed(
            stoker.open(photos), transform=transform, batch_size=4, epochs=epochs, memory="20MB"
        )

    twice = feed(2).prepare()
    assert "image" in twice.survey.kept.read(np.arange(1)).columns
    assert np.array_equal(pixels(twice, 1), pixels(feed(1), 1))
    assert twice.ledger.peak <= twice.plan.memory_bytes


def test_batches_and_decoding_are_counted(photos):
    feed = stoker.Feed(stoker.open(photos), batch_size=8, workers=2)
    pixels(feed)
    lines = {line.name: line.num_bytes for line in feed.plan.memory}
    assert lines["working"] == 2 * 16 * 12 * 4
    assert feed.ledger.peaks_by_kind["working"] <= lines["working"]
    assert feed.ledger.peaks_by_kind["batches"] <= lines["batches"]
    assert feed.ledger.peak <= feed.plan.memory_planned


def test_a_large_image_leaves_fewer_threads_or_is_refused(tmp_path):
    folder = write_classes(tmp_path / "photos", 2)
    (folder / "day" / "large.png").write_bytes(encode(3_000, 1_000, mode="L"))
    feed = stoker.Feed(stoker.open(folder), transform=stoker.Image(8), memory="64MB", workers=4, batch_size=2)
    assert feed.plan.limits.workers == 1
    with pytest.raises(MemoryBudgetError, match="raise memory="):
        stoker.Feed(stoker.open(folder), transform=stoker.Image(8), memory="30MB").prepare()


def test_an_image_that_cannot_be_decoded_is_told_with_its_file(tmp_path):
    folder = write_classes(tmp_path / "photos", 4)
    path = folder / "night" / "001.png"
    held = bytearray(path.read_bytes())
    held[45:-25] = bytes(len(held) - 70)
    path.write_bytes(held)
    feed = stoker.Feed(stoker.open(folder), batch_size=4)
    with pytest.raises(
        DataError, match=r"night/001\.png \(row 5\): column 'image' has no image .* cannot be decoded"
    ):
        pixels(feed)


def test_bad_files_are_left_out_where_that_is_asked_for(tmp_path):
    folder = write_classes(tmp_path / "photos", 4)
    (folder / "day" / "003.png").write_bytes(b"oops")
    with pytest.raises(BadRowError, match="1 value that is no image"):
        stoker.Feed(stoker.open(folder)).prepare()
    feed = stoker.Feed(stoker.open(folder), on_bad_row="quarantine", quarantine=tmp_path / "bad.csv")
    assert len(pixels(feed)) == 7
    told = (tmp_path / "bad.csv").read_text()
    assert """photos/day/003.png,1,3,image,"column 'image' holds no image: it is no PNG""" in told


def _renamed(transform: stoker.Image) -> stoker.Image:
    """The same for the column that tables have."""
    return from_state({**transform.state(), "columns": ["photo"]})


def table_of(photos) -> pa.Table:
    files = sorted(photos.rglob("*.png"))
    return pa.table(
        {
            "photo": [file.read_bytes() for file in files],
            "kind": [file.parent.name for file in files],
            "size": np.arange(len(files), dtype=np.float64),
        }
    )


def test_images_in_parquet_are_the_same(photos, tmp_path):
    pq.write_table(table_of(photos), tmp_path / "photos.parquet", row_group_size=7)
    rows = stoker.open(tmp_path / "photos.parquet", label="kind", columns=["photo"])
    feeds = [stoker.Feed(source, batch_size=8, seed=3) for source in (rows, stoker.open(photos))]
    assert np.array_equal(*map(pixels, feeds))
    assert feeds[0].survey.images["photo"].describe() == "all 16 × 12 · PNG"


def test_files_with_their_paths_as_hugging_face_writes_them_are_images(photos, tmp_path):
    table = table_of(photos)
    files = [{"bytes": held, "path": f"{row}.png"} for row, held in enumerate(table["photo"].to_pylist())]
    pq.write_table(table.set_column(0, "photo", [files]), tmp_path / "photos.parquet", row_group_size=7)
    rows = stoker.open(tmp_path / "photos.parquet", label="kind", drop=["size"])
    assert rows.kind_of("photo") == "bytes"
    feeds = [stoker.Feed(source, batch_size=8, seed=3) for source in (rows, stoker.open(photos))]
    assert np.array_equal(*map(pixels, feeds))


def test_images_beside_numbers_are_an_input_of_their_own(photos):
    rows = stoker.open(table_of(photos), label="kind")
    inputs = stoker.Columns({"photo": stoker.Image((4, 5)), "size": stoker.Standardize()})
    batch = next(iter(stoker.Feed(rows, transform=inputs, batch_size=8).epoch(0)))
    assert (batch.x["photo"].shape, batch.x["photo"].dtype) == ((8, 4, 5, 3), np.uint8)
    assert batch.x["size"].shape == (8, 1)


def test_transforms_and_options_that_are_not_for_images_are_refused(photos):
    rows = stoker.open(photos)
    with pytest.raises(
        OptionError, match=r"Standardize is for numbers, and the features are images: .*stoker.Image"
    ):
        stoker.Feed(rows, transform=stoker.Standardize()).prepare()
    with pytest.raises(OptionError, match="NgramVectorizer is for texts, and the features are images"):
        stoker.Feed(rows, transform=stoker.NgramVectorizer()).prepare()
    with pytest.raises(OptionError, match="na='mean' has no effect on images"):
        stoker.Feed(rows, na="mean").prepare()
    with pytest.raises(OptionError, match=r"Image is for one column of bytes, .* give stoker.Columns"):
        stoker.Feed(stoker.open(table_of(photos), label="kind"), transform=stoker.Image()).prepare()


def test_a_stored_survey_knows_the_images(photos):
    first, second = (stoker.Feed(stoker.open(photos), batch_size=8).prepare() for _ in range(2))
    assert second.survey.seconds == 0
    assert first.survey.images["image"].state() == second.survey.images["image"].state()
    assert first.spec == second.spec


def test_a_run_on_images_is_loaded_and_answers(photos, tmp_path):
    train, valid = stoker.open(photos).split(0.8, seed=1)
    feed = stoker.Feed(train, batch_size=8, transform=stoker.Image(8))
    model = stoker.models.cnn(feed, filters=2, seed=1)
    stoker.fit(model, feed, validation=valid, epochs=1, run=tmp_path / "run", progress="none")
    run = stoker.load(tmp_path / "run")
    assert run.transform.row_shape == (8, 8, 3)
    told = run.predict(photos / "day", keep=["file"])
    assert told.num_rows == 20
    assert told["file"][3].as_py() == "003.png"
    stoker.verify(tmp_path / "run")
    torn = (photos / "day" / "001.png").read_bytes()
    files = [torn, torn[:45] + bytes(40) + torn[85:], b"", torn]  # the second has a sound structure alone
    pq.write_table(pa.table({"image": files}), tmp_path / "new.parquet")
    for rows in ({"image": files}, tmp_path / "new.parquet"):
        answers = run.predict(rows)["prediction"].to_pylist()
        assert [answer is None for answer in answers] == [False, True, True, False]
        with pytest.raises(BadRowError, match="column 'image' holds no image: it is"):
            run.predict(rows, on_bad_row="error")


def test_rows_to_score_come_in_parts_of_some_megabytes_of_pixels(photos):
    transform = stoker.Image(1_000)
    rows = stoker.open(photos)
    transform.fit(rows.peek(1))
    pieces = list(file_pieces(FilePieces(source=rows.without_label(), inputs=transform)))
    assert [len(piece.x) for piece in pieces] == [5] * 8
    held = stoker.open(table_of(photos), columns=["photo"])
    assert [piece.num_rows for piece in file_pieces(FilePieces(source=held, inputs=_renamed(transform)))] == [
        5
    ] * 8

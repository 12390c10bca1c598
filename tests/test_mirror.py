"""Run directories on S3."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import stoker
from amazon_server import bucket, s3  # noqa: F401 - fixtures
from stoker.asides import keep_aside
from stoker.errors import OptionError, RunError
from stoker.mirror import address_of, begun, bring, fetched, files_of, place_of, seen
from stoker.rundir import RunDirectory
from stoker.runfiles import is_of_run

pytestmark = pytest.mark.timeout(120)
ADDRESS = "s3://bucket/runs/a"
CHECKPOINT = "checkpoints/step-000000000004"


@pytest.fixture
def store(bucket, tmp_path, monkeypatch):  # noqa: F811 - the fixture
    """The bucket, with nothing in it, and a cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bucket.delete_dir_contents("bucket", missing_dir_ok=True)
    return bucket


def names(store) -> list[str]:
    from pyarrow import fs

    found = store.get_file_info(fs.FileSelector("bucket/runs/a", recursive=True, allow_not_found=True))
    paths = [each.path.removeprefix("bucket/runs/a/") for each in found if each.type == fs.FileType.File]
    return sorted(path for path in paths if path != ".begun")


def put(store, name: str, data: bytes = b"x") -> None:
    with store.open_output_stream(f"bucket/runs/a/{name}") as file:
        file.write(data)


def written(folder, *found: str) -> None:
    for name in found:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


@pytest.fixture
def order(monkeypatch):
    """Names in the order in which they are brought."""
    noted = []
    write = stoker.mirror._Mirror._write
    monkeypatch.setattr(
        stoker.mirror._Mirror, "_write", lambda self, name: (noted.append(name), write(self, name))[1]
    )
    return noted


def test_what_is_here_comes_to_the_address_and_manifests_come_last(store, order):
    folder = begun(ADDRESS)
    hidden = (".lock", "checkpoints/.building-step-5/arrays", "checkpoints/damaged-step-2/manifest.json")
    written(
        folder, f"{CHECKPOINT}/manifest.json", f"{CHECKPOINT}/arrays.bin", "run.json", "model.keras", *hidden
    )

    bring(folder)

    assert order == ["model.keras", "run.json", f"{CHECKPOINT}/arrays.bin", f"{CHECKPOINT}/manifest.json"]
    assert names(store) == sorted(order)
    assert address_of(folder) == ADDRESS


def test_only_what_changed_is_brought_again_and_checkpoints_that_went_go(store, order):
    folder = begun(ADDRESS)
    written(folder, f"{CHECKPOINT}/manifest.json", f"{CHECKPOINT}/arrays.bin", "run.json", "model.keras")
    bring(folder)
    order.clear()

    shutil.rmtree(folder / CHECKPOINT)
    (folder / "run.json").write_bytes(b"more")
    bring(folder)
    bring(folder)

    assert order == ["run.json"]
    assert names(store) == ["model.keras", "run.json"]


def test_what_was_kept_aside_and_went_goes_there_too_and_costs_nothing_that_did_not_come_there(store):
    folder = begun(ADDRESS)
    written(folder, "run.json", *(f"before-{number}/run.json" for number in range(1, 4)))
    bring(folder)
    keep_aside(folder, folder, ["run.json"])
    bring(folder)
    written(folder, "model.keras")  # and the process is killed

    assert (begun(ADDRESS) / "model.keras").is_file()
    assert names(store) == [*(f"before-{number}/run.json" for number in (2, 3, 4)), "model.keras", "run.json"]


def test_a_copy_elsewhere_has_what_is_there_and_nothing_else(store, tmp_path, monkeypatch):
    written(begun(ADDRESS), "run.json", "model.keras")
    bring(place_of(ADDRESS))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another host"))
    written(place_of(ADDRESS), "last.keras", f"{CHECKPOINT}/manifest.json")

    folder = begun(ADDRESS)

    assert {path.name for path in folder.rglob("*") if path.is_file()} == {
        "run.json",
        "model.keras",
        ".elsewhere.json",
    }
    assert not any(folder.glob("checkpoints/*"))
    assert (folder / "model.keras").read_bytes() == b"model.keras"


def test_a_checkpoint_whose_manifest_did_not_come_does_not_count(store):
    for name in ("run.json", f"{CHECKPOINT}/arrays.bin", "checkpoints/step-000000000002/manifest.json"):
        put(store, name)

    folder = begun(ADDRESS)

    assert [path.name for path in (folder / "checkpoints").glob("*/*")] == ["manifest.json"]


def test_what_was_written_here_and_did_not_come_there_is_not_lost(store):
    folder = begun(ADDRESS)
    written(folder, "run.json")
    bring(folder)
    written(folder, "model.keras")  # and the process is killed

    assert (begun(ADDRESS) / "model.keras").is_file()
    assert names(store) == ["model.keras", "run.json"]


def test_what_another_host_brought_since_counts(store):
    folder = begun(ADDRESS)
    written(folder, "run.json", "model.keras")
    bring(folder)
    put(store, "run.json", b"another's")

    assert (begun(ADDRESS) / "run.json").read_bytes() == b"another's"


def test_what_a_run_has_is_told_without_being_fetched(store, tmp_path):
    assert files_of(ADDRESS) == files_of(tmp_path / "none") == set()
    for name in ("run.json", f"{CHECKPOINT}/manifest.json", "checkpoints/step-000000000007/arrays.bin"):
        put(store, name)
    written(tmp_path / "run", "run.json", f"{CHECKPOINT}/manifest.json", ".lock")

    assert files_of(ADDRESS) == files_of(tmp_path / "run") == {"run.json", f"{CHECKPOINT}/manifest.json"}
    assert not place_of(ADDRESS).exists()


def test_who_wants_no_checkpoints_brings_none_and_keeps_none_that_went(store):
    for name in ("run.json", f"{CHECKPOINT}/manifest.json"):
        put(store, name)
    assert (fetched(ADDRESS, checkpoints=True) / CHECKPOINT).is_dir()
    store.delete_file(f"bucket/runs/a/{CHECKPOINT}/manifest.json")
    put(store, "checkpoints/step-000000000007/manifest.json")

    folder = seen(ADDRESS)

    assert {path.name for path in folder.rglob("*") if path.is_file()} == {".elsewhere.json", "run.json"}


def test_who_wants_the_records_alone_brings_no_model(store):
    for name in ("run.json", "transform.json", "model.keras", "before-1/run.json", "before-1/last.keras"):
        put(store, name)

    folder = fetched(ADDRESS, models=False)

    brought = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file()}
    assert brought == {".elsewhere.json", "run.json", "transform.json", "before-1/run.json"}
    assert (fetched(ADDRESS) / "model.keras").is_file()


def test_models_without_a_record_are_told_of(store):
    put(store, "model.keras")

    with pytest.raises(RunError, match=r"model\.keras is there already and no run's"):
        RunDirectory(seen(ADDRESS, models=False)).check_free()


def test_what_people_lay_beside_a_run_is_no_news_of_it(store):
    folder = begun(ADDRESS)
    written(folder, "run.json", "model.keras")
    bring(folder)
    for name in ("notes.txt", "before-1/notes.txt", "scores/run.json"):
        put(store, name)
    written(folder, "last.keras")  # and the process is killed

    assert (begun(ADDRESS) / "last.keras").is_file()
    put(store, "before-1/run.json")
    assert not (begun(ADDRESS) / "checkpoints").exists()
    assert (place_of(ADDRESS) / "before-1/run.json").is_file()


def test_names_that_no_run_has_are_left_where_they_are(store):
    for name in ("run.json", ".hidden", "a b"):
        put(store, name)

    folder = fetched(ADDRESS)

    assert sorted(path.name for path in folder.iterdir()) == [".elsewhere.json", "run.json"]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("gs://bucket/a", "gs://bucket/a is neither"),
        ("s3://bucket", "s3://bucket is a bucket, and a run needs a folder in it"),
        ("s3://key:secret@bucket/a", "no name or password"),
    ],
)
def test_addresses_that_no_run_can_have_are_refused(address, told):
    with pytest.raises(OptionError, match=told):
        begun(address)


def test_an_address_without_a_run_is_told_as_that(store):
    with pytest.raises(RunError, match="s3://bucket/runs/a holds no run"):
        stoker.load(ADDRESS)


def test_a_store_that_refuses_is_told_with_the_address(store, monkeypatch):
    with pytest.raises(RunError, match=r"s3://nowhere/a cannot be .*no such bucket"):
        stoker.fit(None, None, run="s3://nowhere/a")


def build():
    import keras

    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dropout(0.2, seed=4),
            keras.layers.Dense(1, kernel_initializer="ones"),
        ]
    )
    model.compile("adam", "mse")
    return model


def train(path, run, epochs, **options):
    feed = stoker.Feed(stoker.open(path, label="y"), batch_size=16, seed=3, memory="8MB", workers=1)
    model = build()
    stoker.fit(model, feed, epochs=epochs, run=run, progress="none", **options)
    return model


@pytest.mark.slow
def test_a_run_on_s3_is_resumed_elsewhere_verified_and_loaded(store, tmp_path, monkeypatch):
    x = np.random.default_rng(1).normal(size=(200, 3)).round(3)
    np.savetxt(tmp_path / "t.csv", np.column_stack([x, x[:, 0]]), "%g", ",", header="a,b,c,y", comments="")
    whole = train(tmp_path / "t.csv", tmp_path / "whole", 4)

    train(tmp_path / "t.csv", ADDRESS, 2)
    assert {"run.json", "model.keras", "last.keras", "epochs.csv"} <= set(names(store))
    assert all(map(is_of_run, names(store)))
    assert any(name.endswith("manifest.json") for name in names(store))
    with pytest.raises(RunError, match="already holds a run"):
        train(tmp_path / "t.csv", ADDRESS, 2)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another host"))
    resumed = train(tmp_path / "t.csv", ADDRESS, 4, resume="auto")

    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(other, one)
    with store.open_input_stream("bucket/runs/a/run.json") as file:
        record = json.loads(file.read())
    there = json.loads((tmp_path / "whole/run.json").read_bytes())
    assert [each["order_digest"] for each in record["epochs"]] == [
        each["order_digest"] for each in there["epochs"]
    ]
    assert stoker.verify(ADDRESS).agrees
    assert stoker.replay(ADDRESS, step=3).rows
    predicted = stoker.load(ADDRESS).predict(tmp_path / "t.csv")
    assert predicted.num_rows == 200


@pytest.mark.slow
def test_a_store_that_is_gone_ends_no_training_before_its_end(store, tmp_path, monkeypatch):
    x = np.random.default_rng(1).normal(size=(200, 3)).round(3)
    np.savetxt(tmp_path / "t.csv", np.column_stack([x, x[:, 0]]), "%g", ",", header="a,b,c,y", comments="")

    def gone(self, name):
        raise OSError("the store is gone")

    with monkeypatch.context() as patched:
        patched.setattr(stoker.mirror._Mirror, "_write", gone)
        with pytest.raises(RunError, match="s3://bucket/runs/a cannot be written: the store is gone"):
            train(tmp_path / "t.csv", ADDRESS, 2)
    assert (place_of(ADDRESS) / "last.keras").is_file()

    train(tmp_path / "t.csv", ADDRESS, 3, resume="auto")

    assert len(stoker.load(ADDRESS).record.epochs) == 3


@pytest.mark.slow
def test_a_command_tells_of_its_run_by_the_address(store, tmp_path):
    x = np.random.default_rng(1).normal(size=(200, 3)).round(3)
    np.savetxt(tmp_path / "t.csv", np.column_stack([x, x[:, 0]]), "%g", ",", header="a,b,c,y", comments="")
    command = ["train", "t.csv", "--label", "y", "--epochs", "1", "--run", ADDRESS, "--json"]

    done = subprocess.run(
        [sys.executable, "-m", "stoker", *command], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["run"] == ADDRESS
    assert f"evaluate {ADDRESS}" in done.stderr

"""A run directory that is damaged, or that somebody wrote, is an error of stoker's own and nothing else."""

from __future__ import annotations

import json
import shutil
import zipfile
from contextlib import suppress
from functools import partial
from pathlib import Path

import keras
import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from forging import DEEP, at, damages, forgeries, places, put, replaced
from property_examples import examples
from stoker.errors import RunError, StokerError
from stoker.rundir import RunDirectory
from stoker.training import run as loading

QUICK = settings(max_examples=examples(15), suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=2_000)
ROWS = {"a": np.arange(20.0), "b": np.arange(20.0) % 3}


class Trained:
    """A finished run of numbers, which can be spoilt again and again."""

    def __init__(self, folder: Path) -> None:
        table = folder / "t.csv"
        rows = (f"{row % 7},{row % 11},{('no', 'yes')[row % 2]}\n" for row in range(60))
        table.write_text("a,b,kind\n" + "".join(rows))
        self.table, self.run = str(table), folder / "run"
        feed = stoker.Feed(stoker.open(table, label="kind"), batch_size=20, memory="8MB", cache="never")
        model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
        model.compile(optimizer="sgd", loss="binary_crossentropy")
        stoker.fit(model, feed, epochs=1, run=self.run, progress="none")
        feed.close()
        self.model = model
        self.whole = {path.name: path.read_bytes() for path in self.run.iterdir() if path.is_file()}

    def mend(self) -> None:
        for name, content in self.whole.items():
            path = self.run / name
            if not path.exists() or path.read_bytes() != content:
                replaced(path, content)

    def write(self, record: object) -> None:
        replaced(self.run / "run.json", json.dumps(record).encode())

    @property
    def record(self) -> dict:
        return json.loads(self.whole["run.json"])

    def use(self) -> None:
        """What a run is there for."""
        found = stoker.load(self.run)
        found.predict(ROWS)
        found.predict(self.table)
        found.evaluate(self.table)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Trained:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return Trained(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def model_at_hand(trained, monkeypatch) -> None:
    """Loading the model takes longer than all else, and it is not what is forged."""
    monkeypatch.setattr(loading, "load_model", lambda path, hint="": trained.model)


def use_forged(trained: Trained) -> None:
    try:
        trained.use()
    except StokerError as told:
        # A message is read by people.
        assert 0 < len(str(told)) < 200_000  # noqa: PT017


def forge_record(trained: Trained, data: st.DataObject) -> None:
    trained.mend()
    trained.write(data.draw(forgeries(trained.record)))
    use_forged(trained)


@pytest.mark.usefixtures("model_at_hand")
@QUICK
@given(data=st.data())
def test_a_forged_record_is_refused_or_harmless(trained, data):
    forge_record(trained, data)


@pytest.mark.fuzz
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("model_at_hand")
@LONG
@given(data=st.data())
def test_thousands_of_forged_records_are_refused_or_harmless(trained, data):
    forge_record(trained, data)


@pytest.mark.usefixtures("model_at_hand")
@QUICK
@given(data=st.data())
def test_a_damaged_record_is_refused_or_harmless(trained, data):
    trained.mend()
    replaced(trained.run / "run.json", data.draw(damages(trained.whole["run.json"])))
    use_forged(trained)


def damage_model(trained: Trained, data: st.DataObject) -> None:
    trained.mend()
    replaced(trained.run / "model.keras", data.draw(damages(trained.whole["model.keras"])))
    use_forged(trained)


@settings(QUICK, max_examples=examples(5))
@given(data=st.data())
def test_a_damaged_model_is_refused_or_harmless(trained, data):
    damage_model(trained, data)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(QUICK, max_examples=1_000)
@given(data=st.data())
def test_a_thousand_damaged_models_are_refused_or_harmless(trained, data):
    damage_model(trained, data)


PASSTHROUGH = {"name": "passthrough", "options": {"column": "a"}}
FORGED = {
    "more rows than its files": (("plan", "order", "num_rows"), 10**15, "and its files have 60"),
    "rows that no number counts": (("plan", "order", "num_rows"), 10**30, "below 2\\*\\*60"),
    "a negative batch": (("plan", "order", "batch_size"), -1, "batch_size, num_rows and block must be"),
    "an endless window": (("plan", "order", "window"), 10**30, "window must be a positive multiple"),
    "a size below zero": (("files", 0, "num_bytes"), -1, r"Expected `int` >= 0"),
    "streams of a billion batches": (("plan", "limits", "groups_in_flight"), 10**9, "cannot work ahead"),
    "no batches at a time": (("plan", "limits", "group_batches"), 0, "it makes no batches at a time"),
    "a negative memory": (("plan", "memory", 0, "num_bytes"), -5, r"Expected `int` >= 0"),
    "rows of a billion billion numbers": (("spec", "input_shape"), [10**18], "its sizes are"),
    "a class twice": (("spec", "classes"), ["no", "no"], "of the first target, and differ"),
    "a list for a number": (("outcome", "rows"), [1], "Expected `int`"),
    "the label's transform": (("transform",), PASSTHROUGH, "names transforms that are not those"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", "many"), ("epochs", -1), ("keep_checkpoints", 10**30), ("on_nan", "wait"), ("max_time", [1])],
)
def test_options_of_another_type_are_refused_before_a_run_goes_on(trained, name, value):
    trained.mend()
    trained.write(put(trained.record, ("training", name), value))
    with pytest.raises(RunError, match="is damaged: training: "):
        stoker.resume(trained.run, model=None, feed=None)


def audit_forged(trained: Trained, data: st.DataObject) -> None:
    trained.mend()
    trained.write(data.draw(forgeries(trained.record)))
    for look in (stoker.verify, partial(stoker.replay, step=1)):
        with suppress(StokerError):
            look(trained.run)


@pytest.mark.parametrize("has_header", [True, False])
def test_rows_that_begin_behind_the_end_of_their_file_are_a_difference(trained, has_header):
    trained.mend()
    forged = put(trained.record, ("source", "files", 0, "data_offset"), 9_000)
    trained.write(put(forged, ("source", "files", 0, "header"), has_header))
    found = stoker.verify(trained.run).difference
    assert found.kind == "file"
    with pytest.raises(StokerError):
        stoker.replay(trained.run, step=1)


@QUICK
@given(data=st.data())
def test_a_forged_record_is_verified_and_replayed_or_refused(trained, data):
    audit_forged(trained, data)


@pytest.mark.fuzz
@pytest.mark.timeout(1200)
@LONG
@given(data=st.data())
def test_thousands_of_forged_records_are_verified_and_replayed_or_refused(trained, data):
    audit_forged(trained, data)


@pytest.mark.usefixtures("model_at_hand")
@pytest.mark.parametrize("kind", FORGED)
def test_what_cannot_be_in_a_record_is_told(trained, kind):
    path, value, words = FORGED[kind]
    trained.mend()
    trained.write(put(trained.record, path, value))
    with pytest.raises(RunError, match=words):
        trained.use()


def test_no_value_of_another_type_is_taken_for_what_it_is_not(trained):
    """Every place of run.json that the type of the record knows, one after the other."""
    untyped = {"options", "reading", "transform", "target", "source", "policy", "training", "versions"}
    for path in places(trained.record):
        known = path and not untyped & set(map(str, path)) and at(trained.record, path) is not None
        if known and path != ("spec", "classes", 0) and path != ("spec", "classes", 1):
            trained.write(put(trained.record, path, [{"of": "another type"}]))
            with pytest.raises(RunError, match="damaged or not a run"):
                RunDirectory(trained.run).read()
    trained.mend()


def test_a_record_that_is_nested_too_deeply_is_told(trained):
    trained.mend()
    deep = "[" * DEEP + "]" * DEEP
    text = trained.whole["run.json"].replace(b'"options": {', f'"options": {{"x": {deep},'.encode(), 1)
    assert len(text) > DEEP
    replaced(trained.run / "run.json", text)
    with pytest.raises(RunError, match="damaged"):
        stoker.load(trained.run)


def test_a_record_of_a_number_with_a_million_digits_is_told(trained):
    trained.mend()
    text = trained.whole["run.json"].replace(b'"format": 1', b'"format": ' + b"1" * 1_000_000, 1)
    replaced(trained.run / "run.json", text)
    with pytest.raises(RunError, match="damaged"):
        stoker.load(trained.run)


def test_a_damaged_table_of_epochs_harms_nobody(trained):
    trained.mend()
    replaced(trained.run / "epochs.csv", b"\xff\x00" * 1_000)
    trained.use()


def with_layer(trained: Trained, path: Path, layer: dict) -> None:
    """The run's model with another layer in front of its last."""
    with zipfile.ZipFile(trained.run / "model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"].insert(1, layer)
    parts["config.json"] = json.dumps(config).encode()
    other = path.with_name("forged")
    with zipfile.ZipFile(other, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    other.replace(path)


def test_a_model_that_holds_a_lambda_is_refused_with_the_way_out(trained, tmp_path):
    trained.mend()
    run = tmp_path / "run"
    shutil.copytree(trained.run, run)
    model = keras.Sequential(
        [keras.layers.Input((2,)), keras.layers.Lambda(lambda x: x), keras.layers.Dense(1)]
    )
    model.save(run / "model.keras")
    with pytest.raises(RunError) as told:
        stoker.load(run)
    said = str(told.value)
    assert "model.keras holds Python code" in said
    assert "register_keras_serializable" in said


@pytest.mark.parametrize(
    "layer",
    [
        {"module": "os", "class_name": "system", "config": {"command": "touch ran"}, "registered_name": None},
        {"module": "builtins", "class_name": "eval", "config": "open('ran', 'w')", "registered_name": None},
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "file:///etc/passwd"}},
        {"module": "module_of_others", "class_name": "Layer", "config": {}, "registered_name": "Layer"},
    ],
)
def test_code_that_a_model_names_is_not_run(trained, tmp_path, monkeypatch, layer):
    trained.mend()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "module_of_others.py").write_text("open('ran', 'w')\n")
    run = tmp_path / "run"
    shutil.copytree(trained.run, run)
    with_layer(trained, run / "model.keras", layer)
    with pytest.raises(RunError, match=r"model\.keras cannot be loaded|holds Python code"):
        stoker.load(run)
    assert not (tmp_path / "ran").exists()


def test_a_model_that_unpacks_to_far_more_than_it_is_is_refused(trained, tmp_path):
    trained.mend()
    run = tmp_path / "run"
    shutil.copytree(trained.run, run)
    with zipfile.ZipFile(run / "model.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(50_000_000))
    with pytest.raises(RunError, match=r"unpacks to 50,000,000, which no saved model does"):
        stoker.load(run)


def test_what_is_forged_in_these_tests_is_a_record_of_today(trained):
    trained.mend()
    assert msgspec.json.decode(trained.whole["run.json"], type=stoker.rundir.RunRecord).plan is not None
    trained.use()

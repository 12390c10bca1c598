"""A run is resumed from a folder with a damaged file: to the same weights, or an error says why not."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stoker
from forging import damages, forgeries, replaced
from property_examples import examples
from stoker.checkpoints import CheckpointStore, packages
from stoker.cli import main
from stoker.errors import StokerError

QUICK = settings(max_examples=examples(12), suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=examples(600))
EPOCHS, STOPPED_AT = 2, 5


class StoppedError(Exception):
    pass


class Stopped:
    """A run that was stopped in its second epoch, which can be spoilt and resumed again and again."""

    def __init__(self, folder: Path) -> None:
        table = folder / "t.csv"
        rows = (f"{row % 7},{row % 11},{('no', 'yes')[row % 2]}\n" for row in range(60))
        table.write_text("a,b,kind\n" + "".join(rows))
        self.run, self._kept = folder / "run", folder / "kept"
        train, self.valid = stoker.open(table, label="kind").split(0.8, seed=1)
        self.feed = stoker.Feed(train, batch_size=16, memory="8MB", cache="never", workers=0)
        self.model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, "sigmoid")])
        self.model.compile("adam", "binary_crossentropy")
        self.model.optimizer.build(self.model.trainable_variables)
        self._first = [keras.ops.convert_to_numpy(each.value) for each in self._variables]
        self.whole = self._weights_of(lambda: self._fit(folder / "whole"))
        self._begin()
        with pytest.raises(StoppedError):
            self._fit(self.run, keras.callbacks.LambdaCallback(on_train_batch_end=self._stop))
        self.run.rename(self._kept)
        self.mend()

    @property
    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables]

    def _begin(self) -> None:
        for variable, value in zip(self._variables, self._first, strict=True):
            variable.assign(value)
        self._steps = 0

    def _stop(self, batch: int, logs: Any) -> None:
        self._steps += 1
        if self._steps == STOPPED_AT:
            raise StoppedError

    def _fit(self, run: Path, *callbacks: Any) -> None:
        # The same kind of callback on every call: a resumed run must have those of the one that began.
        given = callbacks or (keras.callbacks.LambdaCallback(),)
        options = {"validation": self.valid, "callbacks": given, "checkpoint_every": "1steps"}
        options["keep_checkpoints"] = 2
        stoker.fit(self.model, self.feed, epochs=EPOCHS, run=run, progress="none", **options)

    def _weights_of(self, train: Any) -> list[Any]:
        self._begin()
        train()
        return [np.array(value) for value in self.model.get_weights()]

    def mend(self) -> None:
        shutil.rmtree(self.run, ignore_errors=True)
        shutil.copytree(self._kept, self.run)

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self._kept)) for path in self._kept.rglob("*") if path.is_file())

    def resume(self) -> list[Any]:
        def go_on() -> None:
            stoker.resume(
                self.run,
                model=self.model,
                feed=self.feed,
                validation=self.valid,
                callbacks=[keras.callbacks.LambdaCallback()],
                epochs=EPOCHS,
                progress="none",
            )

        return self._weights_of(go_on)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Stopped:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return Stopped(tmp_path_factory.mktemp("stopped"))


def resumed(stopped: Stopped) -> bool:
    """Whether it went on, to the very weights; else it said why not."""
    try:
        weights = stopped.resume()
    except StokerError as told:
        assert 0 < len(str(told)) < 200_000  # noqa: PT017
        return False
    assert all(map(np.array_equal, weights, stopped.whole))
    return True


def spoil(content: bytes, how: str) -> bytes:
    if how == "empty":
        return b""
    if how == "cut":
        return content[: len(content) // 2]
    place = random.Random(7).randrange(max(1, len(content)))
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :] if content else b"x"


def test_as_it_was_it_is_resumed(stopped):
    stopped.mend()
    assert {"run.json", "contents.json", "model.keras"} < set(stopped.files())
    assert resumed(stopped)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["cut", "flip"])
def test_with_any_file_damaged_it_is_resumed_or_says_why_not(how, stopped):
    """Checkpoints have one another, and what only people and other commands read may hold anything."""
    for name in stopped.files():
        stopped.mend()
        replaced(stopped.run / name, spoil((stopped.run / name).read_bytes(), how))
        assert resumed(stopped) or name == "run.json", name


def test_with_all_checkpoints_damaged_it_begins_again(stopped):
    stopped.mend()
    for path in stopped.run.rglob("manifest.json"):
        replaced(path, spoil(path.read_bytes(), "cut"))
    assert resumed(stopped)


def forge(stopped: Stopped, change: Any) -> None:
    """Change all manifests as somebody does who signs them anew."""
    for path in stopped.run.rglob("manifest.json"):
        content = json.loads(path.read_bytes())["content"]
        change(content["record"])
        inner = json.dumps(content, separators=(",", ":")).encode()
        digest = packages._digest(inner).encode()
        replaced(path, b'{"digest":"' + digest + b'","content":' + inner + b"}")


EPOCH = {
    "epoch": 0, "metrics": {}, "rows": 1, "seconds": 0.0, "wait_seconds": 0.0,
    "order_digest": "", "member_digest": "",
}  # fmt: skip
FORGED: dict[str, Any] = {
    "metrics": [[1], "x", {"loss": "x"}, {"loss": {"$float": [1]}}],
    "order_digest": ["zz", "-1", "f" * 64],
    "member_digest": ["-" + "1" * 31],
    "validations": [[{"step": 3, "epoch": 0, "logs": [1], "best": True}]],
    "ended": ["x" * 1000],
    "unrecorded": [[{**EPOCH, "epoch": 10**6}], [EPOCH, EPOCH], [{**EPOCH, "rows": -1}], [{"epoch": 0}]],
    "position": [
        {"epoch": -1, "batches": 0},
        {"epoch": 1, "batches": -5},
        {"epoch": 0, "batches": 3},  # an epoch has three: it would have ended
        {"epoch": 1, "batches": 10**30},
    ],
}


@pytest.mark.parametrize(("name", "value"), [(name, each) for name in FORGED for each in FORGED[name]])
def test_a_forged_and_signed_checkpoint_is_refused(name, value, stopped):
    stopped.mend()
    forge(stopped, lambda record: record.update({name: value}))
    assert CheckpointStore(stopped.run).newest() is None or not resumed(stopped)


@pytest.mark.parametrize("value", [-5, 10**40, "x"])
@pytest.mark.parametrize("name", ["rows", "epochs", "epoch_rows", "seconds"])
def test_forged_counters_are_refused(name, value, stopped):
    if name == "seconds" and value == 10**40:
        return  # a float: so long a run has no time left, and nothing else
    stopped.mend()
    forge(stopped, lambda record: record["counters"].update({name: value}))
    assert CheckpointStore(stopped.run).newest() is None


@pytest.mark.parametrize("state", [[1, 2], 7, {"epoch": [0], "history": 7}, {"epoch": "x", "history": {}}])
def test_a_forged_history_is_refused(state, stopped):
    stopped.mend()
    forge(stopped, lambda record: record["callbacks"][-1].update(state=state))
    assert not resumed(stopped)


def test_forged_best_weights_are_refused(stopped):
    stopped.mend()
    forge(stopped, lambda record: record["monitor"].update(weights=[record["variables"][0]["array"]]))
    assert not resumed(stopped)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@LONG
@given(data=st.data())
def test_hundreds_of_damages_and_forgeries_are_resumed_or_refused(stopped, data):
    stopped.mend()
    for name in data.draw(st.lists(st.sampled_from(stopped.files()), min_size=1, max_size=3, unique=True)):
        path = stopped.run / name
        if name == "run.json" and data.draw(st.booleans()):
            record = json.loads(path.read_bytes())
            record["outcome"] = data.draw(forgeries(record["outcome"]))
            replaced(path, json.dumps(record).encode())
        else:
            replaced(path, data.draw(damages(path.read_bytes())))
    resumed(stopped)


@QUICK
@given(data=st.data())
def test_forged_flags_are_refused_or_are_flags(stopped, data):
    """What `stoker resume DIR` would train with; nothing is trained here."""
    stopped.mend()
    flags = {"files": ["t.csv"], "label": "kind", "memory": "8MB", "seed": 3, "epochs": 2, "model": "mlp"}
    record = json.loads((stopped.run / "run.json").read_bytes())
    record["options"] = data.draw(forgeries({"flags": flags, "folder": "."}))
    replaced(stopped.run / "run.json", json.dumps(record).encode())
    trained = SimpleNamespace(run=str(stopped.run), has_model=True, signal=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stoker.cli.train.train_on", lambda *given: trained)
        assert main(["resume", str(stopped.run), "--quiet"]) in (0, 2)

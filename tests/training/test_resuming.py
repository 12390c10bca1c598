"""A run that was stopped at any step ends with the bits of one that never was."""

from __future__ import annotations

import csv
import gc
import itertools
import json
import shutil
import threading
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from resumable import STEPS, StoppedError, StopsAt, feed_of, reached, run_to, write_rows

import stoker
from property_examples import examples
from stoker.errors import ChangedDataError, OptionError, RunError
from stoker.training.capturing import Resumption
from stoker.training.lines import counted

pytestmark = pytest.mark.timeout(120)

EVERY = {"validate_every": "4steps", "early_stopping": 5}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows"))


@pytest.fixture
def model(small_model: Any) -> Any:
    """``model()`` is a model with dropout as it was before any step; always the same object."""
    return lambda: small_model("binary", dropout=True)


@pytest.fixture
def runs(tmp_path: Path) -> Any:
    """``runs()`` is the name of a run directory that was not asked for before."""
    numbers = itertools.count()
    return lambda: tmp_path / f"run-{next(numbers)}"


def both(model: Any, rows: Path, runs: Any, stop: int, **options: Any) -> Any:
    """What the run comes to that never stopped, and the one that was stopped at a step and resumed."""
    whole = run_to(model(), rows, runs(), **options)
    run = runs()
    assert run_to(model(), rows, run, stop=stop, **options) is None
    resumed = run_to(model(), rows, run, resume="auto", **options)
    return whole, resumed, run


@pytest.mark.slow
@pytest.mark.backends
def test_a_run_stopped_at_any_step_ends_as_one_that_never_was(model, rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    whole = run_to(model(), rows, folder / "whole", **EVERY)

    @given(stop=st.integers(1, 3 * STEPS), every=st.sampled_from(["1steps", "3steps", "1epoch"]))
    @settings(max_examples=examples(5), suppress_health_check=[HealthCheck.function_scoped_fixture])
    def check(stop: int, every: str) -> None:
        run = folder / "stopped"
        shutil.rmtree(run, ignore_errors=True)
        assert run_to(model(), rows, run, stop=stop, checkpoint_every=every, **EVERY) is None
        assert run_to(model(), rows, run, resume="auto", checkpoint_every=every, **EVERY) == whole

    check()


def test_a_run_stopped_again_and_again_ends_as_one_that_never_was(model, rows, runs):
    whole = run_to(model(), rows, runs())
    run = runs()
    found = None
    for _ in range(20):
        found = run_to(model(), rows, run, stop=5, resume="auto")
        if found is not None:
            break
    assert found == whole


@pytest.mark.parametrize("stop", [STEPS + 4, STEPS + 1])
def test_the_checkpoint_is_let_go_of_once_all_is_put_back(stop, model, rows, runs):
    """It is as large as the training, and would be held until that ends; while it is held it is told."""
    seen: list[tuple[str, int, int]] = []

    class Looks(keras.callbacks.Callback):
        def _look(self, when: str) -> None:
            gc.collect()
            alive = [each for each in gc.get_objects() if isinstance(each, Resumption)]
            held = sum(each._checkpoint is not None for each in alive)
            seen.append((when, held, feed.ledger.held("checkpoint")))

        def on_train_begin(self, logs: Any = None) -> None:
            self._look("begin")

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._look("step")

        def get_state(self) -> None:
            return None

        def set_state(self, state: None) -> None:
            pass

    run = runs()
    feed, valid = feed_of(rows)
    options = {"validation": valid, "epochs": 2, "run": run, "progress": "none"}
    with pytest.raises(StoppedError):
        stoker.fit(model(), feed, callbacks=[Looks(), StopsAt(stop)], checkpoint_every="1steps", **options)
    seen.clear()
    feed, options["validation"] = feed_of(rows)
    known = {"callbacks": [Looks(), StopsAt()], "resume": "auto", "checkpoint_every": "5min"}
    stoker.fit(model(), feed, **options, **known)
    assert seen[0][:2] == ("begin", 1)
    assert seen[0][2] > 0
    assert seen[1:]
    assert set(seen[1:]) == {("step", 0, 0)}


def test_workers_and_the_number_of_checkpoints_may_differ(model, rows, runs):
    whole = run_to(model(), rows, runs())
    run = runs()
    run_to(model(), rows, run, stop=13)
    resumed = run_to(
        model(), rows, run, resume="auto", feed={"workers": 2}, keep_checkpoints=1, checkpoint_every="5steps"
    )
    assert resumed == whole


def test_several_steps_an_execution_are_resumed_too(small_model, rows, runs):
    if keras.backend.backend() == "torch":
        pytest.skip("PyTorch takes one step an execution")

    def model() -> Any:
        made = small_model("binary", dropout=True)
        made.steps_per_execution, made.train_function = 4, None
        return made

    try:
        whole, run = model(), runs()
        feed, valid = feed_of(rows)
        options = {"validation": valid, "epochs": 2, "progress": "none", "checkpoint_every": "4steps"}
        whole = reached(whole, stoker.fit(whole, feed, run=runs(), **options))
        half = model()
        short = stoker.fit(half, feed, run=run, max_time=1e-9, **options)
        assert (short.report.ended, short.report.steps) == ("max_time", 4)
        again = model()
        assert reached(again, stoker.fit(again, feed, run=run, resume="auto", **options)) == whole
    finally:
        made = small_model("binary", dropout=True)
        made.steps_per_execution, made.train_function, made.test_function = 1, None, None


def test_more_epochs_go_on_as_if_they_had_been_asked_for_at_once(model, rows, runs):
    whole = run_to(model(), rows, runs(), epochs=3)
    run = runs()
    run_to(model(), rows, run, epochs=2)
    assert run_to(model(), rows, run, epochs=3, resume="auto") == whole


def test_a_run_that_ended_says_so_and_comes_back_as_it_ended(model, rows, runs, capsys):
    run = runs()
    whole = run_to(model(), rows, run, early_stopping=2)
    again = run_to(model(), rows, run, early_stopping=2, resume="auto", progress="plain")
    assert again == whole
    assert "had finished its 3 epochs: nothing is left to train" in capsys.readouterr().err


def test_early_stopping_counts_on_and_gives_the_best_weights_back(model, rows, runs):
    options = {"early_stopping": 2, "monitor": "max:val_loss", "epochs": 6}
    whole, resumed, run = both(model, rows, runs, 2 * STEPS - 3, **options)
    assert resumed == whole
    assert whole.history.report.ended == resumed.history.report.ended == "early_stopping"
    assert run_to(model(), rows, run, resume="auto", **options) == whole
    assert run_to(model(), rows, run, resume="auto", **(options | {"epochs": 9})) == whole


def test_averaged_weights_go_on(rows, runs, values_of):
    def model() -> Any:
        layers = [keras.layers.Input((4,)), keras.layers.Dense(1, "sigmoid", kernel_initializer="zeros")]
        made = keras.Sequential(layers)
        optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=5)
        made.compile(optimizer, "binary_crossentropy")
        return made

    whole, resumed, _ = both(model, rows, runs, STEPS + 4)
    assert resumed == whole


SETUPS: dict[str, dict[str, Any]] = {
    "everything together": {
        "optimizer": lambda: keras.optimizers.LossScaleOptimizer(
            keras.optimizers.AdamW(
                keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.8),
                weight_decay=0.01,
                clipnorm=0.5,
                use_ema=True,
                ema_overwrite_frequency=5,
                gradient_accumulation_steps=3,
            ),
            initial_scale=64.0,
            dynamic_growth_steps=4,
        ),
    },
    "averages in the model between epochs": {
        "optimizer": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9),
        "callbacks": lambda: [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)],
        "slow": True,
    },
    "averages in the model while it is validated": {
        "optimizer": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9),
        "callbacks": lambda: [keras.callbacks.SwapEMAWeights()],
        "slow": True,
    },
    "a schedule of rates": {
        "optimizer": lambda: keras.optimizers.SGD(
            keras.optimizers.schedules.CosineDecay(0.05, 20, warmup_target=0.1, warmup_steps=5), momentum=0.9
        ),
        "slow": True,
    },
    "half precision and a scaled loss": {
        "optimizer": lambda: keras.optimizers.LossScaleOptimizer(
            keras.optimizers.Adam(0.01),
            initial_scale=2.0**24,  # too much for float16 at first: steps are skipped, and the scale halved
            dynamic_growth_steps=4,
        ),
        "dtype": "mixed_float16",
        "slow": True,
    },
    "gradients of three steps": {
        "optimizer": lambda: keras.optimizers.Adam(0.01, gradient_accumulation_steps=3),
        "slow": True,
    },
    "averages written over the weights": {
        "optimizer": lambda: keras.optimizers.Lion(0.003, use_ema=True, ema_overwrite_frequency=5),
        "slow": True,
    },
    "weight decay and clipped gradients": {
        "optimizer": lambda: keras.optimizers.RMSprop(
            0.01, momentum=0.9, weight_decay=0.01, global_clipnorm=0.5
        ),
        "dtype": "mixed_bfloat16",
        "slow": True,
    },
    "three steps an execution": {
        "optimizer": lambda: keras.optimizers.Adam(0.01, gradient_accumulation_steps=4, use_ema=True),
        "steps": 3,
        "slow": True,
    },
}


def set_up(*, optimizer: Any, dtype: str | None = None, steps: int = 1, **others: Any) -> Any:
    """A new model with dropout, a layer and a normalization that are frozen, and metrics of many counts."""
    keras.utils.set_random_seed(7)
    made = keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(8, "relu", dtype=dtype, trainable=False),
            keras.layers.BatchNormalization(dtype=dtype),
            keras.layers.Dropout(0.3, seed=3, dtype=dtype),
            keras.layers.BatchNormalization(dtype=dtype, trainable=False),
            keras.layers.Dense(1, "sigmoid", dtype="float32"),
        ]
    )
    made.compile(
        optimizer(),
        "binary_crossentropy",
        metrics=[keras.metrics.AUC(name="area")],
        steps_per_execution=steps,
    )
    return made


@pytest.mark.parametrize(
    ("name", "stops"),
    [
        pytest.param(
            name,
            (1, STEPS, STEPS + 4, 3 * STEPS - 1) if setup.get("slow") else (STEPS + 4,),
            marks=[pytest.mark.slow] if setup.get("slow") else [],
        )
        for name, setup in SETUPS.items()
    ],
)
def test_whatever_an_optimizer_keeps_goes_on(name, stops, rows, runs):
    setup = SETUPS[name]
    steps = setup.get("steps", 1)
    if steps > 1 and keras.backend.backend() == "torch":
        pytest.skip("PyTorch takes one step an execution")

    def run(run: Path, **options: Any) -> Any:
        model, callbacks = set_up(**setup), setup.get("callbacks", list)()
        return run_to(model, rows, run, callbacks=callbacks, checkpoint_every="1steps", **options)

    whole = run(runs())
    for stop in stops:
        folder = runs()
        assert run(folder, stop=-(-stop // steps)) is None
        assert run(folder, resume="auto") == whole, f"stopped at step {stop}"


def test_keras_own_callbacks_go_on(model, rows, runs, tmp_path):
    def callbacks(name: str) -> list[Any]:
        return [
            keras.callbacks.EarlyStopping("loss", mode="max", patience=2, restore_best_weights=True),
            keras.callbacks.ReduceLROnPlateau("loss", mode="max", patience=1, factor=0.5),
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            keras.callbacks.CSVLogger(tmp_path / f"{name}.csv"),
            keras.callbacks.ModelCheckpoint(
                tmp_path / f"{name}.weights.h5", "loss", save_best_only=True, save_weights_only=True
            ),
            keras.callbacks.TerminateOnNaN(),
        ]

    whole = run_to(model(), rows, runs(), callbacks=callbacks("whole"), epochs=4)
    run = runs()
    stopped = callbacks("resumed")
    assert run_to(model(), rows, run, stop=STEPS + 5, callbacks=stopped, epochs=4) is None
    stopped[3].csv_file.close()
    resumed = run_to(model(), rows, run, callbacks=callbacks("resumed"), epochs=4, resume="auto")
    assert resumed == whole
    assert (tmp_path / "resumed.csv").read_text() == (tmp_path / "whole.csv").read_text()


@pytest.mark.slow
@pytest.mark.backends
def test_texts_as_sparse_rows_go_on(tmp_path, runs):
    words = np.array(["good", "bad", "film", "plot", "never", "again", "slow", "fine"])
    rng = np.random.default_rng(2)
    texts = [" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(90)]
    path = tmp_path / "texts.csv"
    path.write_text("text,y\n" + "".join(f"{text},{int('good' in text)}\n" for text in texts))

    def made(run: Path, stop: int | None, **options: Any) -> Any:
        feed = stoker.Feed(
            stoker.open(path, label="y", text="text"),
            transform=stoker.NgramVectorizer(max_features=20),
            batch_size=16,
            seed=1,
            workers=0,
        )
        model = stoker.models.mlp(feed, seed=4)
        options = {"epochs": 2, "checkpoint_every": "3steps", "progress": "none", **options}
        try:
            return reached(model, stoker.fit(model, feed, run=run, callbacks=[StopsAt(stop)], **options))
        except StoppedError:
            return None
        finally:
            feed.close()

    whole, run = made(runs(), None), runs()
    assert made(run, 5) is None
    assert made(run, None, resume="auto") == whole


class Counts(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.noise = np.zeros(2)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches.append(batch)
        self.noise += 0.5

    def get_state(self) -> Any:
        return {"batches": self.batches, "noise": self.noise}

    def set_state(self, state: Any) -> None:
        self.batches, self.noise = state["batches"], state["noise"]


def test_callbacks_of_ones_own_remember_by_get_state_and_set_state(model, rows, runs):
    first, second, run = Counts(), Counts(), runs()
    run_to(model(), rows, run, stop=STEPS + 5, callbacks=[first])
    run_to(model(), rows, run, callbacks=[second], resume="auto")
    assert second.batches == list(range(STEPS)) * 3
    assert second.noise.tolist() == [1.5 * STEPS, 1.5 * STEPS]


def test_a_callback_that_cannot_remember_is_named(model, rows, runs, capsys):
    class Forgets(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.seen = 0

    class Stateless(keras.callbacks.Callback):
        pass

    run_to(model(), rows, runs(), callbacks=[Forgets(), Stateless()], epochs=1, progress="plain")
    said = capsys.readouterr().err
    assert said.count("Forgets") == 1
    assert "get_state" in said
    assert "Stateless" not in said


def test_what_is_no_plain_data_is_refused_before_the_first_step(model, rows, runs):
    class Odd(Counts):
        def get_state(self) -> Any:
            return object()

    callback = Odd()
    with pytest.raises(OptionError, match="the state of the callback Odd holds a object"):
        run_to(model(), rows, runs(), callbacks=[callback])
    assert callback.batches == []


@pytest.mark.parametrize("later", [object(), KeyError("no such thing")])
def test_a_state_that_is_lost_later_on_is_told_once_and_when_the_run_is_resumed(
    later, model, rows, runs, capsys
):
    class Late(Counts):
        def get_state(self) -> Any:
            if len(self.batches) <= 2:
                return super().get_state()
            if isinstance(later, Exception):
                raise later
            return {"noise": self.noise, "odd": later}

    run, again = runs(), Late()
    run_to(model(), rows, run, stop=STEPS + 5, callbacks=[Late()], progress="plain")
    said = capsys.readouterr().err
    assert said.count("the state of the callback Late is in no checkpoint from here on") == 1
    assert ("holds a object" if type(later) is object else "get_state() raised KeyError") in said
    run_to(model(), rows, run, callbacks=[again], resume="auto", progress="plain")
    assert "lacks the state of the callback Late, which begins anew" in capsys.readouterr().err
    assert 0 < len(again.batches) < 3 * STEPS


def test_the_record_is_that_of_a_run_that_never_stopped(model, rows, runs):
    whole, _, run = both(model, rows, runs, 2 * STEPS + 3)
    there = json.loads((run / "run.json").read_text())
    assert [epoch["epoch"] for epoch in there["epochs"]] == [0, 1, 2]
    assert [epoch["rows"] for epoch in there["epochs"]] == [144, 144, 144]
    assert len({epoch["member_digest"] for epoch in there["epochs"]}) == 1
    assert there["outcome"]["status"] == "finished"
    assert (there["outcome"]["steps"], there["outcome"]["rows"]) == (3 * STEPS, 3 * 144)
    with (run / "epochs.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [float(row["val_loss"]) for row in table] == pytest.approx(whole.history.history["val_loss"])
    assert not any(thread.name.startswith("stoker") for thread in threading.enumerate())


def test_time_is_that_of_the_whole_run_and_more_of_it_goes_on(model, rows, runs):
    whole = run_to(model(), rows, runs())
    run = runs()
    cut = run_to(model(), rows, run, max_time=1e-9)
    assert cut.history.report.ended == "max_time"
    again = run_to(model(), rows, run, max_time=1e-9, resume="auto")
    assert (again.history.report.ended, again.history.report.steps) == ("max_time", 1)
    assert run_to(model(), rows, run, max_time="1h", resume="auto") == whole


def test_a_torn_checkpoint_is_passed_over_with_a_warning(model, rows, runs, capsys):
    whole = run_to(model(), rows, runs())
    run = runs()
    run_to(model(), rows, run, stop=STEPS + 4)
    newest = max((run / "checkpoints").iterdir())
    (newest / "arrays.bin").write_bytes((newest / "arrays.bin").read_bytes()[:-40])
    resumed = run_to(model(), rows, run, resume="auto", progress="plain")
    assert resumed == whole
    assert "the checkpoint before it is taken" in capsys.readouterr().err


def test_with_every_checkpoint_torn_the_run_begins_again(model, rows, runs, capsys):
    whole = run_to(model(), rows, runs())
    run = runs()
    run_to(model(), rows, run, stop=STEPS + 4)
    for checkpoint in (run / "checkpoints").iterdir():
        (checkpoint / "manifest.json").write_text("{")
    there = {path.name for path in (run / "checkpoints").iterdir()}
    assert run_to(model(), rows, run, resume="auto", progress="plain") == whole
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("the checkpoint before it is taken") == len(there) - 1
    assert said.count("there is none before it") == 1
    # How many there are depends on how long each was written: behind one that still is, none is begun.
    assert f"{counted(len(there), 'damaged checkpoint')} kept in" in said
    kept = {path.name.removeprefix("damaged-") for path in (run / "checkpoints").glob("damaged-*")}
    assert kept == there


def test_a_run_that_has_finished_is_never_begun_again(model, rows, runs):
    run, options = runs(), {"checkpoint_every": "never", "epochs": 1}
    run_to(model(), rows, run, **options)
    before = (run / "run.json").read_bytes()
    with pytest.raises(RunError, match="has finished, and has no whole checkpoint"):
        run_to(model(), rows, run, resume="auto", **options)
    assert (run / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("feed", "options", "said"),
    [
        ({"seed": 6}, {}, "order of rows, seed: 5 there, 6 here"),
        ({"batch_size": 8}, {}, "order of rows, batch_size: 16 there, 8 here"),
        ({"na": "mean"}, {}, r"blanks \(na=\): error there, mean here"),
        ({"class_weight": "balanced"}, {}, "class_weight: none there, others here"),
        ({}, {"early_stopping": 3}, "early_stopping: none there, 3 here"),
        ({}, {"validate_every": "3steps"}, "validate_every: none there, 3steps here"),
    ],
)
def test_another_plan_is_refused_with_what_differs(feed, options, said, model, rows, runs):
    run = runs()
    run_to(model(), rows, run, stop=4)
    with pytest.raises(RunError, match=said):
        run_to(model(), rows, run, resume="auto", feed=feed, **options)


def test_another_model_optimizer_or_callbacks_are_refused(model, rows, runs):
    run = runs()
    run_to(model(), rows, run, stop=4)
    other = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    other.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    with pytest.raises(RunError, match=r"layers\.0 Dense\.units: 8 there, 1 here"):
        run_to(other, rows, run, resume="auto")
    other.compile(keras.optimizers.Adam(0.01), "mse", metrics=["accuracy"])
    with pytest.raises(RunError, match="loss: binary_crossentropy there, mse here"):
        run_to(other, rows, run, resume="auto")
    other.compile(keras.optimizers.Adam(0.01, beta_1=0.8), "binary_crossentropy", metrics=["accuracy"])
    with pytest.raises(RunError, match=r"optimizer\.beta_1: 0\.9 there, 0\.8 here"):
        run_to(other, rows, run, resume="auto")
    with pytest.raises(RunError, match=r"the run's callbacks are \[StopsAt, History\]"):
        run_to(model(), rows, run, resume="auto", callbacks=[keras.callbacks.TerminateOnNaN()])


def test_a_model_of_the_same_variables_that_computes_something_else_is_refused(rows, runs):
    def made(activation: str = "relu", rate: float = 0.2, units: int = 8, **compiled: Any) -> Any:
        dense = keras.layers.Dense(units, activation)
        model = keras.Sequential([keras.Input((4,)), dense, keras.layers.Dropout(rate, seed=3)])
        model.add(keras.layers.Dense(1, "sigmoid"))
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"], **compiled)
        return model

    run, jit = runs(), made().jit_compile
    run_to(made(loss_weights=[2.0]), rows, run, stop=4)
    for other, said in [
        (made("tanh", loss_weights=[2.0]), r"layers\.0 Dense\.activation: relu there, tanh here"),
        (made(rate=0.5, loss_weights=[2.0]), r"layers\.1 Dropout\.rate: 0\.2 there, 0\.5 here"),
        (made(loss_weights=[1.0]), r"loss_weights: \[2\.0\] there, \[1\.0\] here"),
        (made(), r"loss_weights: \[2\.0\] there, none here"),
        (made(loss_weights=[2.0], jit_compile=not jit), f"jit_compile: {jit} there, {not jit} here"),
    ]:
        with pytest.raises(RunError, match=said):
            run_to(other, rows, run, resume="auto")
    assert run_to(made(loss_weights=[2.0]), rows, run, resume="auto") is not None


def test_the_model_s_own_variables_are_compared_too(rows, runs):
    """A layer of one's own says nothing of its settings."""

    class Own(keras.layers.Dense):
        pass

    def made(units: int) -> Any:
        model = keras.Sequential([keras.Input((4,)), Own(units), keras.layers.Dense(1, "sigmoid")])
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        return model

    run = runs()
    run_to(made(8), rows, run, stop=4)
    with pytest.raises(RunError, match=r"the model is not the run's: .*\(4, 8\)"):
        run_to(made(4), rows, run, resume="auto")


def test_how_many_steps_an_execution_takes_may_differ(rows, runs):
    """The very same bits come out: measured on JAX and TensorFlow."""
    if keras.backend.backend() == "torch":
        pytest.skip("PyTorch takes one step an execution")

    def train(steps: int, run: Path, **options: Any) -> Any:
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
        model.compile("adam", "mse", steps_per_execution=steps)
        feed, valid = feed_of(rows)
        options = {
            "epochs": 2,
            "validation": valid,
            "progress": "none",
            "checkpoint_every": "2steps",
        } | options
        return reached(model, stoker.fit(model, feed, run=run, **options))

    whole, run = train(1, runs()), runs()
    train(1, run, max_time=1e-9)
    assert train(3, run, resume="auto", max_time=None) == whole


def test_a_file_that_changed_is_named_with_the_place(model, runs, tmp_path):
    rows = write_rows(tmp_path)
    run = runs()
    run_to(model(), rows, run, stop=4)
    data = rows.read_bytes()
    rows.write_bytes(data.replace(b"1", b"2", 1))
    with pytest.raises(ChangedDataError, match=r"rows\.csv.*(byte|row)") as error:
        run_to(model(), rows, run, resume="auto")
    assert str(run) in str(error.value)


def test_fewer_epochs_than_were_trained_are_refused(model, rows, runs):
    run = runs()
    run_to(model(), rows, run, epochs=2)
    with pytest.raises(RunError, match="epochs=1 is less"):
        run_to(model(), rows, run, epochs=1, resume="auto")


def test_resume_needs_a_run_and_a_feed(model, rows, runs):
    feed, _ = feed_of(rows)
    with pytest.raises(OptionError, match="no effect without run="):
        stoker.fit(model(), feed, resume="auto", progress="none")
    with pytest.raises(OptionError, match="resume must be 'auto' or False, got True"):
        stoker.fit(model(), feed, run=runs(), resume=True, progress="none")
    batches = ((np.zeros((4, 4), np.float32), np.zeros(4)) for _ in range(9))
    with pytest.raises(OptionError, match=r"resume='auto' needs a stoker\.Feed"):
        stoker.fit(model(), batches, steps_per_epoch=2, run=runs(), resume="auto", progress="none")


def test_a_run_directory_is_resumed_with_the_options_that_it_was_begun_with(model, rows, runs):
    whole = run_to(model(), rows, runs(), **EVERY)
    run = runs()
    run_to(model(), rows, run, stop=STEPS + 4, **EVERY)
    feed, valid = feed_of(rows)
    again = model()
    history = stoker.resume(
        run, model=again, feed=feed, validation=valid, callbacks=[StopsAt()], progress="none"
    )
    assert reached(again, history) == whole
    with pytest.raises(OptionError, match="the run was validated"):
        stoker.resume(run, model=again, feed=feed, progress="none")


class Pairs(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 6

    def __getitem__(self, place: int) -> Any:
        rng = np.random.default_rng(place)
        return rng.normal(size=(8, 4)).astype(np.float32), rng.integers(0, 2, 8)


def test_as_many_batches_of_a_sequence_are_validated_on_as_before(model, rows, runs):
    run = runs()
    feed, _ = feed_of(rows)
    known = {"validation": Pairs(), "run": run, "progress": "none"}
    stoker.fit(model(), feed, validation_steps=2, epochs=1, **known)
    with pytest.raises(RunError, match="validation_steps: 2 there, 3 here"):
        stoker.fit(model(), feed, validation_steps=3, epochs=2, resume="auto", **known)
    again = stoker.resume(run, model=model(), feed=feed, validation=Pairs(), epochs=2, progress="none")
    whole = stoker.fit(model(), feed, validation_steps=2, epochs=2, **{**known, "run": runs()})
    assert again.history == whole.history

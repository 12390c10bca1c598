"""Answering a script's training calls: with an examination in their place, or beside the training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from stoker.doctor.advice import finding
from stoker.doctor.examine import batch_seconds, conclude, examine
from stoker.doctor.findings import Finding
from stoker.doctor.judging import judge_stream
from stoker.doctor.looking import EPOCHS, Budget, look_at
from stoker.doctor.record import Record
from stoker.doctor.report import Report
from stoker.doctor.rows import Asked
from stoker.doctor.speed import judge_pace
from stoker.doctor.watching import watched
from stoker.errors import StokerError
from stoker.training.generators.kinds import is_arrays, kind_of, length_of, whole

__all__ = ["Examined", "Examiner", "Watcher"]

_TRAINING = "fit_generator"


class Examined(SystemExit):
    """Ends a script at its first training call; ``code`` is 0 if no problem was found, else 1."""


class Examiner:
    """Examines the generators of a script's first training call and ends the script there.

    Parameters
    ----------
    batches
        Look at no more of each stream.
    progress
        Called with batches looked at and all of them.

    Attributes
    ----------
    report
        What was found, None as long as there was no training call.
    error
        Why the call could not be examined.
    """

    def __init__(
        self, *, batches: int | None = None, progress: Callable[[int, int], None] | None = None
    ) -> None:
        self._batches = batches
        self._progress = progress
        self.report: Report | None = None
        self.error: StokerError | None = None

    def called(self, name: str, arguments: Mapping[str, Any], go_on: Callable[[], Any]) -> Any:
        """Answer a call; see `stoker.training.generators.observers.Observer`."""
        if name != _TRAINING:
            return go_on()
        try:
            self.report = examine(
                arguments["generator"],
                steps=arguments["steps_per_epoch"],
                validation=arguments["validation_data"],
                validation_steps=arguments["validation_steps"],
                model=arguments["model"],
                epochs=_epochs(arguments),
                shuffle=bool(arguments["shuffle"]),
                workers=whole(arguments["workers"], "workers", least=0),
                use_multiprocessing=bool(arguments["use_multiprocessing"]),
                batches=self._batches,
                progress=self._progress,
            )
        except StokerError as error:
            self.error = error
            raise Examined(2) from error
        raise Examined(1 if self.report.problems else 0)


class Watcher:
    """Looks at each batch of a script's training calls as it passes, and reports when two epochs went by.

    The model trains on the same batches as it would without. What `use_multiprocessing` asks for is done in
    threads, since another process keeps its fingerprints to itself.

    Parameters
    ----------
    tell
        Called with each training call's report: after its second epoch, or at its end.
    """

    def __init__(self, tell: Callable[[Report], None]) -> None:
        self._tell = tell

    def called(self, name: str, arguments: Mapping[str, Any], go_on: Callable[[], Any]) -> Any:
        """Answer a call; see `stoker.training.generators.observers.Observer`."""
        if name != _TRAINING or kind_of(arguments["generator"]) == "feed":
            return go_on()
        watch = _Watch(arguments, self._tell)
        try:
            return watch.train()
        finally:
            watch.report()


class _Watch:
    """One training call that is looked at."""

    def __init__(self, arguments: Mapping[str, Any], tell: Callable[[Report], None]) -> None:
        self._arguments = dict(arguments)
        self._tell: Callable[[Report], None] | None = tell
        self._start = time.perf_counter()
        self._pace: float | None = None
        self._unknown: list[str] = []
        self._findings: list[Finding] = []
        self.validation: Record | None = None
        self._watch_streams()

    def _watch_streams(self) -> None:
        given, tested = self._arguments["generator"], self._arguments["validation_data"]
        self._length = length_of(given) if kind_of(given) == "sequence" else None
        self._steps = _steps(self._arguments["steps_per_epoch"], "steps_per_epoch")
        if tested is given:
            self.training = Record()
            seen = "Training and validation are the same object."
            self._findings.append(finding("leak", "problem", seen, stream="validation"))
            self._unknown.append("training: with one object for both, batches were not told apart")
            return
        self._arguments["generator"], self.training = watched(given, self._steps)
        if self._arguments["use_multiprocessing"]:
            self._arguments["use_multiprocessing"] = False
            self._unknown.append("batches were made in threads and not in processes, to be looked at")
        if tested is not None:
            self._watch_validation(tested)

    def _watch_validation(self, tested: Any) -> None:
        steps = _steps(self._arguments["validation_steps"], "validation_steps")
        if is_arrays(tested):
            self.validation = look_at(tested, steps=None, epochs=1, budget=Budget()).record
        elif kind_of(tested) == "feed":
            self._unknown.append("validation: a Feed is not looked at")
        elif kind_of(tested) == "sequence" or steps is not None:
            self._arguments["validation_data"], self.validation = watched(tested, steps)

    def train(self) -> Any:
        """Make the call."""
        from stoker.training.generators.calls import fit_generator

        given = self._arguments["callbacks"]
        own = [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
        self._arguments["callbacks"] = [*own, _after_epochs(self)]
        return fit_generator(**self._arguments)

    def epoch_trained(self, seconds: float, steps: int) -> None:
        """Take in how long an epoch's steps took, validation left out."""
        self._pace = seconds / max(1, steps)

    def report(self) -> None:
        """Tell what was found, once."""
        tell, self._tell = self._tell, None
        if tell is None:
            return
        epochs, training = _epochs(self._arguments), self.training
        asked = Asked(
            steps=self._steps, epochs=epochs, shuffle=bool(self._arguments["shuffle"]), length=self._length
        )
        findings = [*self._findings, *judge_stream(training, asked)]
        if self.validation is not None:
            steps = _steps(self._arguments["validation_steps"], "validation_steps")
            of_validation = Asked(stream="validation", steps=steps, epochs=epochs, shuffle=False)
            findings += judge_stream(self.validation, of_validation, training)
        if not (findings or training.num_batches):
            return  # the call itself was refused, and says why
        made, step = batch_seconds(training), self._pace
        if made is not None and self._pace is not None:
            workers = whole(self._arguments["workers"], "workers", least=0)
            waits = judge_pace(made, self._pace, workers=workers, parallel=self._length is not None)
            findings += waits
            step = None if waits else self._pace
        tell(
            conclude(
                training,
                self.validation,
                findings,
                seconds=time.perf_counter() - self._start,
                step_seconds=step,
                unknown=self._unknown,
            )
        )


def _epochs(arguments: Mapping[str, Any]) -> int:
    first = whole(arguments["initial_epoch"], "initial_epoch", least=0)
    return max(1, whole(arguments["epochs"], "epochs") - first)


def _steps(value: Any, name: str) -> int | None:
    return None if value is None else whole(value, name)


def _after_epochs(watch: _Watch) -> Any:
    """A callback that times epochs and reports after the second."""
    import keras

    class AfterEpochs(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no type information
        """Times an epoch from its begin to its validation."""

        def __init__(self) -> None:
            super().__init__()
            self._left = EPOCHS
            self._begin = 0.0
            self._seconds: float | None = None

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._begin, self._seconds = time.perf_counter(), None

        def on_test_begin(self, logs: Any = None) -> None:
            if self._seconds is None:
                self._seconds = time.perf_counter() - self._begin

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.on_test_begin()
            self._left -= 1
            watch.epoch_trained(self._seconds or 0.0, (self.params or {}).get("steps") or 0)
            if self._left == 0:
                watch.report()

    return AfterEpochs()

"""What is left, and what is returned or raised, when training is asked to stop."""

from __future__ import annotations

import os
import signal
import sys

import keras
import numpy as np
import pytest
from memory_feed import make_feed

from stoker.signals import Terminated
from stoker.training.fit import fit


class Send(keras.callbacks.Callback):
    """Sends this process signals at the end of a step, as ``kill`` would."""

    def __init__(self, *numbers: int, step: int) -> None:
        super().__init__()
        self.numbers, self.step = numbers, step

    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == self.step:
            for number in self.numbers:
                os.kill(os.getpid(), number)


def interrupted(model, *numbers: int, raised: type[BaseException], step: int = 10):
    with pytest.raises(raised):
        fit(model, make_feed(rows=50), epochs=3, callbacks=[Send(*numbers, step=step)], progress="none")
    return model.history


def test_sigterm_finishes_the_step_and_exits_with_143(small_model, values_of):
    model = small_model()
    report = interrupted(model, signal.SIGTERM, raised=Terminated).report
    assert (report.ended, report.steps) == ("interrupted", 10)
    assert all(np.isfinite(value).all() for value in values_of(model))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_before_a_prompt_ctrl_c_returns_the_history(small_model, monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    model, feed = small_model(), make_feed(rows=50)
    history = fit(model, feed, epochs=3, callbacks=[Send(signal.SIGINT, step=10)], progress="none")
    assert history is model.history
    assert (history.epoch, history.report.ended, history.report.steps) == ([0], "interrupted", 10)
    assert feed.open_streams == 0


def test_a_callback_that_exits_leaves_nothing_running(small_model):
    class Leave(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            sys.exit(5)

    feed, model = make_feed(rows=50), small_model()
    with pytest.raises(SystemExit):
        fit(model, feed, epochs=3, callbacks=[Leave()], progress="none")
    assert feed.open_streams == 0
    assert model.history.report.ended == "interrupted"

"""One call of training from its prepared parts to its report; `stoker.fit` and the old calls make it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from stoker.checkpoints import Checkpoint
from stoker.errors import NonFiniteLossError, OptionError, StokerError
from stoker.group import Group, current
from stoker.ledger import Ledger
from stoker.training import adapter
from stoker.training.absent import failure_told
from stoker.training.call_parts import CallParts
from stoker.training.callback_list import History, TrainingCallbacks
from stoker.training.callback_states import copy_callbacks, forgetful
from stoker.training.capturing import capture
from stoker.training.ending import Ending
from stoker.training.handover import Handover
from stoker.training.interrupts import Interrupts
from stoker.training.locating import located, told_to_all
from stoker.training.meeting import Meeting
from stoker.training.one_step import one_step_an_execution
from stoker.training.protocols import FeedLike
from stoker.training.shared_step import shared_steps
from stoker.training.shares import Share, share_of
from stoker.training.supervisor import TrainingSupervisor

__all__ = ["TrainingCall", "handover_of"]


def handover_of(
    model: Any,
    feed: FeedLike,
    interrupts: Interrupts,
    *,
    role: str = "training",
    share: Share | None = None,
) -> Handover:
    """The handover of a feed, or of a share of it; batches computed in this thread may use the model."""
    if getattr(feed, "is_here", False):
        return Handover(
            feed,
            wait_for=adapter.wait_for_result,
            interrupts=interrupts,
            around=lambda: adapter.usable_model(model),
            role=role,
        )
    return Handover(feed, wait_for=adapter.wait_for_result, interrupts=interrupts, role=role, share=share)


class TrainingCall(CallParts):
    """One call of training from its prepared parts to its report."""

    def run(self) -> History:
        """Train, and leave nothing running, however it ends."""
        group = current()
        self.model.history = self.history  # Keras's own is there when an epoch has ended
        with (
            one_step_an_execution(self.model, self.callbacks),
            shared_steps(self.model, group),
            Interrupts(agreed=not group.is_alone) as interrupts,
        ):
            return _Running(self, interrupts, group).run()


class _Running:
    """A call that is under way."""

    def __init__(self, call: TrainingCall, interrupts: Interrupts, group: Group) -> None:
        self._call = call
        self._interrupts = interrupts
        self._group = group
        self._forgetful: set[str] = set()
        self._training = handover_of(call.model, call.feed, interrupts, share=share_of(call.feed))
        tested = call.validation
        self._validation = (
            None
            if tested is None
            else handover_of(call.model, tested, interrupts, role="validation", share=share_of(tested))
        )
        self._supervisor = TrainingSupervisor(
            model=call.model,
            training=self._training,
            validation=self._validation,
            meeting=Meeting(group, call.model, self._training, interrupts),
            display=call.display,
            monitor=call.monitor,
            files=call.files,
            recorder=call.recorder,
            epochs=call.epochs,
            validate_every=call.every,
            max_seconds=call.seconds,
            guard=call.guard,
            checkpointer=call.checkpointer if group.is_first else None,
            unwritten=call.unwritten,
        )
        self._ending = Ending(call, self._supervisor, interrupts, self._handovers())

    def run(self) -> History:
        try:
            self._train()
            if self._call.checkpointer is not None:
                self._call.checkpointer.close()
        except (KeyboardInterrupt, SystemExit):
            self._ending.end("interrupted")
            if self._interrupts.returns:
                return self._call.history
            raise
        except NonFiniteLossError as error:
            found = error
            try:
                found = self._located(error)
            finally:
                self._ending.end("failed", failure_told(found))
            raise found from None
        except Exception as error:
            self._save_what_was_trained()
            self._ending.end("failed", failure_told(error))
            for handover in self._handovers():
                handover.raise_failure()
            raise
        stopped = "stopped" if self._call.model.stop_training else "finished"
        self._ending.end(self._supervisor.ended or stopped)
        return self._call.history

    def _train(self) -> None:
        call = self._call
        hooks = TrainingCallbacks(
            [*call.callbacks, call.history],
            model=call.model,
            training=self._training,
            validation=self._validation,
            supervisor=self._supervisor,
            interrupts=self._interrupts,
            due=call.due,
            resumption=call.resumption,
            save=None if call.checkpointer is None else self._supervisor.save,
            verbose=call.verbose,
            epochs=call.epochs,
            steps=self._training.num_batches,
        )
        self._prepare_checkpoints(hooks)
        hooks.begun = partial(self._begun, hooks)
        self._supervisor.finished = lambda: hooks.finished
        if self._validation is not None:
            self._supervisor.evaluate = hooks.evaluate_now
        self._fit(hooks, call.initial_epoch)
        while hooks.resized_after is not None:
            if adapter.averages_weights(call.model):
                raise OptionError(
                    f"the Sequence has another length after epoch {hooks.resized_after}, which an optimizer "
                    "with use_ema=True does not allow within one call: keep the length, or call once an epoch"
                )
            hooks.set_params(hooks.params | {"steps": self._training.num_batches})
            with adapter.without_restored_epoch(call.model):
                self._fit(hooks, hooks.resized_after + 1)

    def _save_what_was_trained(self) -> None:
        """Write a checkpoint where data failed: that is between two steps, and the model is whole."""
        checkpointer = self._call.checkpointer
        if not self._group.is_alone:
            return  # the others may have taken another step, and what they counted is not known here
        if checkpointer is None or not self._training.has_failed or not self._supervisor.finished():
            return
        if adapter.averages_weights(self._call.model):
            return  # Keras has put the averages into the weights when the error passed it
        try:
            self._supervisor.save(None)
        except StokerError as error:  # the data's error is the one to tell
            self._call.display.note("warning", str(error))

    def _prepare_checkpoints(self, hooks: TrainingCallbacks) -> None:
        call, identity = self._call, self._call.identity
        if call.resumption is not None:
            call.resumption.bind(self._supervisor, call.monitor)
        if call.checkpointer is not None and identity is not None:
            step = 0 if call.resumption is None else call.resumption.step
            call.checkpointer.begin(step)
            if call.guard is not None:
                call.guard.begin(step)
            call.checkpointer.capture = lambda: self._taken_down(
                capture(identity, call.model, hooks.callbacks, self._supervisor, call.monitor, self._lost)
            )
            for name in forgetful(call.callbacks):
                call.display.note(
                    "warning",
                    f"the callback {name} has a state of its own, which no checkpoint holds and a resumed "
                    "run lacks: give it get_state() and set_state(state)",
                )

    def _begun(self, hooks: TrainingCallbacks) -> None:
        """All have been told that training begins, and have their state again."""
        call = self._call
        if call.checkpointer is not None and call.identity is not None:
            copy_callbacks(hooks.callbacks, {})  # tells at once what cannot be
        if call.recorder is not None:
            there = call.resumption
            step, unrecorded = (there.step, there.unrecorded) if there else (0, ())
            aside = call.recorder.go_on(step, call.initial_epoch, unrecorded)
            if aside is not None:
                call.display.note("kept", str(aside))

    def _lost(self, name: str, why: str) -> None:
        """Tell once that a callback's state cannot be had: no training ends for that."""
        if name not in self._forgetful:
            self._call.display.note(
                "warning",
                f"the state of the callback {name} is in no checkpoint from here on, and a run resumed from "
                f"one lacks it: {why}",
            )
        self._forgetful.add(name)

    def _taken_down(self, checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint, whose copies are in the ledger until they are written."""
        ledger = getattr(self._call.feed, "ledger", None)
        if isinstance(ledger, Ledger):
            best = self._call.monitor.weights if self._call.monitor is not None else ()
            in_the_ledger = (*best, *self._supervisor.best.owed_arrays)
            known = {id(array) for array in in_the_ledger}
            for array in checkpoint.arrays.values():
                if id(array) in known:
                    continue
                ledger.tie_aside("checkpoint", array.nbytes, array)
        return checkpoint

    def _fit(self, hooks: TrainingCallbacks, initial_epoch: int) -> None:
        self._call.model.fit(
            adapter.FeedAdapter(self._training),
            callbacks=hooks,
            epochs=self._call.epochs,
            initial_epoch=initial_epoch,
            shuffle=False,
            verbose=0,
        )

    def _located(self, error: NonFiniteLossError) -> NonFiniteLossError:
        """The error with what can be found of the step; the model is as it was in the last checkpoint."""
        call = self._call
        with suppress(StokerError):  # what else went wrong follows from this
            self._ending.close("failed")
        if error.last_step < error.first_step:
            return error  # no step is to be found: none was taken
        return told_to_all(
            self._group,
            lambda: located(
                error,
                model=call.model,
                training=handover_of(call.model, call.feed, self._interrupts),
                checkpointer=call.checkpointer,
                interrupts=self._interrupts,
                display=call.display,
            ),
        )

    def _handovers(self) -> tuple[Handover, ...]:
        return (self._training,) if self._validation is None else (self._training, self._validation)

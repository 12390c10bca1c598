"""The end of a call of training, however it comes: what runs is closed, what it came to is kept and told."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from stoker.errors import RunError, StokerError
from stoker.runrecords import Status
from stoker.training.call_parts import CallParts
from stoker.training.checkpointing import Checkpointer
from stoker.training.handover import Handover
from stoker.training.interrupts import Interrupts
from stoker.training.monitor import Monitor
from stoker.training.recording import RECORD, RunRecorder
from stoker.training.report import FitReport
from stoker.training.supervisor import TrainingSupervisor

__all__ = ["Ending"]

_STATUS: dict[str, Status] = {"interrupted": "interrupted", "failed": "failed"}


class Ending:
    """What is left to do when a call of training ends.

    Parameters
    ----------
    call
        What it consists of.
    supervisor
        Tells what it came to.
    interrupts
        Whether somebody asks that it ends at once.
    handovers
        Those of its batches, which end with it.
    """

    def __init__(
        self,
        call: CallParts,
        supervisor: TrainingSupervisor,
        interrupts: Interrupts,
        handovers: Sequence[Handover],
    ) -> None:
        self._call, self._supervisor = call, supervisor
        self._interrupts, self._handovers = interrupts, handovers

    def end(self, ended: str, error: str | None = None) -> None:
        """Close, save and record, each as far as a second Ctrl-C lets it; the record is made in any case."""
        try:
            with self._interrupts.shielded():
                self.close(ended)
            self._save(ended)
        finally:
            with self._interrupts.shielded():
                self._tell(ended, error)

    def close(self, ended: str) -> None:
        """End what runs beside the steps, and make the report."""
        try:
            for handover in self._handovers:
                handover.end()
            if self._call.checkpointer is not None and self._interrupts.forced:
                self._call.checkpointer.abandon()
            elif self._call.checkpointer is not None:
                self._close_checkpointer(self._call.checkpointer, ended)
        finally:
            self._call.history.report = self._supervisor.report(ended)

    def _close_checkpointer(self, checkpointer: Checkpointer, ended: str) -> None:
        """Have the last checkpoint written; what ended the run is told before what came of that."""
        try:
            checkpointer.close()
        except StokerError as error:
            if ended not in _STATUS:
                raise
            self._call.display.note("warning", str(error))

    def _save(self, ended: str) -> None:
        call = self._call
        if call.files is None or not call.history.report.steps:
            return
        if ended != "failed" and not self._interrupts.forced:
            call.unwritten.retry()
            call.unwritten.write("last.keras", partial(call.files.save_last, call.model))

    def _tell(self, ended: str, error: str | None) -> None:
        call, report = self._call, self._call.history.report
        try:
            if call.recorder is not None:
                self._record(call.recorder, ended, report, error)
            if call.monitor is not None:
                self._end_monitor(call.monitor, ended)
            if ended != "failed":
                call.display.finished(report)
            self._tell_unwritten(ended)
        finally:
            if call.own_display:
                call.display.close()

    def _record(self, recorder: RunRecorder, ended: str, report: FitReport, error: str | None) -> None:
        owed, status = self._call.unwritten, _STATUS.get(ended, "finished")
        models = [name for name in owed.names if name != RECORD]
        if models and error is None:
            error = f"{' and '.join(models)} could not be written"
            status = "failed" if status == "finished" else status
        try:
            owed.write(RECORD, partial(recorder.end, status, report, error))
        except RunError as unwritten:
            if ended not in _STATUS:
                raise
            self._call.display.note("warning", str(unwritten))  # what ended the run is the error to tell

    def _tell_unwritten(self, ended: str) -> None:
        owed, files = self._call.unwritten, self._call.files
        if not owed.names or files is None:
            return
        checkpointer = self._call.checkpointer
        kept = None if checkpointer is None else checkpointer.store.newest_step()
        text = owed.told_at_the_end(files.directory, kept)
        if ended not in _STATUS:
            raise RunError(text)
        self._call.display.note("warning", text)  # what ended the run is the error to tell

    def _end_monitor(self, monitor: Monitor, ended: str) -> None:
        if monitor.best is None and self._call.history.report.epochs:
            text = f"{monitor.name} was never a number, so there is no best model"
            self._call.display.note("warning", text)
        if ended in ("finished", "stopped", "early_stopping", "max_time"):
            monitor.restore(self._call.model)

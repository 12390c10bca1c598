"""Ray's own trainer: it begins the processes, and begins them again where one is lost."""

from __future__ import annotations

import textwrap
import threading
import time
from typing import Any

from stoker.cluster import heard
from stoker.distributed.working import Work, work
from stoker.errors import StokerError, WorkerError

__all__ = ["END_SECONDS", "Training"]

END_SECONDS = 60.0
"""Within these Ray's trainer ends once all is settled, or it is told to."""
_LOOK_SECONDS = 0.1
_SHOWN = 200
_UNUSED = frozenset({"DatasetsCallback"})
"""Hands out data sets of Ray's, of which there are none."""
_OF_OTHERS = frozenset({"PlacementGroupCleanerCallback"})
"""Gives back what a program that died held, for the others on a cluster, which ends with this program."""


class Training:
    """Ray's trainer in a thread: it waits, and would take Ctrl-C for itself.

    Parameters
    ----------
    task
        What every process does.
    hosts
        How many processes.
    max_failures
        How often they are begun again.
    storage
        A folder for Ray's notes.
    is_ours
        Whether the cluster ends with this program.
    """

    def __init__(self, task: Work, hosts: int, max_failures: int, storage: str, is_ours: bool) -> None:
        import ray
        from ray.train import FailureConfig, RunConfig, ScalingConfig

        self.error: BaseException | None = None
        self._max_failures = max_failures
        self._desk = task.desk
        self._over = threading.Event()
        introducing = _introducing(task.desk)
        self._can_be_told = bool(introducing)
        trainer = _trainer_with(_UNUSED | _OF_OTHERS if is_ours else _UNUSED)(
            lambda: work(task),  # not as its configuration, for which Ray's controller would import stoker
            scaling_config=ScalingConfig(
                num_workers=hosts,
                use_gpu=ray.cluster_resources().get("GPU", 0) >= hosts,
                placement_strategy="SPREAD",
            ),
            run_config=RunConfig(
                name="training",
                storage_path=storage,
                failure_config=FailureConfig(max_failures=max_failures),
                callbacks=introducing,
            ),
        )

        def fit() -> None:
            try:
                trainer.fit()
            except BaseException as error:
                self.error = error
            finally:
                self._over.set()

        threading.Thread(target=fit, name="stoker-ray", daemon=True).start()

    def is_over(self) -> bool:
        """Whether it is, by now or within a moment."""
        # Not by joining the thread: Ctrl-C in there makes Python take it for ended (3.11 and 3.12).
        return self._over.wait(_LOOK_SECONDS)

    def lost(self) -> WorkerError:
        """What to say where Ray begins the processes no more, which tells of it by the page."""
        times = "once" if self._max_failures == 1 else f"{self._max_failures} times"
        return WorkerError(
            f"hosts were lost more than {times}, and are not begun again; where memory runs out the system "
            "ends them. A run that has checkpoints goes on with resume='auto'. Ray says: "
            + textwrap.shorten(str(self.error), _SHOWN, placeholder=" …")
        )

    def end_early(self) -> None:
        """Have it end, whatever its processes do, and wait for that; a cluster that is gone has ended it.

        Where this Ray knows no such way nothing is waited for, and the connection ends beneath it.
        """
        import ray

        if not self._can_be_told:
            return
        until = time.monotonic() + END_SECONDS
        is_told = False
        while not self.is_over() and time.monotonic() < until:
            try:
                controller = None if is_told else heard(self._desk.controller.remote())
                if controller is not None:
                    controller.abort.remote()
                    is_told = True
            except (AttributeError, StokerError, ray.exceptions.RayError):
                return


def _trainer_with(less: frozenset[str]) -> Any:
    """Ray's trainer, which asks fewer to come along: each would be a process that starts with the hosts."""
    from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

    class Trainer(DataParallelTrainer):  # type: ignore[misc]
        # Where another version of Ray has no such method, all come along, and nothing else is different.
        def _create_default_callbacks(self) -> list[Any]:
            found = super()._create_default_callbacks()
            return [each for each in found if type(each).__name__ not in less]

    return Trainer


def _introducing(desk: Any) -> list[Any]:
    """What has Ray's controller tell the desk who it is: nobody else could tell it to end."""
    try:
        from ray.train.v2._internal.execution.callback import ControllerCallback
    except ImportError:  # another version of Ray
        return []

    class Introducing(ControllerCallback):  # type: ignore[misc]
        def after_controller_start(self, train_run_context: Any) -> None:
            import ray

            desk.introduce.remote(ray.get_runtime_context().current_actor)

    return [Introducing()]

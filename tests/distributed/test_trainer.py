"""Ray's trainer is told to end by ways of Ray's that another version of it may lack."""

from __future__ import annotations

import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from stoker.distributed import trainer
from stoker.distributed.trainer import Training


def begun(*, can_be_told: bool, controller: Any = None) -> Any:
    """A training that does not end by itself; Ray is not started."""
    found = Training.__new__(Training)
    found._over, found._can_be_told = threading.Event(), can_be_told
    found._desk = SimpleNamespace(controller=SimpleNamespace(remote=lambda: controller))
    return found


def test_hosts_that_were_lost_too_often_are_told_with_a_way_out_and_little_of_rays_pages():
    training = begun(can_be_told=True)
    training._max_failures, training.error = 3, RuntimeError("health check\n" * 500)
    said = str(training.lost())
    assert "lost more than 3 times" in said
    assert "goes on with resume='auto'. Ray says: health check health check" in said
    assert len(said) < 450


def test_a_ray_without_hooks_of_its_controller_introduces_nobody(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray.train.v2._internal.execution.callback", None)
    assert trainer._introducing(object()) == []


@pytest.mark.timeout(10)
@pytest.mark.parametrize("can_be_told", [False, True])
def test_nothing_is_waited_for_where_nobody_can_be_told_to_end(can_be_told, monkeypatch):
    ray: Any = ModuleType("ray")
    ray.exceptions = SimpleNamespace(RayError=type("RayError", (Exception,), {}))
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(trainer, "heard", lambda asked: asked)
    no_way_to_abort = SimpleNamespace()
    begun(can_be_told=can_be_told, controller=no_way_to_abort).end_early()

"""A process that has imported everything and forks for each job, which is killed at a named point.

An import of Keras and JAX takes seconds, and so does the loading of kernels; a fork takes none. Before the
first one no thread was started, and nothing was made of the data: a fork is what a fresh interpreter is. A
point is a call of a function by its number: of one of Python's that reaches the system, with a path, or of
one of stoker's. It is wrapped from here; stoker knows nothing of it.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]


def arm(where: str, *, call: int, about: str = "", after: bool = False) -> None:
    """Have this process killed at a call of ``module:function``, or right behind it.

    Parameters
    ----------
    where
        The function.
    call
        Which of its calls, from 1 on.
    about
        Count only calls with this in one of their arguments.
    """
    module, _, path = where.partition(":")
    *holders, name = path.split(".")
    holder = functools.reduce(getattr, holders, importlib.import_module(module))
    original: Callable[..., Any] = getattr(holder, name)
    lock, calls = threading.Lock(), 0

    @functools.wraps(original)
    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        if about and not any(about in str(argument) for argument in arguments):
            return original(*arguments, **options)
        with lock:
            calls += 1
            is_it = calls == call
        if is_it and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **options)
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(holder, name, counted)


def perform(job: dict[str, Any]) -> int:
    """In a fork: do a job, perhaps to be killed at it."""
    os.chdir(job["folder"])
    os.environ.update(job["environment"])
    tempfile.tempdir = None
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    for name, value in job["settings"].items():
        module, _, attribute = name.partition(":")
        setattr(importlib.import_module(module), attribute, value)
    for point in job["points"]:
        arm(**point)
    program, *arguments = job["command"]
    if program == "stoker":
        from stoker.cli import main

        code = main(arguments)
    else:
        code = 0
        getattr(importlib.import_module("scripts"), program)(*arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def serve() -> None:
    """One job a line, until there is none."""
    from stoker import backends

    backends.choose()
    with backends.unaccompanied():
        importlib.import_module("keras")
    for name in ("cli.commands", "cli.train", "models.building", "training.fit"):
        importlib.import_module(f"stoker.{name}")
    _load_kernels()
    assert threading.active_count() == 1
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            os._exit(_code_of(json.loads(line)))
        _, status = os.waitpid(pid, 0)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime]), flush=True)


def _load_kernels() -> None:
    import stoker

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_text("a,b,y\n" + "1.5,2,0\n2.5,3,1\n" * 50)
        rows, valid = stoker.open(path, label="y").split(0.9, seed=1)
        feed = stoker.Feed(rows, batch_size=8, shuffle=True, workers=0)
        for each in (feed, feed.derive(valid)):
            list(each.epoch())


def _code_of(job: dict[str, Any]) -> int:
    try:
        return perform(job)
    except BaseException:
        import traceback

        traceback.print_exc()
        return 70


if __name__ == "__main__":
    serve()

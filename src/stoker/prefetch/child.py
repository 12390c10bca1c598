"""What runs in a child process: load a function, compute task after task, answer through shared memory.

Started by `stoker.prefetch.processes` in a fresh interpreter that runs no script and imports little more than
NumPy. It never outlives its parent, whatever it computes at that moment.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from stoker.errors import WorkerError
from stoker.prefetch.pickling import culprit, pack, pack_exception, unpack
from stoker.prefetch.slots import Region, private_copy
from stoker.prefetch.wire import INLINE_BYTES, Buffer, at, joined, layout, receive, send
from stoker.signals import Taken

__all__ = ["TELL", "end_group", "main"]

TELL = getattr(signal, "SIGUSR1", 0)
"""The signal that asks for the stacks."""


def main(descriptor: int, lifeline: int, told: int, parent: int) -> None:
    """Serve the parent until it is gone.

    Parameters
    ----------
    descriptor
        Of the socket that leads to the parent.
    lifeline
        Descriptor of a pipe through which nothing comes but its end, when the parent is gone.
    told
        Descriptor of a file for the stacks of all threads, which are written there whenever `TELL` comes.
    parent
        Its process id.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    for inherited in (descriptor, lifeline, told):
        os.set_inheritable(inherited, False)
    _end_with(lifeline, parent)
    connection = socket.socket(fileno=descriptor)
    with contextlib.suppress(Exception):  # standard error may be closed
        faulthandler.enable()
    # Written by the handler itself: a loop in C holds the interpreter, and no thread of Python's gets a turn.
    faulthandler.register(TELL, file=told, all_threads=True)
    # Schedulers send SIGTERM to all processes of a job: the parent finishes its step, and then ends this one.
    with Taken(lambda number: None), contextlib.suppress(EOFError, ConnectionError):
        send(connection, ("ready",))
        _Server(connection).serve()
    end_group(os.getpid())


def _end_with(lifeline: int, parent: int) -> None:
    """Have this process, and all that it starts, killed as soon as the parent is gone."""
    import fcntl  # which a system without processes of this kind lacks

    if hasattr(fcntl, "F_SETSIG"):
        # The system itself does it, for a thread gets no turn while a loop in C holds the interpreter.
        leads = os.getpgrp() == os.getpid()
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpid() if leads else os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
    poll = select.poll()
    poll.register(lifeline, 0)  # nothing but the hang-up
    if hasattr(os, "pidfd_open"):
        # A process that the parent forked may hold the other end of the pipe open.
        with contextlib.suppress(OSError):
            poll.register(os.pidfd_open(parent), select.POLLIN)
    if os.getppid() != parent:
        end_group(os.getpid())
    threading.Thread(target=_watch, args=(poll,), name="stoker-lifeline", daemon=True).start()


def _watch(poll: select.poll) -> None:
    poll.poll()
    end_group(os.getpid())


def end_group(pid: int) -> None:
    """Kill a child, and with it the processes that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class _Server:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._function: Callable[[Any], Any] | None = None
        self._unloadable: BaseException | None = None
        self._regions: dict[int, Region] = {}

    def serve(self) -> None:
        """Do as the messages say, in turn."""
        while True:
            (kind, *details), body, descriptors = receive(self._connection)
            if kind == "function":
                self._load(body, descriptors, *details)
            else:
                self._compute(body, descriptors, *details)
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(Exception):  # closed, or replaced by whatever it is
                    stream.flush()
            # What was computed must not live on while this waits.
            del body, details

    def _load(self, body: memoryview, descriptors: list[int], spans: Any, argv: list[str]) -> None:
        self._function = self._unloadable = None
        sys.argv = argv
        memory = body
        if descriptors:
            memory = private_copy(descriptors[0])
            os.close(descriptors[0])
        try:
            self._function = unpack(at(memory, spans))
        except BaseException as error:  # told when the first task comes
            self._unloadable = error

    def _compute(self, body: memoryview, descriptors: list[int], spans: Any, number: int) -> None:
        if descriptors:
            self._regions[number] = Region(descriptors[0], number=number)
        if self._function is None:
            assert self._unloadable is not None
            self._raised("unloadable", self._unloadable)
            return
        try:
            answer = self._packed(self._function(unpack(at(body, spans))))
            place, end = layout(answer)
            if end >= INLINE_BYTES:
                self._regions[number].write(answer, place)
        except SystemExit as error:
            send(self._connection, ("exit", repr(error.code)))
            raise
        except BaseException as error:
            self._raised("raised", error)
        else:
            if end >= INLINE_BYTES:
                send(self._connection, ("placed", place))
            else:
                send(self._connection, ("inline", place), joined(answer, place))

    def _packed(self, result: Any) -> list[Buffer]:
        try:
            return pack(result, from_child=True)
        except Exception as error:
            where, why = culprit(result, "result", stand_ins={})
            raise WorkerError(
                f"a result cannot be sent from the process that computed it: {where}, cannot be pickled "
                f"({why}); return arrays and plain values, or use threads"
            ) from error

    def _raised(self, kind: str, error: BaseException) -> None:
        trace = error.__traceback__
        error.__traceback__ = None if trace is None else trace.tb_next
        text = "".join(traceback.format_exception(error))
        answer = pack_exception(error) or []
        place, _ = layout(answer)
        send(self._connection, (kind, place, text), joined(answer, place))

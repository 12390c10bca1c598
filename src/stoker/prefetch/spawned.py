"""One child process as its parent sees it: start, a task and its answer, death."""

from __future__ import annotations

import contextlib
import itertools
import os
import reprlib
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from typing import Any

from stoker.errors import OptionError, WorkerError
from stoker.prefetch.child import TELL, end_group
from stoker.prefetch.pickling import culprit, pack, unpack
from stoker.prefetch.slots import Region, Slots, shared_file
from stoker.prefetch.wire import INLINE_BYTES, Buffer, at, joined, layout, receive, send

__all__ = ["KilledError", "Parcel", "Spawned"]

_LOOK_EVERY_MILLISECONDS = 500
_REAP_SECONDS = 2.0
_TELL_SECONDS = 1.0
_numbers = itertools.count(1)


class KilledError(WorkerError):
    """A process was killed from outside, or by what it computed."""


class Parcel:
    """A packed function on its way to every child, in shared memory where it is large.

    Parameters
    ----------
    buffers
        What `stoker.prefetch.pickling.pack` made of it.
    """

    def __init__(self, buffers: list[Buffer]) -> None:
        self.number = next(_numbers)
        self.spans, size = layout(buffers)
        self.body = bytearray()
        self.region: Region | None = None
        if size < INLINE_BYTES:
            self.body = joined(buffers, self.spans)
        else:
            self.region = Region()
            self.region.write(buffers, self.spans)

    def send(self, connection: socket.socket) -> None:
        """Give it to one child."""
        descriptor = None if self.region is None else self.region.descriptor
        send(connection, ("function", self.spans, sys.argv), self.body, descriptor=descriptor)

    def close(self) -> None:
        """Free the shared memory; children that have it keep what they see."""
        if self.region is not None:
            self.region.close()


class Spawned:
    """A child process, and what it computes.

    Parameters
    ----------
    name
        Of the stage, for messages.
    most_slots
        Regions of shared memory at most.
    start_within
        Seconds that the interpreter may take to start.
    """

    def __init__(self, name: str, *, most_slots: int, start_within: float) -> None:
        self._name = name
        self._start_by = time.monotonic() + start_within
        self._start_within = start_within
        self._slots = Slots(most_slots)
        self._told = shared_file()
        self._has = 0
        self._ready = False
        self._using = threading.Lock()
        self._ending = threading.Lock()
        self.dead = False
        """Whether it can compute no more."""
        self.ended_by_us = False
        self.task: Any = None
        self.since: float | None = None
        self._process = self._start()
        self.pid = self._process.pid

    def _start(self) -> subprocess.Popen[bytes]:
        self._connection, theirs = socket.socketpair()
        their_lifeline, lifeline = os.pipe()
        self._lifeline: int | None = lifeline
        inherited = [theirs.fileno(), their_lifeline, self._told]
        try:
            return subprocess.Popen(
                _command(*inherited),
                stdin=subprocess.DEVNULL,
                pass_fds=inherited,
                process_group=0,  # a terminal's Ctrl-C goes to the parent alone
            )
        except BaseException as error:
            self._connection.close()
            os.close(lifeline)
            os.close(self._told)
            if not isinstance(error, OSError):
                raise
            raise WorkerError(f"a process for {self._name!r} cannot be started: {error}") from error
        finally:
            theirs.close()
            os.close(their_lifeline)

    def compute(self, parcel: Parcel, task: Any) -> Any:
        """Have the function of the parcel called with `task`.

        Raises
        ------
        KilledError
            If a signal kills the process or has killed it.
        WorkerError
            If it dies or has died in another way, or is ended meanwhile.
        """
        buffers = self._packed(task)
        with self._using:
            self.task, self.since = task, time.monotonic()
            try:
                if self.dead:
                    raise EOFError
                answer, body, region = self._converse(parcel, buffers)
                return self._opened(answer, body, region)
            except (EOFError, ConnectionError) as error:
                told = self._obituary()
                killed = not self.ended_by_us and self.end() < 0
                raise (KilledError if killed else WorkerError)(told) from error
            finally:
                self.task = self.since = None

    def _packed(self, task: Any) -> list[Buffer]:
        try:
            return pack(task)
        except Exception as error:
            where, why = culprit(task, "task", stand_ins={})
            raise OptionError(
                f"a task of {self._name!r} cannot be sent to another process: {where}, cannot be pickled "
                f"({why})"
            ) from error

    def _converse(self, parcel: Parcel, task: list[Buffer]) -> tuple[tuple[Any, ...], memoryview, Region]:
        try:
            if not self._ready:
                self._receive(self._start_by)
                self._ready = True
            if self._has != parcel.number:
                parcel.send(self._connection)
                self._has = parcel.number
            region = self._slots.take()
            descriptor = None if region.known else region.descriptor
            region.known = True
            spans, _ = layout(task)
            message = ("task", spans, region.number)
            send(self._connection, message, joined(task, spans), descriptor=descriptor)
            return *self._receive(), region
        except (EOFError, ConnectionError):
            raise
        except BaseException:
            # Ctrl-C, for one: its answer would be taken for that to the next task.
            self.end()
            raise

    def _opened(self, answer: tuple[Any, ...], body: memoryview, region: Region) -> Any:
        kind, *details = answer
        if kind == "placed":
            (spans,) = details
            return unpack(at(self._slots.lend(region, spans[-1][1]), spans))
        self._slots.give_back(region)
        if kind == "inline":
            return unpack(at(body, details[0]))
        if kind == "exit":
            raise WorkerError(self._obituary(f"called sys.exit({details[0]})"))
        raise self._exception(kind, body, *details)

    def _receive(self, until: float | None = None) -> tuple[tuple[Any, ...], memoryview]:
        """The next message; EOFError where none will come."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        while not poll.poll(_LOOK_EVERY_MILLISECONDS):
            # A process that the child has forked may hold its end of the socket open.
            if self._has_ended() and not poll.poll(0):
                raise EOFError
            if until is not None and time.monotonic() > until:
                self.end()
                raise WorkerError(
                    f"process {self.pid} of {self._name!r} did not start within {self._start_within:.0f} s"
                )
        message, body, _ = receive(self._connection)
        return message, body

    def _exception(
        self, kind: str, body: memoryview, spans: list[tuple[int, int]], text: str
    ) -> BaseException:
        error: BaseException | None = unpack(at(body, spans)) if spans else None
        if kind == "unloadable":
            what = text.strip().rpartition("\n")[2]
            told = WorkerError(
                f"process {self.pid} of {self._name!r} could not load what it was to compute: {what}; "
                "its modules must be found on sys.path and be importable there too"
            )
            told.__cause__ = error
        elif error is None:
            told = WorkerError(
                f"process {self.pid} of {self._name!r} raised an exception that cannot be pickled while it "
                f"computed {reprlib.repr(self.task)}:\n{text}"
            )
        else:
            # Whatever shows the exception says its sentence, and shows notes behind it.
            said = "".join(traceback.format_exception_only(error))
            error.add_note(f"in process {self.pid} of {self._name!r}:\n{text.removesuffix(said).rstrip()}")
            return error
        told.add_note(f"in process {self.pid} of {self._name!r}:\n{text}")
        return told

    def _has_ended(self) -> bool:
        """Whether the process is a zombie or gone; it is not reaped."""
        if not hasattr(os, "waitid"):
            return self._process.poll() is not None
        with contextlib.suppress(ChildProcessError):
            flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
            return os.waitid(os.P_PID, self.pid, flags) is not None
        return True

    def _obituary(self, how: str | None = None) -> str:
        who = f"process {self.pid} of {self._name!r}"
        doing = f"while it computed {reprlib.repr(self.task)}" if self._ready else "while it started"
        if self.ended_by_us:
            return f"{who} was shut down {doing}"
        code = self.end()
        hint = "computing in threads, or in the calling thread with workers=0, shows where"
        if how is None and code < 0:
            how = f"was killed by {_signal_name(-code)}"
            if code == -signal.SIGKILL:
                hint = "the system does that where memory runs out; fewer workers need less"
        elif how is None:
            how = f"ended with exit code {code}, by os._exit or in a library,"
        return f"{who} {how} {doing}; {hint}"

    def stacks(self) -> str:
        """Where its threads stand, as it says itself, whatever it computes; empty where it says nothing."""
        with self._ending:
            if self.dead or not self._ready:  # one that is not ready knows nothing of the signal
                return ""
            before = os.fstat(self._told).st_size
            os.kill(self.pid, TELL)
            size, until = before, time.monotonic() + _TELL_SECONDS
            while time.monotonic() < until:
                time.sleep(0.01)
                last, size = size, os.fstat(self._told).st_size
                if size == last > before:
                    break
            return os.pread(self._told, size - before, before).decode(errors="replace")

    def end(self) -> int:
        """Kill it where it lives, and everything it has started; its exit code. Idempotent."""
        self.dead = True
        with self._ending:
            if self._process.returncode is None:
                deadline = time.monotonic() + _REAP_SECONDS
                # One that is dying may do so with its own exit code.
                while self._hung_up() and not self._has_ended() and time.monotonic() < deadline:
                    time.sleep(0.002)
                # While it is not reaped, nobody else can have its number.
                end_group(self.pid)
            return self._process.wait()

    def _hung_up(self) -> bool:
        """Whether it has closed its end, which is what dying begins with."""
        poll = select.poll()
        poll.register(self._connection, 0)
        return bool(poll.poll(0))

    def stop(self) -> None:
        """End it from outside, whatever it does; a call that waits for it raises WorkerError. Idempotent."""
        self.ended_by_us = True
        self.end()
        with self._using:
            self._connection.close()
            self._slots.close()
            if self._lifeline is not None:
                os.close(self._lifeline)
                os.close(self._told)
                self._lifeline = None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _command(descriptor: int, lifeline: int, told: int) -> list[str]:
    if not sys.executable:
        raise OptionError("processes need a Python interpreter to start, and sys.executable is empty")
    paths = [path for path in sys.path if isinstance(path, str)]
    # Not -m: with it the parent's sys.path would come too late to find this package.
    code = (
        f"import sys; sys.path[:] = {paths!r}; "
        f"from stoker.prefetch.child import main; main({descriptor}, {lifeline}, {told}, {os.getpid()})"
    )
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [sys.executable, *flags, "-c", code]

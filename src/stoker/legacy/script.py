"""Runs a script as ``python SCRIPT.py`` would."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from types import ModuleType, TracebackType

from stoker.errors import OptionError
from stoker.legacy import install
from stoker.signals import Terminated

__all__ = ["run"]


def run(path: str, arguments: Sequence[str]) -> int:
    """Run it with the old names installed; see `stoker.legacy.run_script`."""
    source = _read(path)
    with install(), _as_main(path, arguments) as module:
        return _exit_code(lambda: _execute(source, module), str(module.__file__))


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except IsADirectoryError as error:
        raise OptionError(f"{path} is a folder: name the script itself") from error
    except OSError as error:
        raise OptionError(
            f"cannot read the script {path}: {(error.strerror or str(error)).lower()}"
        ) from error


@contextmanager
def _as_main(path: str, arguments: Sequence[str]) -> Iterator[ModuleType]:
    """Be the program: ``__main__``, ``sys.argv`` and the first place of ``sys.path``."""
    full = os.path.abspath(path)
    module = ModuleType("__main__")
    vars(module).update(
        __file__=full,
        __builtins__=builtins,
        __cached__=None,
        __loader__=SourceFileLoader("__main__", full),
    )
    before = sys.modules["__main__"], sys.argv, list(sys.path)
    sys.modules["__main__"] = module
    sys.argv = [path, *arguments]
    if not sys.flags.safe_path:
        # What stood there is the folder of the program `stoker`, or the current one.
        sys.path[:1] = [os.path.dirname(os.path.realpath(path))]
    try:
        yield module
    finally:
        sys.modules["__main__"], sys.argv, sys.path[:] = before


def _execute(source: bytes, module: ModuleType) -> None:
    exec(compile(source, str(module.__file__), "exec", dont_inherit=True), vars(module))


def _exit_code(program: Callable[[], None], script: str) -> int:
    try:
        program()
    except (KeyboardInterrupt, Terminated):
        raise
    except SystemExit as leaving:
        return _code_of(leaving)
    except BaseException as error:
        trace = _from_script(error.__traceback__, script)
        # A script may have put its own hook there, and python would call it.
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return 1
    return 0


def _code_of(leaving: SystemExit) -> int:
    """What the process exits with: nothing is 0, a number itself, anything else is printed and 1."""
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 0xFF
    print(leaving.code, file=sys.stderr)
    return 1


def _from_script(trace: TracebackType | None, script: str) -> TracebackType | None:
    """The traceback from the script's first frame on; none for a script that is no Python."""
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    return trace

"""``python -m stoker``, and what the program ``stoker`` begins with."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from stoker.cli import main
from stoker.cli.collecting import look_no_more
from stoker.cli.leaving import leave
from stoker.signals import Taken

__all__ = ["run"]


def run() -> NoReturn:
    """Run the command line, and end the process with its exit code."""
    look_no_more()
    with Taken(_end, yields=True):  # beside the command, where nothing is open
        leave(main(), sys.argv[1:])


def _end(number: int) -> NoReturn:
    os._exit(128 + number)


if __name__ == "__main__":
    run()

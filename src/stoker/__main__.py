"""``python -m stoker``, and what the program ``stoker`` begins with."""

from __future__ import annotations

import sys
from typing import NoReturn

from stoker.cli import main
from stoker.cli.collecting import look_no_more
from stoker.cli.leaving import leave

__all__ = ["run"]


def run() -> NoReturn:
    """Run the command line, and end the process with its exit code."""
    look_no_more()
    leave(main(), sys.argv[1:])


if __name__ == "__main__":
    run()

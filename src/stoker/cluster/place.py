"""Where a program runs, so that names of files and modules mean the same in another process."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from typing import Self

from stoker.errors import RunError

__all__ = ["Place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A program's current folder, command line and Keras backend, and where it finds modules.

    Examples
    --------
    >>> Place.here().folder == os.getcwd()
    True
    """

    folder: str
    arguments: tuple[str, ...]
    modules: tuple[str, ...]
    backend: str = ""

    @classmethod
    def here(cls, backend: str = "") -> Self:
        """Those of this program; without a backend nothing there is to use Keras."""
        return cls(
            folder=os.getcwd(),
            arguments=tuple(sys.argv),
            modules=tuple(path for path in sys.path if path),
            backend=backend,
        )

    def settle_in(self) -> None:
        """Have this process, which has not imported Keras yet, run there.

        Raises
        ------
        RunError
            This machine has no such folder.
        """
        if self.backend:
            os.environ["KERAS_BACKEND"] = self.backend
        try:
            os.chdir(self.folder)
        except OSError as error:
            raise RunError(
                f"{socket.gethostname()} has no folder {self.folder} ({error.strerror}): start the program "
                "in a folder that all hosts share"
            ) from error
        sys.argv[:] = self.arguments
        sys.path.extend(path for path in self.modules if path not in sys.path)

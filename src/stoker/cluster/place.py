"""Where a program runs, so that names of files and modules mean the same in another process."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Self

from stoker.filelocks import signature

__all__ = ["Place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A program's current folder, command line and Keras backend, where it finds modules, and who it is.

    Examples
    --------
    >>> Place.here().folder == os.getcwd()
    True
    """

    folder: str
    arguments: tuple[str, ...]
    modules: tuple[str, ...]
    backend: str = ""
    program: str = ""

    @classmethod
    def here(cls, backend: str = "") -> Self:
        """Those of this program; without a backend nothing there is to use Keras."""
        return cls(
            folder=os.getcwd(),
            arguments=tuple(sys.argv),
            modules=tuple(path for path in sys.path if path),
            program=signature(),
            backend=backend,
        )

    def lacking(self) -> str:
        """The folder, if this machine has no such folder; empty where it has."""
        return "" if os.path.isdir(self.folder) else self.folder

    def settle_in(self) -> bool:
        """Have this process, which has not imported Keras yet, run there.

        Returns
        -------
        bool
            Whether this machine has the folder. Where it has not, the process stays in its own. Work that
            names files by the sources that were opened there need not mind: these read the same files from
            anywhere, by absolute names. Other relative names mean other files: who takes those must refuse.
        """
        if self.backend:
            os.environ["KERAS_BACKEND"] = self.backend
        sys.argv[:] = self.arguments
        sys.path.extend(path for path in self.modules if path not in sys.path)
        try:
            os.chdir(self.folder)
        except OSError:
            return False
        return True

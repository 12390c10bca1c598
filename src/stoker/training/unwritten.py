"""What a run directory lacks while its disk is full: told once, tried again with every save and the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stoker.errors import RunError

__all__ = ["Unwritten"]


class Unwritten:
    """Writes files of a run; training goes on without one that cannot be written now, and owes it.

    Parameters
    ----------
    stops
        A file that cannot be written ends training at once.
    warn
        Told of the first that cannot be written, until all could be.

    Examples
    --------
    >>> def fail():
    ...     raise RunError("the disk is full")
    >>> owed = Unwritten()
    >>> owed.write("model.keras", fail), owed.names, owed.reason
    (False, ('model.keras',), 'the disk is full')
    >>> owed.owe("model.keras", lambda: print("written"))
    >>> owed.retry()
    written
    >>> owed.names
    ()
    """

    def __init__(self, *, stops: bool = False, warn: Callable[[str], None] = lambda text: None) -> None:
        self._stops = stops
        self._warn = warn
        self._owed: dict[str, Callable[[], None]] = {}
        self._told = False
        self.reason = ""
        """Of the last failure."""

    @property
    def names(self) -> tuple[str, ...]:
        """The files that are owed."""
        return tuple(self._owed)

    def write(self, name: str, write: Callable[[], None]) -> bool:
        """Write a file now, or owe it to a later `retry`; what was owed of it before is forgotten.

        Parameters
        ----------
        name
            The file, for people.
        write
            Writes it.

        Returns
        -------
        bool
            Whether it was written.

        Raises
        ------
        RunError
            If it cannot be written, and that is to end training.
        """
        try:
            write()
        except RunError as error:
            if self._stops:
                raise
            if not self._told:
                self._warn(f"{error}; training goes on, and it is tried again with the next save")
            self._told = True
            cause = error.__cause__
            self._owed[name], self.reason = write, str(getattr(cause, "strerror", None) or cause or error)
            return False
        self._owed.pop(name, None)
        self._told = self._told and bool(self._owed)
        return True

    def owe(self, name: str, write: Callable[[], None]) -> None:
        """Have a file be written so with the next `retry`, and not as it may have been tried."""
        self._owed[name] = write

    def retry(self) -> None:
        """Write what is owed."""
        for name, write in tuple(self._owed.items()):
            self.write(name, write)

    def told_at_the_end(self, directory: Path, kept: int | None) -> str:
        """What is said where a run ends that lacks files.

        Parameters
        ----------
        directory
            The run.
        kept
            The step of its newest checkpoint, None where it has none.
        """
        text = (
            f"the run ends, and {', '.join(self.names)} of what it came to could not be written to "
            f"{directory} ({self.reason}): make room there and resume the run"
        )
        if kept is None:
            return (
                f"{text}, which begins again: no checkpoint is there, and what was learned is in memory alone"
            )
        return f"{text}, which goes on behind step {kept:,}; the model in memory has what was learned"

"""Keras 2's names back on Keras 3: ``install``, ``uninstall``, and ``run_script`` for whole scripts.

Importing this package imports no Keras; ``install`` does. What comes back, and what does not, is the table in
``docs/keras2.md``: every line of it is a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

__all__ = ["Installation", "install", "run_script", "uninstall"]


class Installation:
    """What ``install`` returns; as a context manager it takes away what it put there.

    Parameters
    ----------
    mine
        Whether this call installed the names; one that found them there leaves them there.
    """

    def __init__(self, *, mine: bool) -> None:
        self._mine = mine

    def __enter__(self) -> Installation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mine:
            uninstall()


def install() -> Installation:
    """Put Keras 2's names on Keras 3: methods, modules, keywords, file formats.

    Called twice it does nothing the second time. Keras is imported, on the backend that ``KERAS_BACKEND``
    names, else JAX, else what is installed. Scripts should import ``keras`` afterwards: what they took out of
    it before stays as it was.

    Returns
    -------
    Installation
        A context manager; leaving it uninstalls, if this call installed.

    Raises
    ------
    MissingExtraError
        If no backend is installed.

    Examples
    --------
    >>> import stoker.legacy
    >>> with stoker.legacy.install():
    ...     from keras.layers.core import Dense
    ...     from keras.utils import np_utils
    >>> np_utils.to_categorical([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    from stoker.backends import choose

    choose()
    from stoker.legacy.installing import put_names_back

    return Installation(mine=put_names_back())


def uninstall() -> None:
    """Leave Keras, ``sys.modules`` and ``sys.meta_path`` as they were; harmless where nothing is installed.

    Examples
    --------
    >>> import keras
    >>> import stoker.legacy
    >>> installation = stoker.legacy.install()
    >>> hasattr(keras.Model, "fit_generator")
    True
    >>> stoker.legacy.uninstall()
    >>> hasattr(keras.Model, "fit_generator")
    False
    """
    import sys

    if "stoker.legacy.installing" in sys.modules:
        from stoker.legacy.installing import take_names_away

        take_names_away()


def run_script(path: str, arguments: Sequence[str] = ()) -> int:
    """Run a script of Keras 2 as ``python SCRIPT.py ARGS`` would, with the names installed.

    Parameters
    ----------
    path
        The script's file.
    arguments
        What follows its name in ``sys.argv``.

    Returns
    -------
    int
        The exit code: the script's own, or 1 after an exception that it did not catch; its traceback, without
        stoker's frames before it, was printed on standard error.

    Raises
    ------
    OptionError
        If there is no such file.
    KeyboardInterrupt, Terminated
        After Ctrl-C; after SIGTERM, where somebody raises it (`stoker.signals`).
    """
    from stoker.legacy.script import run

    return run(path, arguments)

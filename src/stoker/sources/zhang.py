r"""The format in which Zhang et al. (2015) gave out AG News, DBPedia, Yelp and Amazon reviews.

There is no header; every field stands in double quotes, a quote within being doubled; the first field is the
class, numbered from 1; ``classes.txt`` beside the file names the classes, one a line. The authors' readme
says that new lines are written as a backslash and an ``n``. In the files themselves a backslash may stand for
a line end by itself (AG News: ``social\network``, ``after\news``), so that nobody can tell the two apart:
texts are given as they stand.
"""

from __future__ import annotations

import logging
import os

from stoker.errors import DataError, OptionError
from stoker.given import beside
from stoker.sources.dialect import BOM
from stoker.sources.files import is_there
from stoker.sources.packing import read_head
from stoker.sources.remote.names import is_remote
from stoker.sources.remote.retrying import Refused

__all__ = ["CLASSES_FILE", "LABEL", "read_class_names", "refuse_dialect"]

LABEL = "#0"
"""The column that holds the class."""
CLASSES_FILE = "classes.txt"
_MOST_BYTES = 1 << 24
_log = logging.getLogger("stoker")


def refuse_dialect(header: bool | None, delimiter: str | None, quote: str | None) -> None:
    """Refuse what the format says already.

    Raises
    ------
    OptionError
        One of them is given.
    """
    for name, value, said in (
        ("header", header, "there is none"),
        ("delimiter", delimiter, "it is the comma"),
        ("quote", quote, "it is the double quote"),
    ):
        if value is not None:
            raise OptionError(
                f"{name} has no effect with format='zhang', which says it ({said}); leave it out"
            )


def read_class_names(path: str) -> tuple[str, ...] | None:
    """Names of the classes from ``classes.txt`` beside a file; None where there is none.

    Raises
    ------
    DataError
        It is empty, holds a blank line between names, or cannot be read.
    """
    place, mark, asked = (
        path.partition("?") if path.startswith("http") and is_remote(path) else (path, "", "")
    )
    file = beside(path, os.path.join(os.path.dirname(place), CLASSES_FILE) + mark + asked)
    if not _is_told(file):
        return None
    data, is_whole = read_head(file, _MOST_BYTES)
    if not is_whole:
        raise DataError(
            f"{file} has more than {_MOST_BYTES >> 20} MiB, and names the classes of {path}; shorten it"
        )
    lines = data.removeprefix(BOM).decode("utf-8", "replace").rstrip().split("\n")
    names = [line.strip() for line in lines]
    if not all(names):
        number = names.index("") + 1
        raise DataError(
            f"{file}, line {number}: a class of {path} has no name; give each class a line, or delete the "
            "file"
        )
    return tuple(names)


def _is_told(file: str) -> bool:
    """Whether there is such a file; of one that nobody may look for, people are told.

    Raises
    ------
    DataError
        Its store does not answer.
    """
    try:
        return is_there(file)
    except DataError as error:
        if not isinstance(error.__cause__, Refused):
            raise
        # S3 answers so of what is not there, where its objects may be read and not listed.
        _log.warning("%s; classes have no names", error)
        return False

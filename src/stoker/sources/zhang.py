r"""The format in which Zhang et al. (2015) gave out AG News, DBPedia, Yelp and Amazon reviews.

There is no header; every field stands in double quotes, a quote within being doubled; the first field is the
class, numbered from 1; ``classes.txt`` beside the file names the classes, one a line. The authors' readme
says that new lines are written as a backslash and an ``n``. In the files themselves a backslash may stand for
a line end by itself (AG News: ``social\network``, ``after\news``), so that nobody can tell the two apart:
texts are given as they stand.
"""

from __future__ import annotations

import os

from stoker.errors import DataError, OptionError
from stoker.given import beside, located

__all__ = ["CLASSES_FILE", "LABEL", "read_class_names", "refuse_dialect"]

LABEL = "#0"
"""The column that holds the class."""
CLASSES_FILE = "classes.txt"


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
    file = beside(path, os.path.join(os.path.dirname(path), CLASSES_FILE))
    try:
        with open(located(file), encoding="utf-8-sig", errors="replace") as lines:
            names = [line.strip() for line in lines.read().rstrip().split("\n")]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(
            f"{file}: cannot be read ({error.strerror}); it names the classes of {path}"
        ) from error
    if not all(names):
        number = names.index("") + 1
        raise DataError(
            f"{file}, line {number}: a class of {path} has no name; give each class a line, or delete the "
            "file"
        )
    return tuple(names)

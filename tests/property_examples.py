"""On how many examples properties are tried: on a quarter in quick tests, on all of them in slow ones."""

from __future__ import annotations

import os

__all__ = ["examples"]

_ALL = os.environ.get("STOKER_EXAMPLES") == "all"
_FEWEST = 5


def examples(many: int) -> int:
    """As many, or a quarter of them unless STOKER_EXAMPLES is ``all``, as in `make test-slow`.

    That runs every property again, though it is not marked as slow.
    """
    return many if _ALL else min(many, max(_FEWEST, many // 4))

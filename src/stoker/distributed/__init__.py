"""Training on several hosts: processes that a Ray cluster starts, and that take each step together.

Each name is loaded when it is first used: processes that only carry word between hosts start sooner so.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stoker.distributed.fitting import fit as fit
    from stoker.distributed.fitting import helped as helped
    from stoker.distributed.hosts import Host as Host
    from stoker.distributed.running import run as run

_HOME = {"Host": "hosts", "fit": "fitting", "helped": "fitting", "run": "running"}

__all__ = ["Host", "fit", "helped", "run"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)

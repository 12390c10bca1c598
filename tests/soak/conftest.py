"""How long the tests of `make soak` may take."""

from __future__ import annotations

import os

import pytest

SHARES = {"memory": 2 / 3, "kills": 1 / 3}
"""Of the seconds in all."""


@pytest.fixture(scope="session")
def soak_seconds() -> dict[str, float]:
    """Seconds for each kind of test, of STOKER_SOAK_SECONDS in all."""
    seconds = float(os.environ.get("STOKER_SOAK_SECONDS", "1800"))
    return {kind: share * seconds for kind, share in SHARES.items()}

"""A kernel's first call compiles it, which no deadline for an example should count."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("compiled", deadline=None)
settings.load_profile("compiled")

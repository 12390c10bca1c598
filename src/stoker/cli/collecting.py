"""Python's search for cycles, left out while modules are imported.

Python looks for cycles among all objects again and again while there are more and more of them: half a second
of a program that imports Keras, in which no other thread runs Python either, for modules that stay anyway.
"""

from __future__ import annotations

import gc

__all__ = ["look_again", "look_no_more"]


def look_no_more() -> None:
    """Leave cycles alone until `look_again`; for the beginning of a program."""
    gc.disable()


def look_again() -> None:
    """Look for cycles among what is made from here on; what is there stays. Does nothing if that goes on."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()

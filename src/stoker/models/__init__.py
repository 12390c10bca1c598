"""Small models for tables, texts and images, compiled and ready, and a door for models of your own.

Every function takes a feed or its ``spec``: columns and classes are known by then. For regression pass the
feed, which knows the label too: the last layer then gives values in the label's own unit.
"""

from __future__ import annotations

from stoker.choice import choose_text_model as choose
from stoker.models.building import build, check
from stoker.models.convolutional import cnn
from stoker.models.embeddings import unfreeze
from stoker.models.measuring import asks_keras, refuse_unfit
from stoker.models.perceptrons import linear, mlp
from stoker.models.separable import sepcnn

__all__ = [
    "asks_keras",
    "build",
    "check",
    "choose",
    "cnn",
    "linear",
    "mlp",
    "refuse_unfit",
    "sepcnn",
    "unfreeze",
]

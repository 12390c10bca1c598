"""Keras layers for texts: the mathematics and weights of Keras's own, as fast as each backend allows.

Importing this registers them, so that a saved model which holds one can be loaded.
"""

from __future__ import annotations

from stoker import backends

backends.choose()

from stoker.layers.averaging import MeanEmbedding  # noqa: E402
from stoker.layers.initial import GlorotUniform  # noqa: E402
from stoker.layers.sequences import Dropout, MaxPooling1D, SeparableConv1D  # noqa: E402
from stoker.layers.sparse import SparseDense  # noqa: E402

__all__ = ["Dropout", "GlorotUniform", "MaxPooling1D", "MeanEmbedding", "SeparableConv1D", "SparseDense"]

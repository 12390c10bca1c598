"""stoker: train Keras models on data larger than memory.

Importing stoker imports neither Keras nor Numba; each public name is loaded when it is first used. It settles
which backend a Keras imported later will use: that of ``KERAS_BACKEND``, else JAX, else what is installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from stoker.backends import prefer

prefer()

__version__ = "0.1.0"

_HOME = {
    "open": "stoker.sources",
    "Feed": "stoker.feed",
    "Standardize": "stoker.transforms.scaling",
    "Scale": "stoker.transforms.scaling",
    "Log1p": "stoker.transforms.scaling",
    "MinMax": "stoker.transforms.scaling",
    "Robust": "stoker.transforms.scaling",
    "Impute": "stoker.transforms.numeric",
    "Cast": "stoker.transforms.numeric",
    "Columns": "stoker.transforms.columns",
    "QuantileBins": "stoker.transforms.bins",
    "Category": "stoker.transforms.category",
    "Dates": "stoker.transforms.dates",
    "Image": "stoker.transforms.image",
    "LabelEncoder": "stoker.transforms.labels",
    "OneHot": "stoker.transforms.labels",
    "NgramVectorizer": "stoker.transforms.ngrams",
    "PadSequences": "stoker.transforms.pad_sequences",
    "SequenceVectorizer": "stoker.transforms.sequences",
    "SparseFeatures": "stoker.transforms.sparse_features",
    "HashingVectorizer": "stoker.transforms.hashing",
    "fit": "stoker.training.fit",
    "fit_generator": "stoker.training.generators.calls",
    "evaluate_generator": "stoker.training.generators.calls",
    "predict_generator": "stoker.training.generators.calls",
    "GeneratorFeed": "stoker.training.generators.feeds",
    "resume": "stoker.training.resuming",
    "load": "stoker.training.run",
    "verify": "stoker.audit.verify",
    "replay": "stoker.audit.replay",
    "convert": "stoker.conversion",
    "models": "stoker.models",
    "datasets": "stoker.datasets",
    "errors": "stoker.errors",
    "legacy": "stoker.legacy",
    "doctor": "stoker.doctor",
    "distributed": "stoker.distributed",
}

__all__ = [*sorted(_HOME), "__version__"]

if TYPE_CHECKING:
    from stoker import datasets as datasets
    from stoker import distributed as distributed
    from stoker import doctor as doctor
    from stoker import errors as errors
    from stoker import legacy as legacy
    from stoker import models as models
    from stoker.audit.replay import replay as replay
    from stoker.audit.verify import verify as verify
    from stoker.conversion import convert as convert
    from stoker.feed import Feed as Feed
    from stoker.sources import open as open
    from stoker.training.fit import fit as fit
    from stoker.training.generators.calls import evaluate_generator as evaluate_generator
    from stoker.training.generators.calls import fit_generator as fit_generator
    from stoker.training.generators.calls import predict_generator as predict_generator
    from stoker.training.generators.feeds import GeneratorFeed as GeneratorFeed
    from stoker.training.resuming import resume as resume
    from stoker.training.run import load as load
    from stoker.transforms.bins import QuantileBins as QuantileBins
    from stoker.transforms.category import Category as Category
    from stoker.transforms.columns import Columns as Columns
    from stoker.transforms.dates import Dates as Dates
    from stoker.transforms.hashing import HashingVectorizer as HashingVectorizer
    from stoker.transforms.image import Image as Image
    from stoker.transforms.labels import LabelEncoder as LabelEncoder
    from stoker.transforms.labels import OneHot as OneHot
    from stoker.transforms.ngrams import NgramVectorizer as NgramVectorizer
    from stoker.transforms.numeric import Cast as Cast
    from stoker.transforms.numeric import Impute as Impute
    from stoker.transforms.pad_sequences import PadSequences as PadSequences
    from stoker.transforms.scaling import Log1p as Log1p
    from stoker.transforms.scaling import MinMax as MinMax
    from stoker.transforms.scaling import Robust as Robust
    from stoker.transforms.scaling import Scale as Scale
    from stoker.transforms.scaling import Standardize as Standardize
    from stoker.transforms.sequences import SequenceVectorizer as SequenceVectorizer
    from stoker.transforms.sparse_features import SparseFeatures as SparseFeatures


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'stoker' has no attribute {name!r}")
    module = importlib.import_module(home)
    return module if home == f"stoker.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    return list(__all__)

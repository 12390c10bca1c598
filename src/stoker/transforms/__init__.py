"""Columns to arrays, fitted in mergeable passes."""

from stoker.transforms.base import FittedTransform
from stoker.transforms.bins import QuantileBins
from stoker.transforms.category import Category
from stoker.transforms.columns import Columns
from stoker.transforms.dates import Dates
from stoker.transforms.hashing import HashingVectorizer
from stoker.transforms.image import Image
from stoker.transforms.labels import LabelEncoder, OneHot, Passthrough
from stoker.transforms.ngrams import NgramVectorizer
from stoker.transforms.numeric import Cast, Impute
from stoker.transforms.pad_sequences import PadSequences
from stoker.transforms.registry import from_state
from stoker.transforms.scaling import Log1p, MinMax, Robust, Scale, Standardize
from stoker.transforms.sequences import SequenceVectorizer
from stoker.transforms.sparse_features import SparseFeatures
from stoker.transforms.statistics import ColumnStatistics
from stoker.transforms.targets import TargetColumns, TransformedTarget

__all__ = [
    "Cast",
    "Category",
    "ColumnStatistics",
    "Columns",
    "Dates",
    "FittedTransform",
    "HashingVectorizer",
    "Image",
    "Impute",
    "LabelEncoder",
    "Log1p",
    "MinMax",
    "NgramVectorizer",
    "OneHot",
    "PadSequences",
    "Passthrough",
    "QuantileBins",
    "Robust",
    "Scale",
    "SequenceVectorizer",
    "SparseFeatures",
    "Standardize",
    "TargetColumns",
    "TransformedTarget",
    "from_state",
]

"""Data sets: those of the catalogue, downloaded and verified, and the digits that come with stoker.

>>> from stoker import datasets
>>> datasets.CATALOGUE["ag_news"].classes
('World', 'Sports', 'Business', 'Sci/Tech')
"""

from __future__ import annotations

from stoker.datasets.catalogue import CATALOGUE
from stoker.datasets.digits import DigitFiles, read_digits, write_digits
from stoker.datasets.entries import Dataset
from stoker.datasets.fetching import Fetched, fetch
from stoker.datasets.locating import Located, locate

__all__ = [
    "CATALOGUE",
    "Dataset",
    "DigitFiles",
    "Fetched",
    "Located",
    "fetch",
    "locate",
    "read_digits",
    "write_digits",
]

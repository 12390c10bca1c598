"""What is wrong with a generator: `examine` looks at its batches and says so, with the remedy.

It keeps a 64-bit fingerprint of each row and compares epochs, training and validation; see docs/doctor.md.
"""

from stoker.doctor.examine import examine
from stoker.doctor.findings import Finding, Place
from stoker.doctor.report import Report

__all__ = ["Finding", "Place", "Report", "examine"]

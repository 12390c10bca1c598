"""Training on several hosts: processes that a Ray cluster starts, and that take each step together."""

from stoker.distributed.fitting import fit, helped
from stoker.distributed.hosts import Host
from stoker.distributed.running import run

__all__ = ["Host", "fit", "helped", "run"]

"""Work ahead of the consumer, in threads, processes or the calling thread: ordered, bounded, closable.

`prefetch` applies a function to tasks in daemon threads and gives the results in order. `Processes` is such a
function: it computes in child processes, and arrays come back through shared memory.
"""

from stoker.prefetch.ordered import Prefetched, prefetch
from stoker.prefetch.processes import Processes, sendable
from stoker.prefetch.threads import available_cores

__all__ = ["Prefetched", "Processes", "available_cores", "prefetch", "sendable"]

"""A contestant's process: ``python -m benchmarks.contestant module:function '{options}'``.

Standard output carries the answers alone: whatever a library prints goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys


def main(target: str, options: str) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    module, _, function = target.partition(":")
    turn = getattr(importlib.import_module(module), function)(**json.loads(options))
    print(json.dumps({"ready": True}), file=answers)
    for _ in sys.stdin:
        print(json.dumps(turn()), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # frameworks' threads and loaders must not delay the end of a turn-based process

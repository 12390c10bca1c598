"""How XLA compiles what quick tests run: plainly."""

from __future__ import annotations

import importlib.util
import mmap
import os
from pathlib import Path

FLAGS = {
    "xla_backend_optimization_level": "0",
    "xla_cpu_use_fusion_emitters": "false",
    "xla_cpu_parallel_codegen_split_count": "1",
    "xla_llvm_disable_expensive_passes": "true",
}
"""XLA takes a seventh of the time to compile the step of a small model, which runs for a millisecond."""


def compile_plainly() -> None:
    """Unless XLA_FLAGS is set; `make test-slow` and `make soak` set it empty, for XLA as users have it."""
    if os.environ.get("KERAS_BACKEND", "jax") == "jax":
        # Which line each operation was asked for by is looked up and written for every one of them.
        os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")
        os.environ.setdefault("XLA_FLAGS", " ".join(f"--{name}={FLAGS[name]}" for name in _known()))


def _known() -> list[str]:
    """The flags that this XLA has: of one that it has not, it makes an end of the process."""
    spec = importlib.util.find_spec("jaxlib")
    libraries = [] if spec is None else [Path(each) for each in spec.submodule_search_locations or ()]
    found = []
    for path in sorted(path for folder in libraries for path in folder.glob("*.so")):
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found += [name for name in FLAGS if content.find(f"\0{name}\0".encode()) >= 0]
    return found

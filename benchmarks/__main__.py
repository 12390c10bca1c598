"""Run every benchmark: ``python -m benchmarks``."""

from benchmarks.run_all import main

main()

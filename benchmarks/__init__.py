"""Benchmarks of stoker beside its peers: one file a figure, all measured in the same run, interleaved.

Run from the project's root with ``python -m benchmarks.run_all``, or one alone with
``python -m benchmarks.csv_first_epoch``. Each benchmark starts every contestant in a process of its own, so
that imports and threads of one do not disturb another, and lets them take turns: A B A B ….
"""

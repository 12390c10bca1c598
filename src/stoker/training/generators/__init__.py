"""Training on a generator or a Sequence: batches by index or by ``next``, whose rows nobody knows beforehand.

`feeds.GeneratorFeed` is the feed, `calls` holds Keras 2's three functions. Importing this package imports
neither Keras nor a backend: its light modules run in worker processes too.
"""

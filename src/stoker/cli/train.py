"""``stoker train``."""

from __future__ import annotations

from stoker.cli.options import DataOptions, ModelOptions, OrderOptions, OutputOptions, TrainOptions


def train(
    data: DataOptions, order: OrderOptions, model: ModelOptions, training: TrainOptions, output: OutputOptions
) -> None:
    """Train a model on files that need not fit in memory."""

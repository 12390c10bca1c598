"""The flags that say what texts and images become, and what to train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from stoker.cli.panels import MODEL, flag

__all__ = ["ModelOptions", "TextOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions:
    """How texts and images become numbers, and the model that it depends on."""

    model: Annotated[
        str,
        flag(
            "--model",
            MODEL,
            "auto, mlp, linear, sepcnn, cnn, or your own `package.module:build`.",
            "NAME",
            True,
        ),
    ] = "auto"
    vectorizer: Annotated[
        Literal["ngram", "sequence", "hashing"] | None,
        flag(
            "--vectorizer",
            MODEL,
            "What texts become: tf-idf of n-grams, sequences of words, hashed n-grams.",
            "ngram|sequence|hashing",
            "by the model",
        ),
    ] = None
    max_features: Annotated[
        int | None,
        typer.Option(
            "--max-features",
            help="N-grams or words to keep, or hashes to tell apart.",
            rich_help_panel=MODEL,
            min=1,
            metavar="N",
            show_default="20000",
        ),
    ] = None
    image_size: Annotated[
        str | None,
        flag(
            "--image-size",
            MODEL,
            "Height and width that images are brought to, such as 96x128, or 96 for both.",
            "HxW",
            "the medians, 224 at most",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """What to train."""

    embeddings: Annotated[
        str | None,
        flag("--embeddings", MODEL, "Word vectors for sepcnn to begin with: a text file as GloVe's.", "FILE"),
    ] = None
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate",
            help="Of stoker's own models.",
            rich_help_panel=MODEL,
            metavar="X",
            show_default="0.001",
        ),
    ] = None
    metric: Annotated[
        list[str] | None,
        flag("--metric", MODEL, "A Keras metric besides the task's own; may be repeated.", "NAME"),
    ] = None
    loss_weights: Annotated[
        list[str] | None,
        flag("--loss-weights", MODEL, "Of labels of several kinds, what each one's loss counts.", "a=X,b=Y"),
    ] = None
    class_weight: Annotated[
        Literal["balanced"] | None,
        flag("--class-weight", MODEL, "Weigh rows so that every class counts the same.", "balanced"),
    ] = None

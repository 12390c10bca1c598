"""``keras.preprocessing.text``: what Keras 3 still has of it, under its old name."""

from __future__ import annotations

from stoker.legacy.keras_private import Tokenizer as Tokenizer
from stoker.legacy.keras_private import hashing_trick as hashing_trick
from stoker.legacy.keras_private import one_hot as one_hot
from stoker.legacy.keras_private import text_to_word_sequence as text_to_word_sequence
from stoker.legacy.keras_private import tokenizer_from_json as tokenizer_from_json

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]

"""What a SequenceVectorizer was asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, get_args

from stoker.errors import OptionError
from stoker.transforms.cutting import SeparatorCutter
from stoker.transforms.vocabulary import End, Vocabulary
from stoker.transforms.wordlists import WordList

__all__ = ["SequenceOptions"]

_NO_CAP = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class SequenceOptions:
    """Options of `SequenceVectorizer`, checked.

    Raises
    ------
    OptionError
        If one cannot be.
    """

    max_tokens: int | None
    max_length: int | None
    filters: str
    lower: bool
    split: str
    oov_token: str | None
    padding: End
    truncating: End

    def __post_init__(self) -> None:
        for option, most, least in (
            ("max_tokens", self.max_tokens, 1 + self.reserved),
            ("max_length", self.max_length, 1),
        ):
            if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < least):
                raise OptionError(
                    f"{option} must be an integer of at least {least}, or None for no limit, got {most!r}"
                )
        for option, end in (("padding", self.padding), ("truncating", self.truncating)):
            if end not in get_args(End):
                raise OptionError(f"{option} must be 'pre' or 'post', got {end!r}")
        cutter = self.cutter
        if self.oov_token is not None and cutter.words(self.oov_token) == [self.oov_token]:
            raise OptionError(
                f"oov_token {self.oov_token!r} may be a word of the texts: choose one that none can be, "
                "such as '<oov>'"
            )

    @cached_property
    def cutter(self) -> SeparatorCutter:
        """Where words end."""
        return SeparatorCutter(filters=self.filters, lower=self.lower, split=self.split)

    @property
    def reserved(self) -> int:
        """Indices that are no word's: that of padding, and that of unknown words."""
        return 1 if self.oov_token is None else 2

    @property
    def most_words(self) -> int | None:
        """Words that are used, at most."""
        return None if self.max_tokens is None else self.max_tokens - self.reserved

    @property
    def longest(self) -> int:
        """Indices in a row, at most."""
        return _NO_CAP if self.max_length is None else self.max_length

    def vocabulary(self, words: WordList, num_words: int, num_texts: int, length: int = 0) -> Vocabulary:
        """Words in use; their length may become known later."""
        return Vocabulary(
            words,
            num_words=num_words,
            num_texts=num_texts,
            length=length,
            cutter=self.cutter,
            unknown=self.oov_token is not None,
            padding=self.padding,
            truncating=self.truncating,
        )

    def plain(self) -> dict[str, Any]:
        """The options as plain data."""
        return asdict(self)

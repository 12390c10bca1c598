"""Addresses of databases, and what of them may be said aloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

__all__ = ["SCHEMES", "Address", "is_database"]

SCHEMES = {"postgresql": "postgresql", "postgres": "postgresql", "sqlite": "sqlite", "duckdb": "duckdb"}
"""Which database a scheme means."""
_CONNECT_SECONDS = 20
_SECRET = re.compile(r"pass|secret|token|key", re.IGNORECASE)


def is_database(path: object) -> bool:
    """Whether this is the address of a database.

    Examples
    --------
    >>> is_database("postgresql://host/base"), is_database("train.csv")
    (True, False)
    """
    return isinstance(path, str) and path.partition("://")[0] in SCHEMES and "://" in path


@dataclass(frozen=True, slots=True)
class Address:
    """A database's address.

    Attributes
    ----------
    whole
        As it was given, perhaps with a password; shown nowhere.
    """

    whole: str = field(repr=False)

    @property
    def kind(self) -> str:
        """``"postgresql"``, ``"sqlite"`` or ``"duckdb"``."""
        return SCHEMES[self.whole.partition("://")[0]]

    @property
    def file(self) -> str:
        """Path of a database in a file: ``/tmp/x.db`` of ``sqlite:///tmp/x.db``, ``x.db`` of ``sqlite://x.db``."""
        return self.whole.partition("://")[2].partition("?")[0]

    @property
    def shown(self) -> str:
        """Without name, password and whatever option may be a secret.

        Examples
        --------
        >>> Address("postgresql://me:hidden@host:5432/base?sslpassword=x&sslmode=require").shown
        'postgresql://host:5432/base?sslmode=require'
        """
        if self.kind != "postgresql":
            return f"{self.kind}://{self.file}"
        parts = urlsplit(self.whole)
        options = [(name, value) for name, value in parse_qsl(parts.query) if not _SECRET.search(name)]
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, urlencode(options), ""))

    @property
    def with_limit(self) -> str:
        """The whole of it, and after how many seconds a server that does not answer is given up."""
        if "connect_timeout" in self.whole:
            return self.whole
        return f"{self.whole}{'&' if '?' in self.whole else '?'}connect_timeout={_CONNECT_SECONDS}"

    def without_secrets(self, text: str) -> str:
        """A driver's message, in which it may have repeated what it was given."""
        for secret in (self.whole, *self._secrets()):
            text = text.replace(secret, "…")
        return text

    @property
    def has_secrets(self) -> bool:
        """Whether a password stands in it."""
        return any(self._secrets())

    def _secrets(self) -> Iterator[str]:
        parts = urlsplit(self.whole)
        if parts.password:
            yield parts.password
            yield unquote(parts.password)
        yield from (value for name, value in parse_qsl(parts.query) if _SECRET.search(name) and value)

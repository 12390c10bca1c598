"""Addresses of databases, and what of them may be said aloud."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlencode

from stoker.sources.credentials import is_secret

__all__ = ["SCHEMES", "Address", "is_database"]

SCHEMES = {"postgresql": "postgresql", "postgres": "postgresql", "sqlite": "sqlite", "duckdb": "duckdb"}
"""Which database a scheme means."""
_CONNECT_SECONDS = 20
_LOST_MILLISECONDS = 60_000


def is_database(path: object) -> bool:
    """Whether this is the address of a database.

    Examples
    --------
    >>> is_database("postgresql://host/base"), is_database("train.csv")
    (True, False)
    """
    return isinstance(path, str) and "://" in path and path.partition("://")[0].lower() in SCHEMES


@dataclass(frozen=True, slots=True)
class Address:
    """A database's address.

    It is taken apart as libpq does it: name and password reach to the first ``@``, and hold no ``/``.

    Attributes
    ----------
    whole
        As it was given, perhaps with a password; shown nowhere.
    folder
        From where a relative path of a file is.
    """

    whole: str = field(repr=False)
    folder: str = ""

    @property
    def kind(self) -> str:
        """``"postgresql"``, ``"sqlite"`` or ``"duckdb"``."""
        return SCHEMES[self.whole.partition("://")[0].lower()]

    @property
    def file(self) -> str:
        """Path of a database in a file: ``/tmp/x.db`` of ``sqlite:///tmp/x.db``, ``x.db`` of ``sqlite://x.db``.

        SQLAlchemy's ``sqlite:////tmp/x.db`` is the former, too.
        """
        path = self.whole.partition("://")[2]
        return f"/{path.lstrip('/')}" if path.startswith("//") else path

    @property
    def place(self) -> str:
        """Where a database in a file is, wherever the process goes."""
        return os.path.join(self.folder, self.file)

    @property
    def shown(self) -> str:
        """Without name, password and whatever option may be a secret.

        Examples
        --------
        >>> Address("postgresql://me:hid#den@host:5432/base?sslpassword=x&sslmode=require").shown
        'postgresql://host:5432/base?sslmode=require'
        """
        place, _, options = (self._parts[1] if self.kind == "postgresql" else self.file).partition("?")
        if self.kind == "postgresql" and "@" in place:
            return f"{self.kind}://…"  # who knows what was meant to be the password
        kept = urlencode([(name, value) for name, value in parse_qsl(options) if not is_secret(name)])
        return f"{self.kind}://{place}{'?' if kept else ''}{kept}"

    @property
    def with_limits(self) -> str:
        """The whole of it, and after which times a server that does not answer, or is gone, is given up."""
        limits = {
            "connect_timeout": _CONNECT_SECONDS,
            "keepalives_idle": _CONNECT_SECONDS,
            "tcp_user_timeout": _LOST_MILLISECONDS,
        }
        _, mark, options = self._parts[1].partition("?")
        added = urlencode({name: value for name, value in limits.items() if f"{name}=" not in options})
        return f"{self.whole}{'' if mark and not options else '&' if mark else '?'}{added}"

    def without_secrets(self, text: str) -> str:
        """A driver's message, in which it may have repeated what it was given."""
        for secret in (self.whole, *self._secrets()):
            text = text.replace(secret, "…")
        return text

    @property
    def has_secrets(self) -> bool:
        """Whether a password stands in it."""
        return any(self._secrets())

    @property
    def _parts(self) -> tuple[str, str]:
        """Name and password, and what stands behind them."""
        found = self.whole.partition("://")[2]
        user, at, rest = found.partition("@")
        return (user, rest) if at and "/" not in user else ("", found)

    def _secrets(self) -> Iterator[str]:
        user, rest = self._parts if self.kind == "postgresql" else ("", self.file)
        place, _, options = rest.partition("?")
        if self.kind == "postgresql" and "@" in place:
            yield rest
        password = user.partition(":")[2]
        if password:
            yield password
            yield unquote(password)
        yield from (value for name, value in parse_qsl(options) if is_secret(name) and value)

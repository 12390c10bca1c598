"""Addresses of files elsewhere: which there are, and none with secrets in them."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from stoker.errors import OptionError

__all__ = [
    "AHEAD_BYTES",
    "AT_ONCE",
    "BLOCK_BYTES",
    "EXTRA",
    "READING_BYTES",
    "RUN_BLOCKS",
    "is_remote",
    "is_remote_folder",
    "require_no_secrets",
    "scheme_of",
]

BLOCK_BYTES = 1 << 20
"""What is kept, and asked for, at the least."""
RUN_BLOCKS = 4
"""Neighbouring blocks that one request asks for, at most."""
AT_ONCE = 4
"""Requests of one reader under way."""
AHEAD_BYTES = AT_ONCE * RUN_BLOCKS * BLOCK_BYTES
"""What requests under way, and answers that nobody wanted yet, take at most."""
READING_BYTES = AHEAD_BYTES + RUN_BLOCKS * BLOCK_BYTES
"""What a reader holds while it reads in order, at most."""

EXTRA = "pip install 'stoker[remote]'"
"""What brings the packages."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_SECRET = re.compile("pass|pwd|secret|token|key|sig|auth|cred|sas|code", re.IGNORECASE)


def is_remote(path: str) -> bool:
    """Whether this is the address of a file that is not on a disk here.

    Examples
    --------
    >>> is_remote("s3://bucket/train.csv"), is_remote("data/train.csv"), is_remote("C:/train.csv")
    (True, False, False)
    """
    return _SCHEME.match(path) is not None


def is_remote_folder(path: str) -> bool:
    """Whether this is the address of a folder.

    Examples
    --------
    >>> is_remote_folder("s3://bucket/reviews/"), is_remote_folder("s3://bucket/train.csv")
    (True, False)
    """
    return is_remote(path) and path.endswith("/")


def scheme_of(url: str) -> str:
    """What stands before the colon, in small letters."""
    return url.partition("://")[0].lower()


def require_no_secrets(url: str) -> None:
    """Refuse an address with a password or a signature: it is written to run.json and to messages.

    Raises
    ------
    OptionError
        There is one; the message leaves it out.
    """
    parts = urlsplit(url)
    if parts.username or parts.password:
        shown = url.replace(f"{parts.netloc.rpartition('@')[0]}@", "…@", 1)
        raise OptionError(
            f"{shown}: an address is written down with a run, so no name or password may stand in it; give "
            "them where the store's own tools look for them (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "~/.aws/credentials, GOOGLE_APPLICATION_CREDENTIALS)"
        )
    if any(_SECRET.search(name) for name, _ in parse_qsl(parts.query)):
        raise OptionError(
            f"{url.partition('?')[0]}?…: a signed address is a secret that expires, and a run's is written "
            "down; name the object itself and give the credentials where the store's own tools look for them"
        )

"""Addresses of files elsewhere: which there are, and none with secrets in them."""

from __future__ import annotations

import re

from stoker.errors import OptionError
from stoker.sources.credentials import has_secret_option, user_of

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
_SAME = {"gcs": "gs", "s3a": "s3", "s3n": "s3"}
_WITH_NAMES = ("sftp", "ssh", "ftp", "smb", "hdfs", "webhdfs", "abfs", "abfss", "az", "github")
"""Schemes with a user or a container before the server's name, and no secret there."""

_LOOKED_IN = {
    "http": "in ~/.netrc",
    "https": "in ~/.netrc",
    "s3": "where Amazon's own tools look for them (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
    "~/.aws/credentials)",
    "gs": "where Google's own tools look for them (GOOGLE_APPLICATION_CREDENTIALS)",
}
"""Where credentials belong that are refused in an address."""


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
    """What stands before the colon, in small letters; of several words for the same store the usual one.

    Examples
    --------
    >>> scheme_of("HTTPS://host/a.csv"), scheme_of("gcs://bucket/a.csv")
    ('https', 'gs')
    """
    scheme = url.partition("://")[0].lower()
    return _SAME.get(scheme, scheme)


def require_no_secrets(url: str) -> None:
    """Refuse an address with a password or a signature: it is written to run.json and to messages.

    Raises
    ------
    OptionError
        There is one; the message leaves it out.
    """
    scheme = scheme_of(url)
    user, rest = user_of(url, has_ports=scheme not in ("s3", "gs"))
    has_name = bool(user) and scheme not in _WITH_NAMES
    if has_name or (":" in user and scheme != "github"):
        shown = rest.replace("://", "://…@", 1).partition("?")[0]
        where = _LOOKED_IN.get(scheme, "where the store's own tools look for them")
        raise OptionError(
            f"{shown}: an address is written down with a run, so no name or password may stand in it; give "
            f"them {where}"
        )
    if has_secret_option(rest.partition("?")[2].partition("#")[0]):
        raise OptionError(
            f"{url.partition('?')[0]}?…: a signed address is a secret that expires, and a run's is written "
            "down; name the object itself and give the credentials where the store's own tools look for them"
        )

"""What of an address is a secret: names and passwords before a server's name, options such as tokens."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

__all__ = ["has_secret_option", "is_secret", "user_of"]

_WORDS = frozenset(
    (
        *("pass", "passwd", "password", "passphrase", "pwd", "secret", "token", "key", "sig", "signature"),
        *("sas", "auth", "authorization", "cred", "credential", "credentials", "apikey", "accesskey"),
        *("secretkey", "accesstoken", "authtoken", "sslpassword"),
    )
)
_WHOLE = frozenset(("code",))
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PORT = re.compile(r":\d*$")


def is_secret(name: str) -> bool:
    """Whether an option of this name is one: by the words of which the name is made.

    Examples
    --------
    >>> [is_secret(name) for name in ("X-Amz-Signature", "accessToken", "my_sas", "motherduck_token", "code")]
    [True, True, True, True, True]
    >>> [is_secret(name) for name in ("design", "keyword", "country_code", "sslmode", "v")]
    [False, False, False, False, False]
    """
    words = {word.lower() for word in _WORD.findall(name)}
    return bool(words & _WORDS) or name.lower() in _WHOLE or name.lower() in _WORDS


def has_secret_option(query: str) -> bool:
    """Whether one of the options behind an address's question mark is a secret."""
    return any(is_secret(name) for name, _ in parse_qsl(query, keep_blank_values=True))


def user_of(url: str, *, has_ports: bool = True) -> tuple[str, str]:
    """What stands before the server's name, and what stands behind it with the scheme before it.

    A password may hold what ends a server's name elsewhere (``/``, ``?``, ``#``): where what comes before
    that cannot be a server and a port, all up to the last ``@`` is taken for it.

    Parameters
    ----------
    url
        An address.
    has_ports
        Whether a server of this scheme may have a port.

    Returns
    -------
    user, rest
        ``"me:hidden"`` and ``"https://host/a.csv"``; ``""`` and the address where nothing stands there.

    Examples
    --------
    >>> user_of("s3://AKIA:abc/def@bucket/x.csv", has_ports=False)
    ('AKIA:abc/def', 's3://bucket/x.csv')
    >>> user_of("https://host:8080/a@b.csv")
    ('', 'https://host:8080/a@b.csv')
    """
    scheme, mark, rest = url.partition("://")
    server = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in server:
        user = server.rpartition("@")[0]
        return user, f"{scheme}{mark}{rest[len(user) + 1 :]}"
    port = _PORT.search(server)
    has_port = has_ports and port is not None and server.count(":") == 1
    if ":" not in server or server.startswith("[") or has_port:
        return "", url
    user, at, behind = rest.rpartition("@")
    return (user, f"{scheme}{mark}{behind}") if at else (rest, f"{scheme}{mark}")

"""What a server of this machine needs for https, and a client that trusts it."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

LOOPBACK = "127.0.0.1"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of this machine's loopback address that it signed itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    held, secret = folder / "certificate.pem", folder / "key.pem"
    held.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return held, secret


@contextmanager
def trusting(held: Path) -> Iterator[None]:
    """Inside, stores that are asked with https take this certificate, as SSL_CERT_FILE has a new process do.

    aiohttp reads that variable when it is imported, which another test may have done.
    """
    import aiohttp
    from fsspec.config import conf

    from stoker.sources.remote import stores

    async def session(**options: Any) -> aiohttp.ClientSession:
        trusted = ssl.create_default_context(cafile=held)
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted), **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(conf, "https", {"get_client": session})
        stores._store.cache_clear()
        yield
    stores._store.cache_clear()

"""A server that speaks as S3 does, in a process of its own, and a bucket of it."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from servers import listening


def s3_server(log: Path) -> AbstractContextManager[int]:
    """Inside, a server that speaks as S3 does runs in a process of its own; gives its port."""
    return listening(["-m", "moto.server", "-H", "127.0.0.1", "-p"], log)


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """The port of a server that speaks as S3 does."""
    with s3_server(tmp_path_factory.mktemp("s3") / "log") as port:
        yield port


def settings(port: int) -> dict[str, str]:
    """Of the environment, by which that server is found."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "STOKER_REMOTE_SECONDS": "10",
    }


@pytest.fixture
def bucket(s3, monkeypatch):
    """The bucket of that server, which the environment names."""
    for name, value in settings(s3).items():
        monkeypatch.setenv(name, value)
    return bucket_of(s3)


def bucket_of(port: int) -> Any:
    """A file system of PyArrow's over a server, with a bucket; the environment has its key."""
    from pyarrow import fs

    found = fs.S3FileSystem(
        endpoint_override=f"127.0.0.1:{port}", scheme="http", region="us-east-1", allow_bucket_creation=True
    )
    found.create_dir("bucket")
    return found

"""A server that speaks as S3 does, in a process of its own, and a bucket of it."""

import pytest

from servers import listening


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """A server that speaks as S3 does, in a process of its own; gives its port."""
    log = tmp_path_factory.mktemp("s3") / "log"
    with listening(["-m", "moto.server", "-H", "127.0.0.1", "-p"], log) as port:
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
    """A file system of PyArrow's over that server, with an empty bucket."""
    from pyarrow import fs

    for name, value in settings(s3).items():
        monkeypatch.setenv(name, value)
    found = fs.S3FileSystem(
        endpoint_override=f"127.0.0.1:{s3}", scheme="http", region="us-east-1", allow_bucket_creation=True
    )
    found.create_dir("bucket")
    return found

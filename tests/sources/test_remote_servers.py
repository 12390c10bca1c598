"""Stores on a server that their address names: a connection each, credentials, drivers that are missing."""

import importlib
import logging
import os
import sys
import threading
import warnings
from ftplib import error_perm

import fsspec
import numpy as np
import pytest

import stoker
from remote_tables import PARTITIONS, assert_partitions, assert_rows, content_of, noise, parquet, table
from stoker.errors import DataError, OptionError
from stoker.sources.remote.names import BLOCK_BYTES

REGISTRY = importlib.import_module("fsspec.registry")

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("own_cache")]


@pytest.fixture
def ftp(tmp_path, monkeypatch):
    """A folder, and the address under which a server of FTP gives it."""
    monkeypatch.setenv("STOKER_REMOTE_SECONDS", "10")
    logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of asyncore, which it is made of
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.handlers import FTPHandler
        from pyftpdlib.servers import ThreadedFTPServer
    root = tmp_path / "root"
    root.mkdir()
    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(str(root))
    authorizer.add_user("me", "hidden", str(root))
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer, "auth_failed_timeout": 0})
    server = ThreadedFTPServer(("127.0.0.1", 0), handler)
    server.poll_timeout = 0.01
    thread = threading.Thread(target=server.serve_forever, kwargs={"timeout": 0.01}, daemon=True)
    thread.start()
    yield root, f"ftp://127.0.0.1:{server.socket.getsockname()[1]}"
    server.close_all()
    thread.join(10)


def test_tables_and_folders_are_read_from_a_server(ftp):
    root, base = ftp
    values, content = table()
    (root / "train.csv").write_bytes(content)
    assert_rows(stoker.open(f"{base}/*.csv", label="label"), values)
    for name, part in PARTITIONS.items():
        (root / "clicks" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "clicks" / name).write_bytes(parquet(part) if part else b"")
    assert_partitions(stoker.open(f"{base}/clicks/", label="y"))


def test_requests_of_several_threads_take_turns_on_a_connection(ftp):
    root, base = ftp
    content = noise(9 * BLOCK_BYTES + 5)
    (root / "noise.bin").write_bytes(content)
    assert content_of(f"{base}/noise.bin") == content


def test_what_a_server_refuses_is_told(ftp):
    _, base = ftp
    with pytest.raises(DataError, match="no such object; check the address"):
        stoker.open(f"{base}/none.csv", label="y")
    with pytest.raises(
        DataError, match=r"does not take the credentials .* FSSPEC_FTP_USERNAME and FSSPEC_FTP_P"
    ):
        stoker.open(f"{base.replace('//', '//me@')}/a.csv", label="y")
    with pytest.raises(OptionError, match="no name or password may stand in it") as told:
        stoker.open(f"{base.replace('//', '//me:hidden@')}/a.csv", label="y")
    assert "hidden" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("https://me:hidden@host/a.csv", r"give them in ~/\.netrc$"),
        ("s3://me:hidden@bucket/a.csv", r"AWS_SECRET_ACCESS_KEY, ~/\.aws/credentials\)$"),
        ("gs://me:hidden@bucket/a.csv", r"\(GOOGLE_APPLICATION_CREDENTIALS\)$"),
    ],
)
def test_credentials_in_an_address_are_sent_where_its_own_store_looks(url, where):
    with pytest.raises(OptionError, match=where) as told:
        stoker.open(url, label="y")
    assert "hidden" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "module", "package"),
    [
        ("sftp://me@host/a.csv", "paramiko", "paramiko"),
        ("smb://host/share/a.csv", "smbclient", "smbprotocol"),
        ("abfs://container@account.dfs.core.windows.net/a.csv", "adlfs", "adlfs"),
        ("abfss://container@account.dfs.core.windows.net/a.csv", "adlfs", "adlfs"),
        ("az://container/a.csv", "adlfs", "adlfs"),
        ("hf://datasets/a/b/c.csv", "huggingface_hub", "huggingface_hub"),
    ],
)
def test_the_package_that_is_missing_is_named(monkeypatch, url, module, package):
    scheme = url.partition("://")[0]
    monkeypatch.delitem(REGISTRY._registry, scheme, raising=False)
    monkeypatch.delitem(sys.modules, f"fsspec.implementations.{scheme}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    said = f"{scheme}:// is read with {package}, which is not installed: pip install {package}"
    monkeypatch.setitem(fsspec.config.conf, scheme, {"account_key": "hidden", "password": "hidden"})
    with pytest.raises(OptionError, match=said) as told:
        stoker.open(url, label="y")
    assert "hidden" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "abfs://container:hidden@account.dfs.core.windows.net/a.csv",
        "abfs://container@account.dfs.core.windows.net/a.csv?sv=2024&sig=hidden",
        "smb://me:hidden@host/share/a.csv",
        "hdfs://me:hidden@name:8020/a.csv",
        "webhdfs://name:9870/a.csv?delegation_token=hidden",
    ],
)
def test_a_secret_in_an_address_is_refused_before_anything_is_asked(url):
    with pytest.raises(OptionError, match=r"an address is written down|a signed address is a secret") as told:
        stoker.open(url, label="y")
    assert "hidden" not in str(told.value)


@pytest.mark.skipif("HADOOP_HOME" in os.environ, reason="there is a Hadoop here")
def test_hadoop_without_its_libraries_says_what_to_set_and_what_to_name_instead():
    said = r"hdfs:// is read with a library .* set JAVA_HOME, HADOOP_HOME .*webhdfs://HOST:PORT"
    with pytest.raises(OptionError, match=said):
        stoker.open("hdfs://name:8020/a.csv", label="y")


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (OSError("Unable to load libjvm: no such file"), OptionError, "cannot be loaded .* set JAVA_HOME"),
        (TypeError("missing 'host'"), OptionError, "more than stands in the address .*FSSPEC_STUB_<NAME>"),
        (TypeError("no account_key=hidden"), OptionError, r"in the address \(no account_key=…\)"),
        (ImportError("no library for hidden"), OptionError, r"cannot be loaded \(no library for …\)"),
        (PermissionError("no"), DataError, "permission denied"),
        (error_perm("530 who?"), DataError, "does not take the credentials"),
        (RuntimeError("hidden"), DataError, r"failed 5 times .*\(RuntimeError\)"),
    ],
)
def test_a_server_that_cannot_be_reached_is_told(monkeypatch, error, kind, said):
    class Stub(fsspec.AbstractFileSystem):
        protocol = "stub"

        def __init__(self, **options) -> None:
            raise error

    monkeypatch.setitem(REGISTRY._registry, "stub", Stub)
    monkeypatch.setitem(fsspec.config.conf, "stub", {"account_key": "hidden", "port": 1})
    with pytest.raises(kind, match=said) as told:
        stoker.open(f"stub://{type(error).__name__}{len(str(error))}/a.csv", label="y")
    assert "hidden" not in str(told.value)


def test_a_connection_that_broke_is_made_anew(ftp, monkeypatch):
    root, base = ftp
    (root / "a.csv").write_bytes(table()[1])
    kind, made = fsspec.get_filesystem_class("ftp"), []
    connect, fetch = kind._connect, kind.cat_file

    def connected(self) -> None:
        made.append(self)
        connect(self)

    def broken(self, *arguments, **options):
        monkeypatch.setattr(kind, "cat_file", fetch)
        raise EOFError

    monkeypatch.setattr(kind, "_connect", connected)
    monkeypatch.setattr(kind, "cat_file", broken)
    assert np.frombuffer(content_of(f"{base}/a.csv"), np.uint8).size == len(table()[1])
    assert len({id(one) for one in made}) == 2

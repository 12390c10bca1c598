"""Addresses: secrets in them are refused and repeated nowhere, and their patterns are those of the disk."""

import glob
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stoker
from property_examples import examples
from stoker.cli import main
from stoker.errors import DataError, OptionError
from stoker.sources.credentials import is_secret
from stoker.sources.remote.listing import remote_matches
from stoker.sources.remote.names import require_no_secrets

NAMES = ("a.csv", ".b.csv", "d/a.csv", "d/[a].csv", "d/.h/a.csv", "d/e/a.csv", ".h/a.csv", "d/e/f/b.csv")


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIA:hid/d9n@bucket/x.csv",
        "s3://AKIA:hidden",
        "https://me:hid#d9n@host/a.csv",
        "https://me:hid?d9n@host/a.csv",
        "sftp://me:hidden@host/a.csv",
        "ftp://me:hid/d9n@host/a.csv",
        "https://host/a.csv?secretKey=hidden",
    ],
)
def test_secrets_that_end_a_servers_name_elsewhere_are_refused(url):
    with pytest.raises(OptionError, match="written down") as error:
        stoker.open(url, label="y")
    assert "hid" not in str(error.value)
    assert "d9n" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://host/a.csv?design=1&keyword=x&country_code=de&v=2",
        "https://host:8080/me@there/a.csv",
        "http://[::1]:80/a.csv",
        "s3://bucket/me@there.csv",
        "sftp://me@host/a.csv",
        "abfs://container@account.dfs.core.windows.net/a.csv",
        "github://org:repo@main/a.csv",
    ],
)
def test_what_is_no_secret_is_taken(url):
    require_no_secrets(url)


@pytest.mark.parametrize(
    "name", ["X-Amz-Credential", "Signature", "api_key", "SAS", "sslpassword", "authToken"]
)
def test_secrets_are_known_by_the_words_of_their_names(name):
    assert is_secret(name)


SECRET = "postgresql://me:hid#den@host/db"


@pytest.mark.parametrize(
    "paths", [[SECRET, SECRET], ["a.csv", SECRET], ["duckdb://md:db?motherduck_token=hidden", "b.csv"]]
)
def test_databases_among_files_are_refused_without_their_secrets(paths, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("x,y\n1,0\n2,1\n")
    with pytest.raises(OptionError, match="a database is asked by a query") as error:
        stoker.open(paths, label="y")
    assert "hid" not in str(error.value)


def test_secrets_of_a_database_in_a_file_are_not_repeated():
    with pytest.raises(DataError, match="duckdb://md:db: there is no such file") as error:
        stoker.open("duckdb://md:db?motherduck_token=hidden", query="SELECT 1", label="y")
    assert "hidden" not in str(error.value)


def test_a_password_in_an_address_to_validate_on_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("x,y\n1,0\n2,1\n3,0\n4,1\n")
    assert main(["train", "t.csv", "--label", "y", "--valid", SECRET]) == 2
    said = capsys.readouterr().err
    assert "leave the password out of it" in said
    assert "hid" not in said


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    return root


@settings(max_examples=examples(60))
@given(
    st.lists(
        st.sampled_from(["*", "**", "d", "?", ".*", "a*", "*.csv", "[de]", "**b*"]), min_size=1, max_size=4
    )
)
def test_patterns_match_elsewhere_what_they_match_on_a_disk(tree, parts):
    pattern = "/".join(parts)
    if not glob.has_magic(pattern):
        return
    try:
        found = [path.removeprefix(f"file://{tree}/") for path in remote_matches(f"file://{tree}/{pattern}")]
    except DataError:  # there is no such folder
        found = []
    here = set(glob.glob(pattern, root_dir=tree, recursive=True))
    assert found == sorted((name for name in here if os.path.isfile(tree / name)), key=os.fsencode)


def test_a_name_with_brackets_is_tried_before_it_is_a_pattern(tree):
    base = f"file://{tree}"
    source = stoker.open(f"{base}/d/[a].csv", header=False)
    assert source.paths == (f"{base}/d/[a].csv",)

"""Which cluster is taken for one that is there."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from stoker.cluster import connection
from stoker.errors import WorkerError


@pytest.fixture
def listening() -> Iterator[str]:
    """An address at which somebody takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that is kept, and at which nobody takes connections."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{kept.getsockname()[1]}"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No address in the environment; returns the file in which `ray start` leaves its own."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()
    return tmp_path / "ray/ray_current_cluster"


def test_an_address_at_which_nobody_answers_is_refused_at_once(monkeypatch, silent):
    monkeypatch.setenv("RAY_ADDRESS", silent)
    with pytest.raises(WorkerError, match=f"RAY_ADDRESS={silent} .*: start it, or unset RAY_ADDRESS"):
        connection._is_known()


def test_a_port_that_there_cannot_be_is_refused(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:99999999999999999999")
    with pytest.raises(WorkerError, match="no Ray cluster answers"):
        connection._is_known()


def test_an_address_at_which_somebody_answers_is_a_cluster(monkeypatch, listening):
    monkeypatch.setenv("RAY_ADDRESS", listening)
    assert connection._is_known()


@pytest.mark.parametrize("address", ["auto", "ray://head:10001"])
def test_what_is_no_host_and_port_is_left_to_ray(monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert connection._is_known()


def test_a_cluster_that_was_killed_is_none_though_its_address_is_there(nothing_said, listening, silent):
    assert not connection._is_known()
    nothing_said.write_text(listening)
    assert connection._is_known()
    nothing_said.write_text(silent)
    assert not connection._is_known()


def test_a_cluster_that_refuses_is_told_where_it_was_named_and_passed_over_where_it_was_found(
    monkeypatch, nothing_said, listening
):
    def refusing(**_how: object) -> None:
        raise ConnectionError("InvalidAuthToken\nand more")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=refusing))
    nothing_said.write_text(listening)
    assert not connection._found_and_joined()
    monkeypatch.setenv("RAY_ADDRESS", listening)
    with pytest.raises(
        WorkerError, match=rf"RAY_ADDRESS={listening} .*\(InvalidAuthToken\): see that it runs"
    ):
        connection._found_and_joined()

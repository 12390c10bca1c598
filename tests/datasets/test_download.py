"""Downloads arrive whole, whatever the server does, or it is said why not."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import replace

import pytest

from stoker.datasets.download import download
from stoker.datasets.entries import Address
from stoker.errors import FetchError

pytestmark = pytest.mark.timeout(60)

CONTENT = os.urandom(300_000)


@pytest.fixture
def get(tmp_path, patience):
    def run(url, limit=1_000_000, patience=patience, **stated):
        path = tmp_path / "file"
        download(Address(url=url, stated_by="a test", **stated), path, limit=limit, patience=patience)
        assert [left.name for left in tmp_path.iterdir()] == ["file"]
        return path.read_bytes()

    return run


def test_a_file_arrives(server, get):
    assert get(server.put("a", CONTENT)) == CONTENT


def test_a_file_of_unknown_length_arrives(server, get):
    assert get(server.put("a", CONTENT, announce=False)) == CONTENT


def test_an_empty_file_arrives(server, get):
    assert get(server.put("a", b"")) == b""


def test_progress_ends_with_the_whole_file(server, tmp_path, patience):
    seen = []
    address = Address(url=server.put("a", CONTENT))
    download(
        address,
        tmp_path / "a",
        limit=10**6,
        patience=patience,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)


def test_a_broken_connection_is_resumed_where_it_broke(server, get):
    assert get(server.put("a", CONTENT, drop_after=100_000, drops=1)) == CONTENT
    assert server.asked == [("a", None), ("a", "bytes=100000-")]


def test_without_a_sign_that_the_file_is_the_same_it_begins_anew(server, get):
    assert get(server.put("a", CONTENT, tag=None, drop_after=100_000, drops=1)) == CONTENT
    assert server.asked == [("a", None), ("a", None)]


def test_a_server_without_parts_begins_anew(server, get):
    assert get(server.put("a", CONTENT, ranges=False, drop_after=100_000, drops=1)) == CONTENT


def test_a_server_that_gives_another_part_is_not_believed(server, get):
    assert get(server.put("a", CONTENT, drop_after=100_000, drops=1, shifted=7)) == CONTENT


def test_a_later_process_goes_on_where_an_earlier_one_was_killed(server, tmp_path, get):
    url = server.put("a", CONTENT, drop_after=70_000)
    with pytest.raises(FetchError, match=r"bytes are kept, and the same command goes on"):
        get(url)
    kept = (tmp_path / "file.part").stat().st_size
    server.files["a"].drops = 0
    assert get(url) == CONTENT
    assert server.asked[-1] == ("a", f"bytes={kept}-")


def test_what_changed_in_between_is_not_glued_together(server, get):
    url = server.put("a", CONTENT, drop_after=70_000)
    with pytest.raises(FetchError):
        get(url)
    other = os.urandom(300_000)
    server.put("a", other, tag='"two"')
    assert get(url) == other


def test_what_became_shorter_begins_anew(server, get):
    url = server.put("a", CONTENT, drop_after=70_000)
    with pytest.raises(FetchError):
        get(url)
    server.put("a", b"short")
    assert get(url) == b"short"


def test_a_server_that_always_breaks_off_is_given_up(server, get):
    with pytest.raises(FetchError, match=r"ended at [\d,]+ of 300,000 bytes, 3 times in a row"):
        get(server.put("a", CONTENT, ranges=False, drop_after=1000))
    assert server.counts["a"] == 3


def test_a_server_that_goes_silent_is_given_up(server, get, patience):
    begun = time.monotonic()
    with pytest.raises(FetchError, match="the connection broke: timed out, 3 times in a row"):
        get(server.put("a", CONTENT, stall_after=1000), patience=replace(patience, silence=0.3))
    assert time.monotonic() - begun < 15


def test_a_server_that_trickles_is_given_up(server, get, patience):
    with pytest.raises(FetchError, match=r"only \d+ bytes came in"):
        get(server.put("a", CONTENT, slow=0.05), patience=replace(patience, stall=0.1))


def test_a_server_that_announces_more_than_it_sends_is_given_up(server, get):
    with pytest.raises(FetchError, match=r"ended at 300,000 of 400,000 bytes"):
        get(server.put("a", CONTENT, ranges=False, announced=400_000))


def test_a_server_that_announces_something_else_than_is_stated_is_refused_at_once(server, get):
    with pytest.raises(FetchError, match=r"announces 300,000 bytes where a test states 7"):
        get(server.put("a", CONTENT), num_bytes=7)
    assert server.counts["a"] == 1


def test_more_than_the_limit_is_refused_when_it_is_announced(server, get):
    with pytest.raises(FetchError, match="announces 300,000 bytes, more than the 1,000"):
        get(server.put("a", CONTENT), limit=1000)


def test_more_than_the_limit_is_refused_when_it_is_not(server, get, tmp_path):
    with pytest.raises(FetchError, match="sends more than the 1,000 bytes"):
        get(server.put("a", CONTENT, announce=False), limit=1000)
    assert list(tmp_path.iterdir()) == []


def test_an_absent_file_is_not_asked_for_again(server, get):
    with pytest.raises(FetchError, match=r"/nothing: the server says 404 Not Found"):
        get(server.url("nothing"))
    assert server.counts["nothing"] == 1


def test_a_busy_server_is_asked_again(server, get):
    url = server.put("a", CONTENT, status=503, errors=2, headers={"Retry-After": "0"})
    assert get(url) == CONTENT
    assert server.counts["a"] == 3


def test_a_server_that_stays_busy_is_given_up(server, get):
    with pytest.raises(FetchError, match="the server says 503 Service Unavailable, 3 times in a row"):
        get(server.put("a", CONTENT, status=503))


def test_a_web_page_is_no_file(server, get):
    page = server.put("a", b"<html>Confirm.</html>", headers={"Content-Type": "text/html; charset=utf-8"})
    with pytest.raises(FetchError, match="a web page instead of the file"):
        get(page)


def test_a_redirect_is_followed(server, get):
    url = server.put("old", b"", status=302, headers={"Location": "/new"})
    server.put("new", CONTENT)
    assert get(url) == CONTENT


def test_a_redirect_to_a_file_of_this_machine_is_not(server, get):
    url = server.put("old", b"", status=302, headers={"Location": "file:///etc/hostname"})
    with pytest.raises(FetchError, match="302"):
        get(url)


def test_a_redirect_in_circles_ends(server, get):
    url = server.put("old", b"", status=302, headers={"Location": "/old"})
    with pytest.raises(FetchError, match="302"):
        get(url)


def test_other_kinds_of_addresses_are_refused(get):
    with pytest.raises(FetchError, match="only http and https addresses"):
        get("ftp://127.0.0.1/a")


def test_where_nobody_answers_the_network_is_asked_about(get):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FetchError, match=r"no answer: .*refused.*, 3 times in a row; is there a way to"):
        get(f"http://127.0.0.1:{port}/a")


def test_a_server_that_accepts_and_says_nothing_is_given_up(get, patience):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(FetchError, match="no answer: timed out, 3 times in a row"):
            get(f"http://127.0.0.1:{silent.getsockname()[1]}/a", patience=replace(patience, silence=0.05))

"""Lines that are written to a process's streams are heard, and still written."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker.distributed.printing import printing_heard


def test_lines_of_both_streams_are_heard_and_still_written(capsys):
    heard = []
    with printing_heard(heard.append):
        print("epoch", 1)
        print("careful", file=sys.stderr)
        print("the", end=" ")
        sys.stdout.writelines(["rest\n", "of it"])

    assert heard == ["epoch 1", "careful", "the rest", "of it"]
    assert capsys.readouterr() == ("epoch 1\nthe rest\nof it", "careful\n")


def test_of_a_line_that_is_rewritten_in_place_the_last_is_heard(capsys):
    heard = []
    with printing_heard(heard.append):
        sys.stderr.write("\r 10 %\r 50 %")
        sys.stderr.write("\r100 %\nwindows\r\n")

    assert heard == ["100 %", "windows"]


def test_what_a_finalizer_prints_while_a_line_is_told_is_heard_too(capsys):
    heard = []

    def say(line):
        heard.append(line)
        if line == "epoch":
            print("closed")

    with printing_heard(say):
        print("epoch")

    assert heard == ["epoch", "closed"]


def test_the_streams_are_as_before_unless_somebody_put_others_there(capsys):
    before, own = (sys.stdout, sys.stderr), io.StringIO()
    with printing_heard(lambda line: None):
        assert sys.stdout.encoding == before[0].encoding
    assert (sys.stdout, sys.stderr) == before

    with pytest.MonkeyPatch.context() as patch, printing_heard(lambda line: None):
        patch.setattr(sys, "stdout", own)
        print("mine")
    assert own.getvalue() == "mine\n"


@given(pieces=st.lists(st.text("ab\n", max_size=9)))
def test_nothing_is_lost_however_it_is_cut(pieces):
    heard, stream = [], io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        patch.setattr("stoker.distributed.printing._MOST_CHARACTERS", 20)
        with printing_heard(heard.append):
            for piece in pieces:
                sys.stdout.write(piece)

    assert stream.getvalue() == "".join(pieces)
    assert "".join(heard) == stream.getvalue().replace("\n", "")

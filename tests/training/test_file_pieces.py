"""Rows to be scored, in pieces: the same in threads and without."""

import numpy as np
import pandas as pd
import pytest

import stoker
from stoker.training import file_pieces
from stoker.training.file_pieces import FilePieces

ROWS = 5_000


@pytest.fixture
def frame():
    return pd.DataFrame({"x": np.arange(ROWS) / 7, "z": np.arange(ROWS)})


def pieces_of(source, inputs):
    return FilePieces(source=source, inputs=inputs)


def test_a_few_rows_in_memory_wait_for_no_thread_and_give_what_threads_give(frame, tmp_path, monkeypatch):
    inputs = stoker.Cast().fit(stoker.open(frame).parse(next(stoker.open(frame).chunks(1 << 20))).rows)
    few, many = stoker.open(frame.iloc[:1_000]), stoker.open(frame)
    frame.iloc[:1_000].to_parquet(tmp_path / "few.parquet")
    threads = [pieces_of(rows, inputs).threads for rows in (few, many, stoker.open(tmp_path / "few.parquet"))]
    assert threads == [0, 2, 2]
    alone = [piece.x for piece in file_pieces.file_pieces(pieces_of(few, inputs))]
    monkeypatch.setattr(file_pieces, "SEGMENT_ROWS", 10)
    assert pieces_of(few, inputs).threads == 2
    ahead = [piece.x for piece in file_pieces.file_pieces(pieces_of(few, inputs))]
    np.testing.assert_array_equal(np.concatenate(alone), np.concatenate(ahead))
    assert len(np.concatenate(alone)) == 1_000

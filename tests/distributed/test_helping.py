"""Tasks of a Ray cluster of this machine help to survey and to fit: the same bits, and stoker's errors."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import stoker
from stoker import distributed
from stoker.crew import Crew, current
from stoker.errors import ChangedDataError, DataError, WorkerError
from stoker.fitting import sharing
from stoker.survey import together

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

ROWS = 30_000


def _little_is_much(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sharing, "_ALONE_BYTES", 0)
    patch.setattr(sharing, "_ALONE_TEXT_BYTES", 0)
    patch.setattr(together, "_ALONE_BYTES", 0)


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with pytest.MonkeyPatch.context() as patch, distributed.helped(2):
        _little_is_much(patch)
        found = current()
        assert found is not None
        yield found


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    draw = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("helped") / "table.csv"
    price = draw.lognormal(3, 2, ROWS).round(3)
    words = np.array(["good", "bad", "film", "fun", "luck"])
    texts = [" ".join(words[draw.integers(0, 5, size)]) for size in draw.integers(1, 7, ROWS)]
    lines = [f"{p},{t},{len(t) % 2}" for p, t in zip(price, texts, strict=True)]
    path.write_text("\n".join(["price,text,sold", *lines, ""]))
    return path


def columns() -> stoker.Columns:
    return stoker.Columns(
        {
            "price": stoker.Robust(),
            "text": stoker.NgramVectorizer(min_df=1, max_features=8),
            "words": ("text", stoker.SequenceVectorizer(max_tokens=4)),
        }
    )


def opened(table: Path) -> stoker.Source:
    return stoker.open(table, label="sold", types={"text": "text"})


@pytest.fixture(scope="module")
def alone(table: Path) -> bytes:
    """What one process learns; before anybody helps it."""
    assert current() is None
    made = stoker.Feed(opened(table), transform=columns(), workers=0).prepare()
    shutil.rmtree(table.parent / ".stoker")
    return msgspec.json.encode(made.stage.inputs.state())


def test_a_transform_is_fitted_to_the_same_bits(alone, crew, table):
    helped = distributed.fit(columns(), opened(table), hosts=2)

    assert msgspec.json.encode(helped.state()) == alone


def _die_once(flag: str, task: int) -> int:
    if task == 1 and not os.path.exists(flag):
        Path(flag).touch()
        os._exit(1)
    return task


def test_a_task_whose_process_is_lost_is_done_again(crew, tmp_path):
    assert list(crew.each(_die_once, range(4), str(tmp_path / "died"))) == [0, 1, 2, 3]


def _fail(common: Any, task: int) -> int:
    if task == 2:
        raise DataError("train.csv, line 7 (row 5): no number")
    return 1 // (3 - task)


def test_errors_come_back_in_the_order_of_the_rows(crew):
    with pytest.raises(DataError, match=r"^train.csv, line 7 \(row 5\): no number$"):
        list(crew.each(_fail, range(5), None))
    with pytest.raises(WorkerError, match=r"host .* failed with ZeroDivisionError"):
        list(crew.each(_fail, [3], None))


def _prepare(host: distributed.Host, *, table: Path) -> str:
    """What each host that trains does first; it leaves what it has learned."""
    with pytest.MonkeyPatch.context() as patch:
        _little_is_much(patch)
        made = stoker.Feed(opened(table), transform=columns(), workers=0).prepare()
    print("learned by", host.rank)
    (table.parent / f"learned-{host.rank}.json").write_bytes(msgspec.json.encode(made.stage.inputs.state()))
    return made.survey.data_digest


@pytest.mark.filterwarnings("ignore")  # Ray warns of its own settings
def test_hosts_that_train_all_know_what_was_learned(alone, table, capsys):
    shutil.rmtree(table.parent / ".stoker", ignore_errors=True)
    found = distributed.run(partial(_prepare, table=table), hosts=2)

    assert [(table.parent / f"learned-{rank}.json").read_bytes() for rank in (0, 1)] == [alone, alone]
    assert found
    printed = capsys.readouterr()
    assert "learned by 0\n" in printed.err
    assert "learned by 1\n" not in printed.err
    assert not printed.out


def _train_on_its_own(host: distributed.Host, *, folder: Path) -> None:
    """Each host has a disk of its own, as it were, where files have the same names."""
    os.chdir(folder / f"host-{host.rank}")
    feed = stoker.Feed(stoker.open("rows.csv", label="label"), batch_size=16, workers=0)
    stoker.fit(stoker.models.mlp(feed, seed=1), feed, epochs=1, progress="none")


@pytest.mark.filterwarnings("ignore")
def test_a_host_whose_file_holds_something_else_tells_host_file_and_bytes(tmp_path):
    rows = b"x,label\n" + b"".join(b"%d.5,%d\n" % (row % 10, row % 2) for row in range(200))
    for rank, there in enumerate((rows, rows.replace(b"7.5,1", b"3.5,1", 1))):
        (tmp_path / f"host-{rank}").mkdir()
        (tmp_path / f"host-{rank}" / "rows.csv").write_bytes(there)

    told = (
        rf"^as seen by host {socket.gethostname()}: rows.csv changed since .*bytes \d+ to \d+ \(rows \d+ to"
    )
    with pytest.raises(ChangedDataError, match=told):
        distributed.run(partial(_train_on_its_own, folder=tmp_path), hosts=2)

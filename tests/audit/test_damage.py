"""Whatever run.json says of its rows, an audit answers or tells a mistake: it is data."""

from __future__ import annotations

import copy
import json
import random
from contextlib import suppress
from typing import Any

import pytest
from recorded_runs import open_table, write_table

import stoker
from stoker.errors import StokerError

pytestmark = pytest.mark.timeout(120)

_JUNK = (None, True, -1, 0, 7, 2**70, 0.5, "", "x", "\x00", "split", [], [[]], ["x", 1], {}, {"x": 1})


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, item in inner for each in places_in(item, (*path, key)))]


def damaged(record: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    record = copy.deepcopy(record)
    top = draw.choice(["source", "policy", "files", "plan", "epochs", "reading", "training", "excluded_rows"])
    path = (top, *draw.choice(places_in(record[top])))
    holder: Any = record
    for key in path[:-1]:
        holder = holder[key]
    if draw.random() < 0.2 and isinstance(holder, dict):
        del holder[path[-1]]
    else:
        holder[path[-1]] = draw.choice(_JUNK)
    return record


@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_run_is_told_and_crashes_nothing(a_run, tmp_path, seed):
    source = open_table(write_table(tmp_path / "data.csv", 80, bad=(3,))).head(70)
    run = a_run(source.split(0.8, seed=1, group="group")[0], on_bad_row="skip", epochs=1)
    record = json.loads((run.path / "run.json").read_text())
    draw = random.Random(seed)
    for _ in range(40):
        (run.path / "run.json").write_text(json.dumps(damaged(record, draw)))
        for ask in (stoker.verify, lambda path: stoker.replay(path, step=1)):
            with suppress(StokerError):
                ask(run.path)

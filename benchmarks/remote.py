"""Parquet files elsewhere: requests, bytes and seconds of a survey and an epoch, 50 ms behind each request.

    python -m benchmarks.remote [--source DIR]

The files are served by a server on this machine, once as a web server's and once as S3's; nothing is kept of
them beforehand. ``--source`` reads them with the stoker in another folder, for figures before and after.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
FILES, GROUPS, ROWS, COLUMNS, USED = 6, 4, 40_000, 20, 5
LATENCY = 0.05

READ = """
import json, sys, time
import stoker

urls, label, columns, what = json.loads(sys.argv[1])
began = time.perf_counter()
source = stoker.open(urls, label=label, columns=columns)
opened = time.perf_counter()
if what == "survey":
    from stoker.survey import survey
    survey(source, stored=False)
else:
    feed = stoker.Feed(source, batch_size=1024, shuffle=what == "shuffled", cache="never", memory="256MB")
    feed.prepare()
    opened = time.perf_counter()
    for batch in feed.epoch(0):
        pass
    feed.close()
print(json.dumps([opened - began, time.perf_counter() - opened]))
"""


def files() -> dict[str, bytes]:
    """Parquet files of random numbers."""
    rng, found = np.random.default_rng(0), {}
    for number in range(FILES):
        columns = {f"x{place}": rng.normal(size=ROWS * GROUPS) for place in range(COLUMNS)}
        sink = pa.BufferOutputStream()
        pq.write_table(
            pa.table({**columns, "y": rng.integers(0, 2, ROWS * GROUPS)}), sink, row_group_size=ROWS
        )
        found[f"bucket/part-{number}.parquet"] = sink.getvalue().to_pybytes()
    return found


def measure(kind: str, what: str, columns: list[str] | None, source: str, content: dict[str, bytes]) -> str:
    """One reading, as a line of a table."""
    sys.path.insert(0, str(ROOT / "tests"))
    from range_server import RangeServer

    server = RangeServer()
    server.latency = LATENCY
    threading.Thread(target=server.serve_forever, daemon=True).start()
    urls = [server.put(name, data) for name, data in content.items()]
    base = f"http://127.0.0.1:{server.server_address[1]}"
    if kind == "s3":
        urls = [url.replace(f"{base}/", "s3://") for url in urls]
    with tempfile.TemporaryDirectory() as cache:
        settings = {
            "XDG_CACHE_HOME": cache,
            "PYTHONPATH": source,
            "AWS_ENDPOINT_URL": base,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        told = json.dumps([urls, "y", columns, what])
        done = subprocess.run(
            [sys.executable, "-c", READ, told],
            env={**os.environ, **settings},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    server.shutdown()
    opening, reading = json.loads(done.stdout)
    num_bytes = sum(stop - start for _, start, stop in server.asked)
    used = len(columns) if columns else COLUMNS
    return (
        f"| {kind} | {what} | {used} of {COLUMNS} | {len(server.methods)} | {num_bytes / 1e6:.0f} "
        f"| {opening:.1f} | {reading:.1f} |"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default=str(ROOT / "src"), help="where the stoker is that reads")
    parser.add_argument("--only", help="survey, in order or shuffled alone")
    chosen = parser.parse_args()
    content = files()
    print(f"{sum(map(len, content.values())) / 1e6:.0f} MB in {FILES} files of {GROUPS} row groups")
    print("| store | what | columns | requests | MB | opening, s | reading, s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for what in ("survey", "in order", "shuffled"):
        if chosen.only in (None, what):
            for kind in ("https", "s3"):
                for columns in ([f"x{place}" for place in range(USED)], None):
                    print(measure(kind, what, columns, chosen.source, content), flush=True)


if __name__ == "__main__":
    main()

"""Each example and its twin, a process each: ``python examples/measure.py [--data DIR] [JOB ...]``.

Prints the rows of the table in README.md: lines of code, seconds of the whole process, seconds of processor
that it took (which other programs change less), the most memory that its processes held together (RSS, looked
at twenty times a second), the accuracy on the rows held out (of the weights that are kept: the best where
something chooses them, else the last), and the load when it began.
"""

import argparse
import ast
import gzip
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data"
JOBS = {
    "mnist": ("blog_mnist", ["42000", "2000"], []),
    "ngram": ("appendix_text", ["ngram", "IMDB"], ["ngram", "IMDB"]),
    "sequence": ("appendix_text", ["sequence", "IMDB"], ["sequence", "IMDB"]),
}


def lines_of_code(path):
    """Lines that hold code: no blanks, comments or docstrings."""
    text = path.read_text("utf-8")
    silent = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            silent.update(range(node.lineno, node.end_lineno + 1))
    rows = enumerate(text.splitlines(), 1)
    return sum(1 for at, row in rows if at not in silent and row.strip() and not row.lstrip().startswith("#"))


def write_digits(folder, mnist):
    """train.csv with 42,000 rows, the 8,000 at hand over and over; test.csv with 2,000 others."""
    header, *rows = gzip.decompress((mnist / "train.csv.gz").read_bytes()).decode().splitlines()
    many = [rows[row % len(rows)] for row in range(42_000)]
    Path(folder, "train.csv").write_text("\n".join([header, *many, ""]))
    Path(folder, "test.csv").write_bytes(gzip.decompress((mnist / "test.csv.gz").read_bytes()))


def resident(process):
    """Bytes that a process and its descendants hold now."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def watch(process, peak):
    """Keep the most in ``peak`` until the process ends."""
    try:
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            peak[0] = max(peak[0], resident(process))
            time.sleep(0.05)
    except psutil.NoSuchProcess:
        return


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(command, folder):
    """Seconds, seconds of processor, bytes and what was said."""
    start, used, peak = time.perf_counter(), processor_seconds(), [0]
    running = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    watcher = threading.Thread(target=watch, args=(psutil.Process(running.pid), peak))
    watcher.start()
    said, _ = running.communicate()
    seconds = time.perf_counter() - start
    watcher.join()
    if running.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{said}")
    return seconds, processor_seconds() - used, peak[0], said


def accuracy(said):
    """Of the weights that are kept (marked best), or else of the last epoch."""
    found = re.findall(r"^valid .*acc(?:uracy)? (\S+)(.*)$", said, re.M)
    return ([value for value, mark in found if "best" in mark] or [value for value, _ in found])[-1]


def table_row(job, path, command, folder):
    load = os.getloadavg()[0]
    seconds, processor, most, said = measured(command, folder)
    epochs = len(re.findall(r"^valid ", said, re.M))
    cells = (
        job,
        path.name,
        lines_of_code(path),
        *(f"{each:.0f}" for each in (seconds, processor, most / 1e6)),
    )
    return "| " + " | ".join(map(str, (*cells, accuracy(said), epochs, f"{load:.1f}"))) + " |"


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("jobs", nargs="*", metavar="JOB", help=", ".join(JOBS))
    words.add_argument("--data", type=Path, default=DATA)
    given = words.parse_args()
    print("| job | script | lines | seconds | processor s | peak MB | accuracy | epochs | load |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for job in given.jobs or JOBS:
        name, *both = JOBS[job]
        scripts = (HERE / f"{name}.py", ["-m", "stoker", "legacy"]), (HERE / f"{name}_in_stoker.py", [])
        with tempfile.TemporaryDirectory() as folder:
            if job == "mnist":
                write_digits(folder, given.data / "mnist")
            for (path, before), arguments in zip(scripts, both, strict=True):
                arguments = [str(given.data / "imdb") if word == "IMDB" else word for word in arguments]
                command = [sys.executable, *before, str(path), *arguments]
                print(table_row(job, path, command, folder), flush=True)


if __name__ == "__main__":
    main()

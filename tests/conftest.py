"""Where the tests find their stand-ins and the real data."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from hypothesis import settings

from compiling import compile_plainly
from property_examples import examples

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

# JAX, which reads this when it is imported, compiles a program once, and not anew in every worker of the
# tests, every process that they start and every model that needs the same one.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".pytest_cache" / "d" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")
compile_plainly()

# Garbage is looked for thirty times as rarely: of the objects that tracing and compiling take, most stay.
gc.set_threshold(20_000, 20, 20)

# A kernel's first call compiles it, which no deadline for an example should count.
settings.register_profile("stoker", deadline=None, max_examples=examples(100))
settings.load_profile("stoker")


@pytest.fixture
def in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that is spread over hosts is done by this process, without Ray."""
    from in_turn import outcomes

    monkeypatch.setattr("stoker.cluster.spreading.on_hosts", outcomes)


LONG = (
    "cli/test_train.py",
    "test_text_models.py",
    "legacy/test_table.py",
    "layers/test_sequences.py",
    "legacy/test_batches.py",
    "legacy/test_script.py",
    "legacy/test_faults.py",
    "faults/test_kills.py",
    "training/test_resuming.py",
    "transforms/test_ngrams.py",
    "transforms/test_sequences.py",
    "test_text_feed.py",
    "sources/test_spools.py",
    "transforms/test_cutting.py",
    "kernels/test_csv.py",
    "prefetch/test_deaths.py",
    "bad_input/test_odd_texts.py",
    "test_resume_command.py",
    "training/test_text_runs.py",
    "exploration/test_texts.py",
)
"""The longest files: a worker that came to one of them last would leave the others without work.

Where no kernel is on the disk yet, the first compiles most of them. Those behind it need none: another worker
does not compile the same ones at the same time.
"""


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(parent: pytest.Collector) -> Iterator[None]:
    """Look for doctests in the sources alone: for those of tests, each of their helpers would be imported."""
    option = parent.config.option
    wanted, option.doctestmodules = option.doctestmodules, False
    try:
        return (yield)
    finally:
        option.doctestmodules = wanted


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Have every other worker of the tests look into folders from the last file on.

    Where no bytecode is on the disk yet, two of them meet halfway: what each compiles the other finds.
    """
    report = yield
    if _is_every_other_worker() and isinstance(collector, pytest.Directory):
        report.result.reverse()
    return report


def _is_every_other_worker() -> bool:
    return os.environ.get("PYTEST_XDIST_WORKER", "gw0")[-1] in "13579"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; every worker has them all in the same order."""
    tests = str(Path(__file__).parent) + os.sep
    rank = {tests + name: place for place, name in enumerate(LONG)}

    def place(item: pytest.Item) -> tuple[int, bool, str]:
        path = str(item.path)
        return rank.get(path, len(LONG)), not path.startswith(tests), path

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without collecting garbage: all that is made of them stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    _leave_alone_what_stays()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if nextitem is None or nextitem.path != item.path:
        _leave_alone_what_stays()


def _leave_alone_what_stays() -> None:
    """Have no collection of garbage look again at libraries and tests, nor at what a file of tests left.

    These are millions of objects, most of them what JAX keeps of the programs that it compiled: a single
    `gc.collect()` of a test, and the last of the session, would take the better part of a second.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _interrupts_arrive() -> None:
    """A shell that starts the tests in the background has them ignore Ctrl-C, which some of them press."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _called_by_its_name() -> None:
    """What says how to call stoker again says it alike, whether `pytest` or `python -m pytest` was called."""
    if Path(sys.argv[0]).name == "__main__.py":
        sys.argv[0] = "pytest"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project; the test skips where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real data are not here: {SHARED_DATA} is no folder")
    return SHARED_DATA


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, the test's own; the user's cache directory lies beside it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    return folder


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory, which only root may mount."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a file system needs root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)

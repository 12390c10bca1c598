"""Checkpoints on disk are whole or passed over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kept_checkpoints import made_checkpoint

from property_examples import examples
from stoker.checkpoints import CheckpointStore, packages
from stoker.errors import OptionError, RunError


def failing(error: Exception) -> Any:
    raise error


def names(store: CheckpointStore) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir())


def test_what_is_written_is_read_again_bit_for_bit(tmp_path):
    store = CheckpointStore(tmp_path)
    written = made_checkpoint(12)
    path = store.write(written)
    found = store.read(path)
    assert path.name == "step-000000000012"
    assert found.manifest == written.manifest
    for name, array in written.arrays.items():
        assert found.arrays[name].dtype == array.dtype
        assert np.array_equal(found.arrays[name], array)
    assert sorted(each.name for each in path.iterdir()) == ["arrays.bin", "manifest.json"]


def test_numbers_that_numpy_has_not_come_back(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    checkpoint = made_checkpoint(1)
    arrays = {**checkpoint.arrays, "v0": np.arange(5).astype(ml_dtypes.bfloat16)}
    store = CheckpointStore(tmp_path)
    path = store.write(type(checkpoint)(manifest=checkpoint.manifest, arrays=arrays))
    assert store.read(path).arrays["v0"].dtype == ml_dtypes.bfloat16


def test_numbers_in_the_order_of_another_machine_are_the_same_numbers(tmp_path):
    checkpoint = made_checkpoint(1)
    arrays = {**checkpoint.arrays, "v0": np.arange(5).astype(">f4")}
    store = CheckpointStore(tmp_path)
    path = store.write(type(checkpoint)(manifest=checkpoint.manifest, arrays=arrays))
    assert store.read(path).arrays["v0"].tolist() == [0, 1, 2, 3, 4]


def test_the_newest_few_are_kept(tmp_path):
    store = CheckpointStore(tmp_path, keep=2)
    for step in (3, 5, 9):
        store.write(made_checkpoint(step))
    assert names(store) == ["step-000000000005", "step-000000000009"]
    assert store.newest().step == 9


def test_what_lies_ahead_of_the_run_goes_when_it_is_written_on(tmp_path):
    store = CheckpointStore(tmp_path)
    for step in (3, 9, 5):
        store.write(made_checkpoint(step))
    assert names(store) == ["step-000000000003", "step-000000000005"]


def test_none_is_found_where_none_is(tmp_path):
    assert CheckpointStore(tmp_path / "absent").newest() is None


def test_at_least_one_must_be_kept(tmp_path):
    with pytest.raises(OptionError, match="keep_checkpoints must be at least 1, got 0"):
        CheckpointStore(tmp_path, keep=0)


@given(data=st.data())
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_or_a_cut_is_noticed_and_the_one_before_is_taken(tmp_path_factory, data):
    store = CheckpointStore(tmp_path_factory.mktemp("run"))
    store.write(made_checkpoint(3))
    newest = store.write(made_checkpoint(5))
    file = newest / data.draw(st.sampled_from(["manifest.json", "arrays.bin"]))
    content = bytearray(file.read_bytes())
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(content) - 2))
        if file.name == "arrays.bin" and 140 <= place < 192:
            return  # between two arrays nothing is said
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        content = content[: data.draw(st.integers(0, len(content) - 2))]
    file.write_bytes(content)
    said: list[str] = []
    found = store.newest(said.append)
    assert found is not None
    assert found.step == 3
    assert len(said) == 1
    assert said[0].endswith("; the checkpoint before it is taken")
    assert str(newest) in said[0]


@pytest.mark.parametrize("name", ["manifest.json", "arrays.bin"])
def test_a_file_that_is_gone_is_noticed(tmp_path, name):
    store = CheckpointStore(tmp_path)
    path = store.write(made_checkpoint(3))
    (path / name).unlink()
    with pytest.raises(RunError, match="cannot be read"):
        store.read(path)
    assert store.newest() is None


def test_what_cannot_be_read_is_never_taken_for_nothing(tmp_path, monkeypatch):
    """Whoever began again would write over checkpoints that are whole when the disk answers again."""
    store = CheckpointStore(tmp_path)
    for step in (1, 2):
        store.write(made_checkpoint(step))
    monkeypatch.setattr(packages, "_read_array", lambda *known: failing(OSError(5, "Input/output error")))
    with pytest.raises(RunError, match=r"no checkpoint in .* can be read \(.*Input/output error\)"):
        store.newest()
    monkeypatch.setattr(
        type(tmp_path), "iterdir", lambda path: failing(PermissionError(13, "Permission denied"))
    )
    with pytest.raises(RunError, match="Permission denied"):
        store.newest()


def test_one_that_a_later_stoker_wrote_is_not_begun_over(tmp_path, monkeypatch):
    store = CheckpointStore(tmp_path)
    store.write(made_checkpoint(1))
    monkeypatch.setattr("stoker.checkpoints.store.FORMAT", 0)
    with pytest.raises(RunError, match="upgrade it"):
        store.newest()


def test_the_names_of_the_folders_above_are_on_the_disk_too(tmp_path, monkeypatch):
    synced: list[Path] = []
    monkeypatch.setattr("stoker.folders.sync_folder", synced.append)
    store = CheckpointStore(tmp_path / "run")
    for step in (1, 2):
        store.write(made_checkpoint(step))
    assert synced == [store.folder, tmp_path / "run", tmp_path, store.folder]


def test_a_checkpoint_under_another_step_s_name_is_refused(tmp_path):
    store = CheckpointStore(tmp_path)
    path = store.write(made_checkpoint(3))
    path.rename(path.with_name("step-000000000004"))
    assert store.newest() is None


def test_a_write_that_fails_leaves_the_others_and_nothing_else(tmp_path, monkeypatch):
    store = CheckpointStore(tmp_path)
    store.write(made_checkpoint(3))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            store.write(made_checkpoint(5))
    assert names(store) == ["step-000000000003"]
    assert store.newest().step == 3


@pytest.mark.timeout(60)
def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    killed = f"""
    import os, signal, sys
    sys.path.insert(0, {str(Path(__file__).parent)!r})
    from pathlib import Path
    from kept_checkpoints import made_checkpoint
    from stoker.checkpoints import CheckpointStore, packages
    CheckpointStore(Path({str(tmp_path)!r})).write(made_checkpoint(1))
    os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
    CheckpointStore(Path({str(tmp_path)!r})).write(made_checkpoint(2))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(killed)], check=False)
    assert done.returncode == -signal.SIGKILL
    store = CheckpointStore(tmp_path)
    left = [name for name in names(store) if name.startswith(".building-")]
    assert len(left) == 1
    assert store.newest().step == 1
    store.write(made_checkpoint(2))
    assert names(store) == ["step-000000000001", "step-000000000002"]


def test_what_is_set_aside_again_and_again_is_all_kept(tmp_path):
    store = CheckpointStore(tmp_path)
    for count in (1, 1, 0):
        if count:
            store.write(made_checkpoint(5))
        assert store.set_aside() == count
    assert names(store) == ["damaged-step-000000000005", "damaged-step-000000000005-2"]
    assert store.newest() is None
    store.write(made_checkpoint(1))
    assert len(names(store)) == 3


def test_damaged_ones_are_kept_aside_and_no_more_than_the_last_three(tmp_path):
    store = CheckpointStore(tmp_path, keep=2)
    store.write(made_checkpoint(1))
    for step in range(2, 7):
        path = store.write(made_checkpoint(step))
        (path / "arrays.bin").write_bytes(b"")
        again = CheckpointStore(tmp_path, keep=2)
        assert again.newest().step == 1
        assert names(again)[-1] == path.name  # looking changes nothing
        again.write(made_checkpoint(6 if step == 6 else 1))  # its own place is taken, or it lies ahead
    assert names(store)[:3] == [f"damaged-step-00000000000{step}" for step in (4, 5, 6)]
    assert store.newest().step == 6

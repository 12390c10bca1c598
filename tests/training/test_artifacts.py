"""The models of a run directory are on the disk, under their names, when their save returns."""

from __future__ import annotations

import os

from stoker.training.artifacts import ModelFiles


def test_the_name_of_a_model_is_on_the_disk_before_a_checkpoint_that_knows_of_it(
    small_model, tmp_path, monkeypatch
):
    synced = []
    monkeypatch.setattr(
        "stoker.training.artifacts.sync_folder", lambda folder: synced.append((folder, os.listdir(folder)))
    )
    ModelFiles(tmp_path).save_best(small_model())
    assert synced == [(tmp_path, ["model.keras"])]

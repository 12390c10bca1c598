"""A Ray cluster of several nodes, each with one processor; run directories on disk and on S3."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from commands import CHECKPOINTED, TRAIN, answered, started, wait_for_a_checkpoint

from amazon_server import bucket, s3, settings  # noqa: F401 - fixtures
from stoker.cluster import quiet_ray

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def cluster(s3: int) -> Iterator[Any]:  # noqa: F811 - the fixture
    """Nodes that come and go, and know the store; nothing is computed on the one that keeps them together."""
    with quiet_ray(), pytest.MonkeyPatch.context() as environment:
        for name, value in settings(s3).items():
            environment.setenv(name, value)
        from ray.cluster_utils import Cluster

        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        try:
            yield made
        finally:
            made.shutdown()


@pytest.fixture
def nodes(cluster: Any) -> Iterator[list[Any]]:
    """Two nodes of one processor each."""
    found = [cluster.add_node(num_cpus=1) for _ in range(2)]
    try:
        yield found
    finally:
        for node in tuple(cluster.worker_nodes):
            cluster.remove_node(node)


GIVEN = """
import json, os
from stoker import distributed
from stoker.cluster.spreading import spread
from stoker.group import current

def seen():
    return os.environ.get("CUDA_VISIBLE_DEVICES", "")

training = distributed.run(lambda host: list(map(bytes.decode, current().gather(seen().encode()))), hosts=2)
scoring = list(spread(lambda: iter("ab"), lambda: lambda item: seen(), hosts=2))
print(json.dumps([training, scoring]))
"""


@pytest.mark.parametrize(("gpus", "seen"), [(1, "0"), (0, "")])
def test_each_process_is_given_a_gpu_where_there_is_one_for_each_and_none_elsewhere(
    folder, cluster, gpus, seen
):
    nodes = [cluster.add_node(num_cpus=1, num_gpus=gpus) for _ in range(2)]
    try:
        done = subprocess.run(
            [sys.executable, "-c", GIVEN],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=240,
            env=os.environ | {"JAX_PLATFORMS": "cpu", "RAY_ADDRESS": cluster.address},
        )
    finally:
        for node in nodes:
            cluster.remove_node(node)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [[seen, seen], [seen, seen]]


def test_a_node_that_is_lost_costs_time_and_nothing_else(folder, alone, cluster, nodes):
    run = folder / "lost-node"
    command = [*TRAIN, "--run", run.name, "--hosts", "2", *CHECKPOINTED]
    with started(folder, *command, RAY_ADDRESS=cluster.address) as process:
        wait_for_a_checkpoint(process, run)
        cluster.remove_node(nodes[0], allow_graceful=False)
        cluster.add_node(num_cpus=1)
        found = answered(process)

    assert found["digests"] == alone["digests"]
    assert found["metrics"] == pytest.approx(alone["metrics"], abs=2e-5)
    assert json.loads((run / "run.json").read_bytes())["training"]["hosts"] == 2


def test_a_run_on_s3_goes_on_with_another_number_of_hosts(
    folder,
    alone,
    cluster,
    nodes,
    bucket,  # noqa: F811 - the fixture
    tmp_path,
    monkeypatch,
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    address, there = "s3://bucket/runs/a", {"RAY_ADDRESS": cluster.address}
    begun = [*TRAIN, "--run", address, "--hosts", "2", *CHECKPOINTED]
    with started(folder, *begun, **there) as process:
        wait_for_objects(process, bucket, "bucket/runs/a/checkpoints")
        process.send_signal(signal.SIGINT)
        assert f"stoker resume {address}" in answered(process, code=130)["said"]

    cluster.add_node(num_cpus=1)
    with started(folder, "resume", address, "--hosts", "3", "--json", **there) as process:
        found = answered(process)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    with started(folder, "verify", address, "--json") as process:
        answered(process)

    assert found["run"] == address
    assert found["digests"] == alone["digests"]
    assert found["metrics"] == pytest.approx(alone["metrics"], abs=2e-5)


def wait_for_objects(process: Any, store: Any, folder: str) -> None:
    """Return once a whole checkpoint lies there."""
    from pyarrow import fs

    wanted = fs.FileSelector(folder, recursive=True, allow_not_found=True)
    while not any(each.base_name == "manifest.json" for each in store.get_file_info(wanted)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)

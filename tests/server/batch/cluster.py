"""A cluster of three Ray nodes on this machine, one of which can be killed.

Rule: imported by programs of their own only: Ray leaves threads, settings and handlers behind.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# Before Ray is imported: it reads the environment then.

import psutil
from ray.cluster_utils import Cluster

STORE_BYTES = 100 << 20
WAIT_SECONDS = 60
ATTEMPTS = 3


class Nodes:
    """A head without cores, and nodes with one core each."""

    def __init__(self, folder: str) -> None:
        """Start the head and two nodes; Ray's files go to a folder, whose path must be short."""
        common = {"include_dashboard": False, "object_store_memory": STORE_BYTES}
        self._cluster: Any = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "temp_dir": folder,
                **common,
                "_system_config": {"health_check_period_ms": 1000},
            },
        )
        try:
            self._nodes = [self._add(), self._add()]
            self._cluster.wait_for_nodes(WAIT_SECONDS)
        except BaseException:
            self.stop()
            raise

    @property
    def address(self) -> str:
        """HOST:PORT of the head."""
        return str(self._cluster.address)

    def kill_one(self) -> int:
        """Kill all processes of a node with SIGKILL, and say how many there were."""
        raylet = psutil.Process(self._nodes.pop(0).all_processes["raylet"][0].process.pid)
        killed = [raylet, *raylet.children(recursive=True)]
        for each in killed:
            with suppress(psutil.NoSuchProcess):  # the others may end with their raylet
                each.kill()
        return len(killed)

    def add_one(self) -> None:
        """Add a node, and wait until it is there."""
        self._nodes.append(self._add())

    def stop(self) -> None:
        """End all processes."""
        self._cluster.shutdown()

    def _add(self) -> Any:
        return self._cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)


def _started(folder: str) -> Nodes:
    """Start the nodes; Ray gives each of them 30 s, too few on a machine with other work."""
    for _ in range(ATTEMPTS - 1):
        with suppress(Exception):
            return Nodes(folder)
    return Nodes(folder)


@contextmanager
def three_nodes() -> Iterator[Nodes]:
    """Three nodes, until the end of the block."""
    # A path of a socket has at most 107 characters.
    folder = tempfile.mkdtemp(prefix="fw")
    try:
        nodes = _started(folder)
        try:
            yield nodes
        finally:
            nodes.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)

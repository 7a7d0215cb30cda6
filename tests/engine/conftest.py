"""A Ray cluster of several nodes on this machine, for the model and for the sandboxes alike."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

_QUICK_TO_NOTICE = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}
_STORE = 80 * 2**20  # the least that Ray takes


@dataclass
class Nodes:
    """The cluster: a head without processors, and nodes that come and go."""

    cluster: Cluster
    folder: str
    started: list[Any] = field(default_factory=list)

    def add(self) -> str:
        """A node more; its id."""
        node = self.cluster.add_node(
            num_cpus=1,
            object_store_memory=_STORE,
            include_log_monitor=False,
            temp_dir=self.folder,
        )
        self.started.append(node)
        return str(node.node_id)

    def kill(self, node_id: str) -> None:
        """What a power cut does to a node."""
        [node] = [node for node in self.started if node.node_id == node_id]
        self.started.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)

    def at_least(self, count: int) -> list[str]:
        """The ids of so many nodes, new ones among them if need be."""
        while len(self.started) < count:
            self.add()
        return [str(node.node_id) for node in self.started]


@pytest.fixture(scope="session")
def ray_nodes() -> Iterator[Nodes]:
    """A running cluster, and this process connected to it."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    from engine.cluster import connect, disconnect

    # Not one of pytest's own, which are too deep for a socket's path.
    folder = tempfile.mkdtemp(prefix="supercharge-ray-", dir="/tmp")
    # Ray notes its latest cluster's address in a folder that it does not make, and others may use.
    os.environ["RAY_TMPDIR"] = folder
    Path(folder, "ray").mkdir()
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "include_dashboard": False,
            "include_log_monitor": False,
            "object_store_memory": _STORE,
            "temp_dir": folder,
            "_system_config": _QUICK_TO_NOTICE,
        },
    )
    connect(cluster.address)
    yield Nodes(cluster, folder)
    disconnect()
    cluster.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def keep() -> Iterator[Callable[..., Any]]:
    """Closes what a test opens."""
    made: list[Any] = []

    def kept(thing: Any) -> Any:
        made.append(thing)
        return thing

    yield kept
    for thing in made:
        thing.close()

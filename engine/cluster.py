"""The process's connection to a Ray cluster, which the models and the sandboxes there share.

Ray has one connection per process: this counts who uses it. Nothing of this process's environment
goes to the cluster, and no cluster is ever started from here, since it would inherit all of it.
"""

from __future__ import annotations

import logging
import signal
import socket
import threading
from dataclasses import dataclass

import ray
from ray.exceptions import RayError, RayTaskError

NAMESPACE = "supercharge"
"""Actors are found by name in here, by every worker of the cluster."""

START_COMMAND = "ray start --head --disable-usage-stats --include-dashboard=false"
_ANSWER_S = 5.0


class NoCluster(Exception):
    """There is no cluster at the address, or it does not answer; the text is one line."""


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster that is alive. `is_here`: this process runs on it."""

    id: str
    address: str
    cpus: float
    gpus: float
    is_here: bool


class _Connection:
    """Ray's connection of this process, for as long as somebody uses it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._is_ours = False

    def open(self, address: str) -> None:
        with self._lock:
            if not ray.is_initialized():
                _init(address)
                self._is_ours = True
            self._users += 1

    def close(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._is_ours:
                self._is_ours = False
                ray.shutdown()


_connection = _Connection()


def connect(address: str) -> None:
    """Use the cluster at `address` (`host:port`, or `auto`: $RAY_ADDRESS, else the one that runs here).

    A process has one cluster: a second address is not looked at while the first is in use. Every call
    needs one of `disconnect`. Raises NoCluster.
    """
    _connection.open(address)


def disconnect() -> None:
    """Undo one `connect`; the last one ends the connection. What runs on the cluster is left alone."""
    _connection.close()


def nodes() -> list[Node]:
    """The machines that are alive. Raises NoCluster where the cluster does not answer."""
    try:
        here = ray.get_runtime_context().get_node_id()
        told = ray.nodes()
    except (RayError, ConnectionError, RuntimeError) as error:
        raise NoCluster(f"the Ray cluster does not answer: {_line(error)}") from error
    return [
        Node(
            id=node["NodeID"],
            address=node["NodeManagerAddress"],
            cpus=float(node["Resources"].get("CPU", 0)),
            gpus=float(node["Resources"].get("GPU", 0)),
            is_here=node["NodeID"] == here,
        )
        for node in told
        if node["Alive"]
    ]


def is_loss(error: RayError) -> bool:
    """Whether the error tells of a lost actor or node, not of an exception that the actor raised."""
    return not isinstance(error, RayTaskError)


def reason(error: BaseException) -> str:
    """The first line of an error's text."""
    return _line(error)


def _init(address: str) -> None:
    host, separator, port = address.rpartition(":")
    if separator and port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
        except OSError as error:
            raise NoCluster(f"no Ray cluster at {address}: {error.strerror or error}") from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    main = threading.current_thread() is threading.main_thread()
    kept = signal.getsignal(signal.SIGTERM) if main else None
    try:
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
    except (RayError, ConnectionError, RuntimeError, ValueError) as error:
        raise NoCluster(f"no Ray cluster at {address}: {_line(error)}") from error
    finally:
        if main:
            signal.signal(signal.SIGTERM, kept)  # Ray puts its own in this place


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

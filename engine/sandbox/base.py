"""The one shape that every sandbox has for the engine."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from engine.errors import BadInput
from engine.verdicts import PairResult

ENGINES = ("auto", "docker", "bubblewrap")
PLACES = ("local", "ray")
LINUX = frozenset({"", "runc"})
"""The runtimes under which candidates run on Linux itself: Docker's usual one."""


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Limits and choices of a sandbox.

    place             `local`, or `ray`: one sandbox on every node of a Ray cluster
    ray_address       the cluster's head, `host:port`; `auto` as in `[model]`
    ray_nodes         most nodes that one sandbox uses, this one first; 0 is all
    engine            `auto` (Docker if an engine answers, else bubblewrap), `docker`, `bubblewrap`
    docker_host       the engine's URL; empty looks at DOCKER_HOST, the usual socket, and the
                      private engine that the set-up starts
    image             a ready image; empty builds one and keeps it
    runtime           Docker's runtime; empty is the engine's default, `runsc` is gVisor. Where it is
                      named and missing nothing else is taken instead
    confirm_runtime   the same for what is confirmed before it ships, in a container of its own; empty
                      is `runtime`. gVisor costs seconds there, and far more for every pair
    memory_mb         most memory of the whole sandbox
    pids              most processes and threads at once
    cpus              most CPU, in cores
    tmpfs_mb          size of the only writable place
    output_kb         most output kept per pair
    allowed_packages  distributions that may be installed for candidates; nothing else ever is
    workers           pairs, or rows of one code's plain tests, run at the same time
    keep_warm         sandboxes that a worker keeps running while no request uses them, at most
    keep_warm_s       for how many seconds it does
    separate          run plain codes apart from their tests (fast, and a pass cannot be forged);
                      False runs every pair by pytest in one process
    """

    place: str = "local"
    ray_address: str = "auto"
    ray_nodes: int = 0
    engine: str = "auto"
    docker_host: str = ""
    image: str = ""
    runtime: str = ""
    confirm_runtime: str = ""
    memory_mb: int = 1024
    pids: int = 128
    cpus: float = 2.0
    tmpfs_mb: int = 64
    output_kb: int = 16
    allowed_packages: tuple[str, ...] = ()
    workers: int = 2
    keep_warm: int = 2
    keep_warm_s: float = 600.0
    separate: bool = True

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise BadInput(
                f"sandbox.engine must be one of {', '.join(ENGINES)}, not {self.engine!r}"
            )
        if self.place not in PLACES:
            raise BadInput(f"sandbox.place must be one of {', '.join(PLACES)}, not {self.place!r}")
        if self.ray_nodes < 0:
            raise BadInput(f"sandbox.ray_nodes must be at least 0, not {self.ray_nodes}")
        for key in ("keep_warm", "keep_warm_s"):
            if getattr(self, key) < 0:
                raise BadInput(f"sandbox.{key} must be at least 0, not {getattr(self, key)}")
        for key in ("runtime", "confirm_runtime"):
            if getattr(self, key) and self.engine == "bubblewrap":
                raise BadInput(
                    f"sandbox.{key} is Docker's: set sandbox.engine to docker, or leave it empty"
                )
        for key in ("memory_mb", "pids", "cpus", "tmpfs_mb", "output_kb", "workers"):
            if not getattr(self, key) > 0:
                raise BadInput(f"sandbox.{key} must be more than 0, not {getattr(self, key)}")

    @property
    def allowed_engines(self) -> tuple[str, ...]:
        """The engines that may be used, best first."""
        if self.engine != "auto":
            return (self.engine,)
        return ("docker",) if self.runtime or self.confirm_runtime else ("docker", "bubblewrap")

    def runtime_for(self, *, cold: bool) -> str:
        """Docker's runtime for a container that confirms (`cold`), or for one that screens."""
        return (self.confirm_runtime if cold else "") or self.runtime


@dataclass(frozen=True, slots=True)
class Project:
    """A project's own code, for candidates to import and not to change.

    `roots` are the folders whose content can be imported; of two files of one name the first counts.
    """

    roots: tuple[Path, ...]


class Sandbox(Protocol):
    """Runs codes against tests where they can do no harm. A context manager."""

    @property
    def description(self) -> str:
        """One line for the evidence: which engine, which isolation."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Promises that this sandbox cannot keep, each one line; empty for Docker as set up."""

    def run_pairs(
        self,
        codes: Mapping[str, str],
        tests: Mapping[str, str],
        *,
        entry_point: str,
        timeout_s: float = 10.0,
        pairs: Collection[tuple[str, str]] | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[PairResult]:
        """Run every code against every test, or only `pairs`, yielding each result as it is known.

        `codes` and `tests` map ids to module sources. A test reaches a code by
        `from <entry_point> import <entry_point>`. Each pair has a directory of its own and at most
        `timeout_s` seconds of wall-clock time. When `cancel` is set the iterator ends within
        seconds, and what has not run is not reported.

        Raises SandboxUnavailable when the engine is gone and could not be replaced; a pair hurt by
        the sandbox itself is reported as SANDBOX_ERROR after a second try.
        """

    def confirm(
        self,
        pair: tuple[str, str],
        code: str,
        test: str,
        *,
        entry_point: str,
        timeout_s: float = 10.0,
        cancel: threading.Event | None = None,
    ) -> PairResult:
        """Run one pair, `(code id, test id)`, by a cold pytest in a fresh place of its own.

        For what is about to ship: it takes seconds. The pair has a start's time on top of
        `timeout_s`. Raises Cancelled when `cancel` is set, SandboxUnavailable.
        """

    def close(self) -> None:
        """Stop everything that was started. Closing twice is fine."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

"""Pairs in, results out, over a runner in whatever place an engine gives it.

What Docker and bubblewrap share: the runner, started when it is first needed and replaced when it is
hurt, for all threads that run pairs here.
"""

from __future__ import annotations

import itertools
import json
import platform
import secrets
import threading
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, replace
from typing import IO, Any

from engine.closing import Closing
from engine.errors import BadInput, Cancelled, SandboxUnavailable
from engine.sandbox import codeserver, rootfs
from engine.sandbox.base import LINUX, Project, SandboxSettings
from engine.sandbox.connection import Connection, Engine, LinkLost
from engine.sandbox.plan import Plan
from engine.sandbox.project import with_project
from engine.sandbox.requirements import Layer, explain_missing, install, requirements_for
from engine.sandbox.run import POLL_S, Run
from engine.sandbox.turns import MACHINE, Cores, Turn, Turns
from engine.verdicts import PairResult

_START_S = 60.0
# On top of a pair's time, for a Python and a pytest that start on a busy machine.
_COLD_START_S = 20.0
_WINDOW_PER_SLOT = 2


class RunnerSandbox(Closing):
    """A sandbox that runs pairs through a warm runner. See `engine.sandbox.base.Sandbox`."""

    def __init__(
        self,
        engine: Engine,
        settings: SandboxSettings,
        *,
        cold: bool = False,
        project: Project | None = None,
        cores: Cores = MACHINE,
    ) -> None:
        """`cold`: every pair starts pytest from nothing. `project`: candidates can import its code.

        `cores`: the processors that this sandbox shares with others of this process.
        """
        self._cold = cold
        self._project = project
        self._engine = engine
        self._settings = settings
        self._connection: Connection | None = None
        self._ids = itertools.count(1)
        self._closed = False
        self._wanted: frozenset[str] = frozenset()
        self._layer: Layer | None = None
        self._files: IO[str] | None = None
        self._slots = max(1, min(settings.workers, rootfs.MAX_SLOTS)) if engine.many_users else 1
        self._cores, self._turns = cores, Turns(self._slots * _WINDOW_PER_SLOT, cores)
        self._connecting, self._installing = threading.RLock(), threading.Lock()

    @property
    def description(self) -> str:
        """One line for the evidence: which engine, which isolation."""
        return self._engine.description

    @property
    def warnings(self) -> tuple[str, ...]:
        """Promises that this sandbox cannot keep."""
        return self._engine.warnings

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
        """Run every code against every test, or only `pairs`, yielding results as they are known.

        Raises BadInput for an entry point that is no name or a pair that is not among the sources,
        SandboxUnavailable when the engine is gone.
        """
        if not entry_point.isidentifier():
            raise BadInput(f"{entry_point!r} is not a function's name")
        # As Python reads names: a test that imports `ﬁb` asks for `fib`.
        entry_point = unicodedata.normalize("NFKC", entry_point)
        wanted = list(itertools.product(codes, tests) if pairs is None else dict.fromkeys(pairs))
        for code, test in wanted:
            if code not in codes or test not in tests:
                raise BadInput(f"the pair {(code, test)!r} is not among the codes and tests")
        plan = Plan(
            wanted,
            codes,
            tests,
            entry_point=entry_point,
            separate=self._separates,
        )
        batch = {
            "type": "batch",
            "batch": next(self._ids),
            "entry_point": entry_point,
            "codes": {code: codes[code] for code, _ in wanted},
            "tests": {test: tests[test] for _, test in wanted},
            "plain": {test: asdict(known) for test, known in plan.plain.items()},
        }
        return self._run(plan, batch, timeout_s, cancel or threading.Event())

    @property
    def _separates(self) -> bool:
        """Whether a code can be run apart from its tests here.

        That takes two users and a fork that only Linux itself, Docker's usual runtime, is known to do.
        """
        settings = self._settings
        wanted = settings.separate and settings.runtime in LINUX
        return wanted and self._engine.many_users and platform.machine() in codeserver.MACHINES

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
        """Run one pair by a cold pytest in a place of its own. See `engine.sandbox.base.Sandbox`."""
        settings = replace(self._settings, workers=1, separate=False)
        fresh = RunnerSandbox(
            self._engine, settings, cold=True, project=self._project, cores=self._cores
        )
        fresh._wanted, fresh._layer = self._wanted, self._layer
        try:
            for result in fresh.run_pairs(
                {pair[0]: code},
                {pair[1]: test},
                entry_point=entry_point,
                timeout_s=timeout_s + _COLD_START_S,
                cancel=cancel,
            ):
                return result
        finally:
            fresh._disconnect()
        raise Cancelled("cancelled")

    def _run(
        self, plan: Plan, batch: dict[str, Any], timeout_s: float, cancel: threading.Event
    ) -> Iterator[PairResult]:
        run = Run(self, self._turns, self._ids, plan, batch, timeout_s, cancel, self._explain)
        with self._turns.join(timeout_s) as turn:
            try:
                self._provide_packages(batch, turn, cancel)
            except Cancelled:
                return
            yield from run.results(turn)

    def _explain(self, words: str) -> str:
        return explain_missing(words, self._settings.allowed_packages, self._layer)

    def _provide_packages(
        self, batch: Mapping[str, Any], turn: Turn, cancel: threading.Event
    ) -> None:
        """Install what these sources need beyond what earlier ones did, if anything is allowed.

        The runner that lacks it is replaced, once nobody has anything in flight there.
        """
        allowed = self._settings.allowed_packages
        if not allowed:
            return
        sources = [*batch["codes"].values(), *batch["tests"].values()]
        found = requirements_for(sources, allowed=allowed, entry_point=batch["entry_point"])
        with self._installing:
            wanted = self._wanted | set(found.wanted)
            if wanted == self._wanted:
                return
            layer = install(wanted, allowed=allowed, cancel=cancel)
            while not self._turns.room(turn, 0, alone=True):
                if cancel.is_set():
                    raise Cancelled("cancelled")
                self._turns.wait(turn, POLL_S)
            with self._connecting:
                self._wanted, self._layer = wanted, layer
                self._disconnect()

    def connect(self) -> Connection:
        """The runner, started if there is none. Raises SandboxUnavailable."""
        with self._connecting:
            return self._connect()

    def disconnect(self, connection: Connection) -> None:
        """End that runner, if it is still the one in use."""
        with self._connecting:
            if self._connection is connection:
                self._disconnect()

    def _connect(self) -> Connection:
        if self._closed:
            raise SandboxUnavailable("the sandbox is closed", remedy="open a new one")
        if self._connection is None or not self._connection.is_alive:
            # One that ended while nobody used it is no run's loss.
            self._disconnect()
            arguments = json.dumps(self._runner_settings())
            layer = with_project(self._layer, self._project) if self._project else self._layer
            if layer is not None and layer.directory is not None:
                self._files = rootfs.hold(layer.directory)
            link = self._engine.launch(arguments, slots=self._slots, layer=layer, cold=self._cold)
            connection = Connection(link)
            try:
                started = connection.started(_START_S)
            except LinkLost as error:
                connection.close()
                raise SandboxUnavailable(
                    f"the sandbox's runner ended while it started: {error}",
                    remedy=self._engine.remedy,
                ) from error
            if not started:
                connection.close()
                raise SandboxUnavailable(
                    f"the sandbox's runner did not start within {_START_S:.0f} s",
                    remedy=self._engine.remedy,
                )
            self._connection = connection
        return self._connection

    def _runner_settings(self) -> dict[str, Any]:
        settings, slots = self._settings, self._slots
        # Random, so that the limits per user of two sandboxes on one machine do not add up.
        first_uid = 100_000 + secrets.randbelow(10_000_000) * 2 * rootfs.MAX_SLOTS
        return {
            "slots": slots,
            # Two for each slot: its codes', and the next one for its tests.
            "uids": [first_uid + 2 * index for index in range(slots)]
            if self._engine.many_users
            else [],
            "cold": self._cold,
            "dies_with_parent": self._engine.dies_with_parent,
            "slots_dir": rootfs.SLOTS_DIR,
            "ini_file": rootfs.INI_FILE,
            "environment": rootfs.ENVIRONMENT,
            "memory": (settings.memory_mb << 20) * 3 // 4 // slots,
            "processes": max(8, (settings.pids - 8) // slots) + self._engine.user_processes(),
            "file_size": settings.tmpfs_mb << 20,
            "output": settings.output_kb << 10,
        }

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        files, self._files = self._files, None
        if files is not None:
            files.close()

    def close(self) -> None:
        """Stop everything that was started. Closing twice is fine."""
        self._closed = True
        self._disconnect()
        self._engine.close()

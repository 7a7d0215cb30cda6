"""Pairs in, results out, over a runner in whatever place an engine gives it.

What Docker and bubblewrap share: the queue of pairs, a second try for those that a dying runner
took with it, and the end of everything when somebody cancels.
"""

from __future__ import annotations

import itertools
import json
import secrets
import threading
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from engine.errors import BadInput, Cancelled, SandboxUnavailable
from engine.sandbox import rootfs
from engine.sandbox.base import SandboxSettings
from engine.sandbox.connection import Connection, Engine, LinkLost
from engine.sandbox.requirements import Layer, explain_missing, install, requirements_for
from engine.verdicts import PairResult, Verdict

_START_S = 60.0
_STALL_S = 15.0
_POLL_S = 0.2
_WINDOW_PER_SLOT = 2
_TRIES = 2

Pair = tuple[str, str]


class RunnerSandbox:
    """A sandbox that runs pairs through a warm runner. See `engine.sandbox.base.Sandbox`."""

    def __init__(self, engine: Engine, settings: SandboxSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._connection: Connection | None = None
        self._ids = itertools.count(1)
        self._closed = False
        self._wanted: frozenset[str] = frozenset()
        self._layer: Layer | None = None
        self._slots = max(1, min(settings.workers, rootfs.MAX_SLOTS)) if engine.many_users else 1

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
        pairs: Collection[Pair] | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[PairResult]:
        """Run every code against every test, or only `pairs`, yielding results as they are known.

        Raises BadInput for an entry point that is no name or a pair that is not among the sources,
        SandboxUnavailable when the engine is gone.
        """
        if not entry_point.isidentifier():
            raise BadInput(f"{entry_point!r} is not a function's name")
        wanted = list(itertools.product(codes, tests) if pairs is None else dict.fromkeys(pairs))
        for code, test in wanted:
            if code not in codes or test not in tests:
                raise BadInput(f"the pair {(code, test)!r} is not among the codes and tests")
        batch = {
            "type": "batch",
            "batch": next(self._ids),
            "entry_point": entry_point,
            "codes": dict(codes),
            "tests": dict(tests),
        }
        return self._run(wanted, batch, timeout_s, cancel or threading.Event())

    def _run(
        self, wanted: list[Pair], batch: dict[str, Any], timeout_s: float, cancel: threading.Event
    ) -> Iterator[PairResult]:
        fresh, again = deque(wanted), deque[Pair]()
        tries: Counter[Pair] = Counter()
        in_flight: dict[int, Pair] = {}
        informed: Connection | None = None
        try:
            self._provide_packages(batch, cancel)
            while (fresh or again or in_flight) and not cancel.is_set():
                try:
                    connection = self._connect()
                    if connection is not informed:
                        connection.send(batch)
                        informed = connection
                    self._feed(connection, fresh, again, in_flight, batch, timeout_s)
                    result = self._next(connection, in_flight, timeout_s, cancel)
                except LinkLost as error:
                    self._disconnect()
                    hurt, in_flight = list(in_flight.values()), {}
                    for pair in hurt:
                        tries[pair] += 1
                        if tries[pair] < _TRIES:
                            again.append(pair)
                        else:
                            yield _our_fault(pair, str(error))
                    continue
                if result is not None:
                    yield result
        except Cancelled:
            return
        finally:
            if in_flight:
                self._abort()

    def _provide_packages(self, batch: Mapping[str, Any], cancel: threading.Event) -> None:
        """Install what these sources need beyond what earlier ones did, if anything is allowed."""
        allowed = self._settings.allowed_packages
        if not allowed:
            return
        sources = [*batch["codes"].values(), *batch["tests"].values()]
        found = requirements_for(sources, allowed=allowed, entry_point=batch["entry_point"])
        wanted = self._wanted | set(found.wanted)
        if wanted != self._wanted:
            layer = install(wanted, allowed=allowed, cancel=cancel)
            self._wanted, self._layer = wanted, layer
            self._disconnect()

    def _feed(
        self,
        connection: Connection,
        fresh: deque[Pair],
        again: deque[Pair],
        in_flight: dict[int, Pair],
        batch: Mapping[str, Any],
        timeout_s: float,
    ) -> None:
        """Keep the runner busy.

        Pairs on their second try go one at a time, so that they pay only for themselves.
        """
        while again or fresh:
            source, window = (again, 1) if again else (fresh, self._slots * _WINDOW_PER_SLOT)
            if len(in_flight) >= window:
                return
            code, test = source.popleft()
            number = next(self._ids)
            in_flight[number] = (code, test)
            connection.send(
                {
                    "type": "pair",
                    "id": number,
                    "batch": batch["batch"],
                    "code": code,
                    "test": test,
                    "timeout_s": timeout_s,
                }
            )

    def _next(
        self,
        connection: Connection,
        in_flight: dict[int, Pair],
        timeout_s: float,
        cancel: threading.Event,
    ) -> PairResult | None:
        """The next result, or None when cancelled. Raises LinkLost when none comes in time."""
        waited = 0.0
        while not cancel.is_set():
            message = connection.receive(_POLL_S)
            if message is None:
                waited += _POLL_S
                if waited > timeout_s + _STALL_S:
                    raise LinkLost(f"the runner said nothing for {waited:.0f} s")
            elif message.get("type") == "result" and message["id"] in in_flight:
                return self._result(in_flight.pop(message["id"]), message)
        return None

    def _result(self, pair: Pair, message: Mapping[str, Any]) -> PairResult:
        error, words = str(message["error"]), str(message["message"])
        if error == "ModuleNotFoundError":
            words = explain_missing(words, self._settings.allowed_packages, self._layer)
        return PairResult(
            code_id=pair[0],
            test_id=pair[1],
            verdict=Verdict(message["verdict"]),
            seconds=float(message["seconds"]),
            error=error,
            message=words,
            output=str(message["output"]),
        )

    def _connect(self) -> Connection:
        if self._closed:
            raise SandboxUnavailable("the sandbox is closed", remedy="open a new one")
        if self._connection is None:
            arguments = json.dumps(self._runner_settings())
            connection = Connection(
                self._engine.launch(arguments, slots=self._slots, layer=self._layer)
            )
            try:
                message = connection.receive(_START_S)
            except LinkLost as error:
                connection.close()
                raise SandboxUnavailable(
                    f"the sandbox's runner ended while it started: {error}",
                    remedy=self._engine.remedy,
                ) from error
            if message is None:
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
        first_uid = 100_000 + secrets.randbelow(10_000_000) * 100
        return {
            "slots": slots,
            "uids": [first_uid + index for index in range(slots)]
            if self._engine.many_users
            else [],
            "dies_with_parent": self._engine.dies_with_parent,
            "slots_dir": rootfs.SLOTS_DIR,
            "ini_file": rootfs.INI_FILE,
            "environment": rootfs.ENVIRONMENT,
            "memory": (settings.memory_mb << 20) * 3 // 4 // slots,
            "processes": max(8, (settings.pids - 8) // slots) + self._engine.user_processes(),
            "file_size": settings.tmpfs_mb << 20,
            "output": settings.output_kb << 10,
        }

    def _abort(self) -> None:
        if self._connection is not None:
            try:
                self._connection.send({"type": "abort"})
            except LinkLost:
                self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Stop everything that was started. Closing twice is fine."""
        self._closed = True
        self._disconnect()
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _our_fault(pair: Pair, reason: str) -> PairResult:
    return PairResult(
        code_id=pair[0],
        test_id=pair[1],
        verdict=Verdict.SANDBOX_ERROR,
        error="sandbox",
        message=reason or "the sandbox broke twice on this pair",
    )

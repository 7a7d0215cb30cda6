"""Pairs in, results out, over the sandboxes of all nodes."""

from __future__ import annotations

import itertools
import logging
import threading
import uuid
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from engine import cluster
from engine.closing import Closing
from engine.errors import BadInput, Cancelled, SandboxUnavailable
from engine.sandbox.base import Project, SandboxSettings
from engine.sandbox.ray.host import Batch, Opened, SandboxHost, Unavailable, packed
from engine.verdicts import PairResult, Verdict

logger = logging.getLogger(__name__)

ROW = 64
"""Most tests of one code that go to a node together: a new code costs its node two processes."""

MOST_LOSSES = 3
"""A pair that so many nodes were lost over is our fault, and is not given to one more."""

MOST_STARTS = 3
"""How often a sandbox is started on a node where it was lost before."""

POLL_S = 0.1
CLOSE_S = 5.0
REMEDY = "see `ray status`, and `supercharge doctor` on the nodes"

Pair = tuple[str, str]


@dataclass(eq=False, slots=True)
class Host:
    """One node's sandbox, as the driver knows it. `opened` is None until it is open."""

    node_id: str
    actor: Any
    opening: Any
    opened: Opened | None = None
    busy: bool = False


class RaySandbox(Closing):
    """The nodes' sandboxes as one. See `engine.sandbox.base.Sandbox`.

    Its actors belong to this process and end with it. A node that joins is used from the next call on.
    """

    def __init__(self, settings: SandboxSettings, files: Any) -> None:
        """`files` is the project, as Ray's reference to `host.Files` or to None."""
        self._settings = settings
        self._files = files
        self._hosts: dict[str, Host] = {}
        self._starts: Counter[str] = Counter()
        self._why = Unavailable("no node of the cluster has processors", REMEDY)
        self._is_open = True

    @classmethod
    def open(cls, settings: SandboxSettings, project: Project | None = None) -> Self:
        """Connect, and wait for a first node's sandbox. Raises SandboxUnavailable."""
        try:
            cluster.connect(settings.ray_address)
        except cluster.NoCluster as error:
            raise SandboxUnavailable(str(error), remedy=cluster.START_COMMAND) from error
        sandbox = cls(settings, ray.put(packed(project) if project else None))
        try:
            sandbox._look()
            while not sandbox._ready():
                sandbox._await_opening()
        except BaseException:
            sandbox.close()
            raise
        return sandbox

    @property
    def description(self) -> str:
        """One line for the evidence: how many nodes, and what the first one's sandbox says."""
        ready = self._ready()
        first = ready[0].opened.description if ready and ready[0].opened else "none"
        return f"Ray on {len(ready)} nodes: {first}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """Promises that some node's sandbox cannot keep."""
        told = (host.opened.warnings for host in self._ready() if host.opened)
        return tuple(dict.fromkeys(itertools.chain.from_iterable(told)))

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
        """As the protocol says. What a lost node had not reported runs on another.

        Raises SandboxUnavailable when no node is left; what is owed then has no result.
        """
        if not entry_point.isidentifier():
            raise BadInput(f"{entry_point!r} is not a function's name")
        wanted = list(itertools.product(codes, tests) if pairs is None else dict.fromkeys(pairs))
        for code, test in wanted:
            if code not in codes or test not in tests:
                raise BadInput(f"the pair {(code, test)!r} is not among the codes and tests")
        sources = _Sources(codes, tests, entry_point, timeout_s)
        return _Run(self, sources, _rows(wanted), cancel or threading.Event()).results()

    def confirm(
        self,
        pair: Pair,
        code: str,
        test: str,
        *,
        entry_point: str,
        timeout_s: float = 10.0,
        cancel: threading.Event | None = None,
    ) -> PairResult:
        """As the protocol says, on whichever node is there."""
        cancel = cancel or threading.Event()
        batch = _Sources({pair[0]: code}, {pair[1]: test}, entry_point, timeout_s).batch([pair])
        self._look()
        while not cancel.is_set():
            if not (ready := self._ready()):
                self._await_opening()
                continue
            ref = ready[0].actor.confirm.remote(batch)
            while not ray.wait([ref], timeout=POLL_S)[0]:
                if cancel.is_set():
                    ready[0].actor.cancel.remote(batch.id)
                    raise Cancelled("cancelled")
            told = self._told(ready[0], ref)
            if isinstance(told, PairResult):
                return told
            if told is None:
                break
        raise Cancelled("cancelled")

    def close(self) -> None:
        """Stop every node's sandbox. Closing twice is fine."""
        if not self._is_open:
            return
        self._is_open = False
        closing = [host.actor.close.remote() for host in self._hosts.values()]
        if closing:
            ray.wait(closing, num_returns=len(closing), timeout=CLOSE_S)
        for host in self._hosts.values():
            ray.kill(host.actor)
        self._hosts.clear()
        cluster.disconnect()

    # -- the nodes ---------------------------------------------------------------------------------

    def _ready(self) -> list[Host]:
        return [host for host in self._hosts.values() if host.opened]

    def _look(self) -> None:
        """Start a sandbox on every node that has none yet."""
        if not self._is_open:
            raise SandboxUnavailable("the sandbox is closed", remedy="open a new one")
        try:
            nodes = cluster.nodes()
        except cluster.NoCluster as error:
            raise SandboxUnavailable(str(error), remedy=REMEDY) from error
        most = self._settings.ray_nodes or len(nodes)
        for node in sorted(nodes, key=lambda node: not node.is_here):
            is_new = node.id not in self._hosts and self._starts[node.id] < MOST_STARTS
            if node.cpus and is_new and len(self._hosts) < most:
                self._starts[node.id] += 1
                place = NodeAffinitySchedulingStrategy(node.id, soft=False)
                actor = (
                    _actor_class()
                    .options(num_cpus=0, scheduling_strategy=place)
                    .remote(self._settings, self._files)
                )
                self._hosts[node.id] = Host(node.id, actor, actor.opened.remote())

    def _await_opening(self, timeout_s: float = POLL_S) -> None:
        """Wait for one more node's sandbox. Raises SandboxUnavailable when none is left or to come."""
        if not self._hosts:
            self._look()
        if not self._hosts:
            raise SandboxUnavailable(self._why.text, remedy=self._why.remedy)
        opening = {host.opening: host for host in self._hosts.values() if not host.opened}
        if not opening:
            return
        done, _ = ray.wait(list(opening), num_returns=1, timeout=timeout_s)
        for ref in done:
            told = self._told(opening[ref], ref)
            if isinstance(told, Opened):
                opening[ref].opened = told

    def _told(self, host: Host, ref: Any) -> Any:
        """What the host's reference holds. A host that is lost, or has no sandbox, is left out."""
        try:
            told = ray.get(ref)
        except RayError as error:
            if not cluster.is_loss(error):
                raise
            told = Unavailable(f"a node was lost: {cluster.reason(error)}", REMEDY)
        if isinstance(told, Unavailable):
            self._lose(host, told)
        return told

    def _lose(self, host: Host, why: Unavailable) -> None:
        self._why = why
        logger.warning("the sandbox on node %s is left out: %s", host.node_id[:8], why.text)
        if self._hosts.pop(host.node_id, None):
            ray.kill(host.actor)


@dataclass(frozen=True, slots=True)
class _Row:
    """Tests of one code."""

    code: str
    tests: tuple[str, ...]


def _rows(wanted: Sequence[Pair]) -> deque[_Row]:
    by_code: dict[str, list[str]] = {}
    for code, test in wanted:
        by_code.setdefault(code, []).append(test)
    return deque(
        _Row(code, tuple(tests[start : start + ROW]))
        for code, tests in by_code.items()
        for start in range(0, len(tests), ROW)
    )


@dataclass(frozen=True, slots=True)
class _Sources:
    """What all batches of one call are cut from."""

    codes: Mapping[str, str]
    tests: Mapping[str, str]
    entry_point: str
    timeout_s: float

    def batch(self, pairs: Sequence[Pair]) -> Batch:
        return Batch(
            id=uuid.uuid4().hex,
            codes={code: self.codes[code] for code, _ in pairs},
            tests={test: self.tests[test] for _, test in pairs},
            pairs=tuple(pairs),
            entry_point=self.entry_point,
            timeout_s=self.timeout_s,
        )


@dataclass(slots=True)
class _Given:
    """A batch that a host has, and what it still owes of it."""

    host: Host
    batch: Batch
    owed: set[Pair]


@dataclass
class _Run:
    """One call of `run_pairs`: every pair waits, is owed by one host, or is known."""

    sandbox: RaySandbox
    sources: _Sources
    waiting: deque[_Row]
    cancel: threading.Event
    _given: dict[Any, _Given] = field(default_factory=dict)
    _losses: Counter[Pair] = field(default_factory=Counter)

    def results(self) -> Iterator[PairResult]:
        self.sandbox._look()
        try:
            while (self.waiting or self._given) and not self.cancel.is_set():
                if self.waiting:
                    self.sandbox._await_opening(0.0 if self._given or self._idle() else POLL_S)
                    self._hand_out()
                yield from self._arrived()
        finally:
            self._stop()

    def _idle(self) -> bool:
        return any(not host.busy for host in self.sandbox._ready())

    def _hand_out(self) -> None:
        """Give every idle host its share of what waits: half of an even part, so that all end together.

        Guided self-scheduling (Polychronopoulos and Kuck, 1987).
        """
        ready = self.sandbox._ready()
        for host in ready:
            if host.busy or not self.waiting:
                continue
            share = sum(len(row.tests) for row in self.waiting) / (2 * len(ready))
            pairs: list[Pair] = []
            while self.waiting and len(pairs) < max(share, 1):
                row = self.waiting.popleft()
                pairs += [(row.code, test) for test in row.tests]
            batch = self.sources.batch(pairs)
            stream = host.actor.run_pairs.options(num_returns="streaming").remote(batch)
            host.busy = True
            self._given[stream] = _Given(host, batch, set(pairs))

    def _arrived(self) -> Iterator[PairResult]:
        """What has come within a moment, from whichever node."""
        if not self._given:
            return
        ready, _ = ray.wait(list(self._given), num_returns=1, timeout=POLL_S, fetch_local=False)
        for stream in ready:
            given = self._given[stream]
            try:
                ref = next(stream)
            except StopIteration:
                yield from self._end(stream)
                continue
            told = self.sandbox._told(given.host, ref)
            if isinstance(told, PairResult):
                given.owed.discard(told.pair)
                yield told
            else:
                yield from self._end(stream)

    def _end(self, stream: Any) -> Iterator[PairResult]:
        """The host is done with its batch, or gone: what it owes waits again, but not for ever."""
        given = self._given.pop(stream)
        given.host.busy = False
        if self.cancel.is_set():
            return
        for pair in [pair for pair in given.batch.pairs if pair in given.owed]:
            self._losses[pair] += 1
            if self._losses[pair] < MOST_LOSSES:
                self.waiting.appendleft(_Row(pair[0], (pair[1],)))
                continue
            message = f"{MOST_LOSSES} nodes were lost over this pair"
            yield PairResult(*pair, Verdict.SANDBOX_ERROR, error="sandbox", message=message)

    def _stop(self) -> None:
        """Nobody listens any more: let the hosts end what they still run."""
        for given in self._given.values():
            given.host.actor.cancel.remote(given.batch.id)
            given.host.busy = False
        self._given.clear()


@cache
def _actor_class() -> Any:
    class NodeSandbox(SandboxHost):
        pass

    NodeSandbox.cancel = ray.method(concurrency_group="light")(SandboxHost.cancel)  # type: ignore[method-assign]
    return ray.remote(concurrency_groups={"light": 1}, max_concurrency=4)(NodeSandbox)

"""A cluster as a network of queues, played event by event: who is busy when asks go round.

Pure: figures in, rates and shares out; nothing here touches a clock or a machine. Each worker keeps a
fixed number of asks in flight, and each ask goes

    worker → a replica's cards → worker (clean, grow the pool) → sandbox → worker (results) → database

while every worker also looks round at the cluster's nodes, which the head answers.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial


class Part(StrEnum):
    """What can be busy: a node's cards, worker thread and sandbox; Ray's head; the database."""

    CARDS = "cards"
    WORKER = "worker"
    SANDBOX = "sandbox"
    HEAD = "head"
    DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Figures:
    """What everything costs, in seconds of the part that does it, and how much of it there is.

    samples       replies per ask
    card_s        a node's cards, per reply, with a full batch
    ask_s         the worker: a prompt and the calls that start an ask
    reply_s       the worker: a reply received, cleaned, put into the pool
    stream_s      the worker: what of that is receiving it over Ray
    pairs         pairs that a reply leads to
    pair_s        one core of the sandbox, per pair
    result_s      the worker: a result received and put into the pool
    cores         cores of a node that its sandbox has
    row_s         one core of the database, per row; a reply is one, a result is one
    commit_s      one core of the database, per append
    append_s      the worker: an append, whatever is in it
    appends       appends per ask
    db_cores      cores of the database
    answer_s      the head, per answer to a look round; `node_s` more for every node in it
    look_s        seconds between two looks of one worker; `look_node_s` more for every node
    beat_s        the head, per node and second, for knowing that it is alive
    replicas      most replicas that one worker uses
    ahead         asks per replica that a worker has waiting beside the one that runs
    asks_per_search, calls_per_search, writes_per_search
                  asks that a search takes, and calls to GitHub: all, and those that write
    """

    samples: int = 14
    card_s: float = 0.12
    ask_s: float = 0.005
    reply_s: float = 0.05
    stream_s: float = 0.00055
    pairs: float = 30.0
    pair_s: float = 0.006
    result_s: float = 0.0005
    cores: int = 16
    row_s: float = 0.00005
    commit_s: float = 0.00045
    append_s: float = 0.0018
    appends: float = 30.0
    db_cores: int = 16
    answer_s: float = 0.0003
    node_s: float = 0.000005
    look_s: float = 2.0
    look_node_s: float = 0.05
    beat_s: float = 0.0008
    replicas: int = 4
    ahead: int = 1
    asks_per_search: float = 4.0
    calls_per_search: float = 48.0
    writes_per_search: float = 19.0

    def demand(self, part: Part, nodes: int) -> float:
        """Seconds that one ask takes of a part, divided by how many there are of it in all.

        No more than 1 / demand asks per second go through (the bottleneck law). What the head does
        depends on the nodes alone.
        """
        replies = self.samples
        return {
            Part.CARDS: replies * self.card_s / nodes,
            Part.WORKER: (self.ask_s + replies * self.reply_s + self.growing_s) / nodes,
            Part.SANDBOX: replies * self.pairs * self.pair_s / (self.cores * nodes),
            Part.DATABASE: self.database_s / self.db_cores,
            Part.HEAD: 0.0,
        }[part]

    @property
    def growing_s(self) -> float:
        """The worker, per ask: taking in the results, and appending all that it found."""
        return self.samples * self.pairs * self.result_s + self.appends * self.append_s

    @property
    def database_s(self) -> float:
        """One core of the database, per ask."""
        return self.samples * (1 + self.pairs) * self.row_s + self.appends * self.commit_s


@dataclass(frozen=True, slots=True)
class Outcome:
    """What so many nodes do: asks per second, and each part's share of time that it is busy."""

    nodes: int
    asks_per_s: float
    busy: dict[Part, float]

    @property
    def busiest(self) -> Part:
        return max(self.busy, key=lambda part: self.busy[part])


@dataclass(slots=True)
class _Station:
    """Work in order of arrival, for `servers` that each do one thing at a time."""

    servers: int = 1
    busy_s: float = 0.0
    serving: int = 0
    waiting: deque[tuple[float, Callable[[], None]]] = field(default_factory=deque)

    @property
    def length(self) -> int:
        return self.serving + len(self.waiting)


class _Play:
    """The events, in order of time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.now + seconds, self._count, then))

    def serve(self, station: _Station, seconds: float, then: Callable[[], None]) -> None:
        """`then`, once the station has come to this piece of work and spent `seconds` on it."""
        if station.serving >= station.servers:
            station.waiting.append((seconds, then))
            return
        station.serving += 1
        station.busy_s += seconds

        def done() -> None:
            station.serving -= 1
            if station.waiting:
                self.serve(station, *station.waiting.popleft())
            then()

        self.after(seconds, done)

    def run(self, until_s: float) -> None:
        while self._events and self._events[0][0] <= until_s:
            self.now, _, then = heapq.heappop(self._events)
            then()
        self.now = until_s


class _Network:
    """All stations, and the asks that go round among them."""

    def __init__(self, figures: Figures, nodes: int, rng: random.Random) -> None:
        self.play = _Play()
        self.done = 0
        self._figures = figures
        self._nodes = nodes
        self._rng = rng
        each = (Part.CARDS, Part.WORKER, Part.SANDBOX)
        self.stations = {part: [_Station() for _ in range(nodes)] for part in each}
        self.stations[Part.HEAD] = [_Station()]
        self.stations[Part.DATABASE] = [_Station(figures.db_cores)]

    def start(self) -> None:
        """Every worker begins with one ask for each of its replicas, and those that wait ahead."""
        reach = min(self._nodes, self._figures.replicas)
        for node in range(self._nodes):
            near = [node, *self._rng.sample(range(self._nodes), reach - 1)]
            for _ in range(reach * (1 + self._figures.ahead)):
                self._ask(node, near)
            self.play.after(self._random(self._figures.look_s), partial(self._look, node))
        self._beat()

    def busy_s(self) -> dict[Part, float]:
        """Seconds of work begun so far, over all stations of a part."""
        return {part: sum(s.busy_s for s in group) for part, group in self.stations.items()}

    def servers(self, part: Part) -> int:
        return sum(station.servers for station in self.stations[part])

    def _ask(self, node: int, near: list[int]) -> None:
        """One ask on its way; when it is done, the next one takes its place."""
        figures, stations = self._figures, self.stations
        cards = stations[Part.CARDS]
        chosen = cards[min(near, key=lambda other: cards[other].length)]
        worker, sandbox = stations[Part.WORKER][node], stations[Part.SANDBOX][node]
        replies, results = figures.samples, figures.samples * figures.pairs
        way = deque(
            [
                (worker, figures.ask_s),
                (chosen, replies * figures.card_s),
                (worker, replies * figures.reply_s),
                (sandbox, results * figures.pair_s / figures.cores),
                (worker, figures.growing_s),
                (stations[Part.DATABASE][0], figures.database_s),
            ]
        )

        def go_on() -> None:
            if way:
                station, mean = way.popleft()
                self.play.serve(station, self._random(mean), go_on)
            else:
                self.done += 1
                self._ask(node, near)

        go_on()

    def _look(self, node: int) -> None:
        figures = self._figures
        pause = figures.look_s + self._nodes * figures.look_node_s
        seconds = figures.answer_s + self._nodes * figures.node_s
        self._head(seconds, lambda: self.play.after(pause, partial(self._look, node)))

    def _beat(self) -> None:
        self.play.after(1.0, self._beat)
        self._head(self._nodes * self._figures.beat_s, lambda: None)

    def _head(self, seconds: float, then: Callable[[], None]) -> None:
        self.play.serve(self.stations[Part.HEAD][0], seconds, then)

    def _random(self, mean: float) -> float:
        return self._rng.expovariate(1 / mean) if mean else 0.0


def simulate(figures: Figures, nodes: int, *, seconds: float = 300.0, seed: int = 0) -> Outcome:
    """`nodes` nodes, a worker on each, for so long; the first third is not counted.

    Times are exponential around their figures, as the textbook's queues have them: real ones vary
    less, so a real cluster waits a little less than this one.
    """
    network = _Network(figures, nodes, random.Random(seed))
    network.start()
    network.play.run(seconds / 3)
    done, before = network.done, network.busy_s()
    network.play.run(seconds)
    span = seconds * 2 / 3
    after = network.busy_s()
    # Work counts as it begins, so what is in hand at the end may be a little more than the time.
    busy = {p: min(1.0, (after[p] - before[p]) / (span * network.servers(p))) for p in after}
    return Outcome(nodes, (network.done - done) / span, busy)

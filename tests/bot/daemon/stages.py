"""Kills processes at the boundaries between the stages of a request, each seen from outside.

What is in the database is looked at every few milliseconds; what arrives at GitHub kills from inside
the exchange: it was done, and its answer never comes.
"""

from __future__ import annotations

import json
import math
import random
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum

from bot.forge.fake.rest import Exchange
from tests.bot.daemon.fleet import Fleet, pause
from tests.bot.daemon.processes import Process

LOOK_S = 0.005
MOST_LOST_IN_SEARCH = 3
MOST_LOST_AFTER_IT = 4


class Stage(Enum):
    """Where a process is killed, in the order in which a request comes there."""

    STORED = "after the delivery is stored"
    TAKEN = "while the delivery is handled"
    CLAIMED = "after the claim"
    SAMPLING = "in sampling"
    PAIRS = "in pair running"
    SOLVED = "after the solution is stored"
    COMMIT = "after the commit"
    BRANCH = "after the branch"
    PULL = "after the pull request"
    WORDS = "before the comment"


OF_REQUESTS = tuple(Stage)[2:]


@dataclass(frozen=True, slots=True)
class Held:
    """A request that a worker has, as the database shows it."""

    id: str
    number: int
    status: str
    worker: str | None
    branch: str | None
    pool: int | None
    told: str | None
    lost_leases: int

    def has_passed(self, stage: Stage) -> bool:
        """Whether it will never come there any more."""
        if self.status == "running":
            return False
        if self.status == "solved":
            early = OF_REQUESTS.index(stage) < OF_REQUESTS.index(Stage.SOLVED)
            return early or (stage is Stage.SOLVED and self.branch is not None)
        return stage is not Stage.WORDS


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: at which stage of which issue's request, and the pool's entries right after it."""

    stage: Stage
    issue: int
    pool: int | None = None
    entries: tuple[tuple[int, str], ...] = ()


@dataclass
class Killer:
    """Goes through `plans`, the stages at which each issue's request is to lose its worker.

    A context manager. `replace` starts another process for one that was killed. `problems` are what the
    thread met that cannot be.
    """

    fleet: Fleet
    database: str
    plans: dict[int, list[Stage]]
    rng: random.Random
    taken: int = 0
    """How many inboxes are to be killed over a delivery that they have taken."""
    kills: list[Kill] = field(default_factory=list)
    problems: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._guarded, name="killer", daemon=True)
        self._seen: dict[int, Held] = {}
        self._taken: set[str] = set()
        self._turns: dict[tuple[str, str], int] = {}
        """How many entries a pool had when a worker's turn was first seen."""

    def __enter__(self) -> Killer:
        self.fleet.github.observe(exchange=self._exchange)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.fleet.github.observe()
        if self.problems:
            raise self.problems[0]

    def tally(self) -> Counter[Stage]:
        return Counter(kill.stage for kill in self.kills)

    # -- from the database -------------------------------------------------------------------------

    def _guarded(self) -> None:
        try:
            with closing(connect(self.database)) as connection:
                while not self._over.wait(LOOK_S):
                    self._look(connection)
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.problems.append(error)

    def _look(self, connection: sqlite3.Connection) -> None:
        for delivery, worker in connection.execute(_TAKEN):
            if self.taken > 0 and delivery not in self._taken:
                self._kill_inbox(delivery, worker)
        rows = [Held(*row) for row in connection.execute(_HELD)]
        with self._lock:
            self._seen = {row.number: row for row in rows}
        for row in rows:
            stage = self._next(row.number)
            while stage is not None and row.has_passed(stage):
                self.plans[row.number].pop(0)
                stage = self._next(row.number)
            if stage is not None and self._is_at(connection, row, stage):
                pause(self.rng.uniform(0, 0.03))
                self._kill(stage, row)

    def _next(self, issue: int) -> Stage | None:
        plan = self.plans.get(issue)
        return plan[0] if plan else None

    def _is_at(self, connection: sqlite3.Connection, row: Held, stage: Stage) -> bool:
        if stage is Stage.WORDS:
            return row.status == "pr_opened" and row.told is None
        if row.worker is None:
            return False
        if stage is Stage.SOLVED:
            return row.status == "solved" and row.branch is None
        if row.status != "running":
            return False
        if stage is Stage.CLAIMED:
            return True
        if row.pool is None:
            return False
        turn = (row.id, row.worker)
        if turn not in self._turns:
            self._turns[turn] = _size(connection, row.pool)
        if stage is Stage.SAMPLING:
            return _exists(connection, "pool_candidates", row.pool, self._turns[turn])
        return stage is Stage.PAIRS and _exists(
            connection, "pool_results", row.pool, self._turns[turn]
        )

    # -- from GitHub -------------------------------------------------------------------------------

    def _exchange(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.method != "POST" or exchange.reply.status >= 300:
            return
        for stage, path, names in _ARRIVALS:
            if re.search(path, request.path):
                text = str(json.loads(request.body).get(names, ""))
                self._arrived(stage, text)

    def _arrived(self, stage: Stage, text: str) -> None:
        with self._lock:
            rows = list(self._seen.values())
        for row in rows:
            meant = row.id in text if stage is Stage.COMMIT else row.branch and row.branch in text
            if meant and self._next(row.number) is stage:
                self._kill(stage, row)

    # -- both --------------------------------------------------------------------------------------

    def _kill(self, stage: Stage, row: Held) -> None:
        with self._lock:
            victim = self.fleet.of(row.worker)
            if victim is None or self._next(row.number) is not stage or not self._may_kill(victim):
                return
            victim.kill()
            self.plans[row.number].pop(0)
            with closing(connect(self.database)) as connection:
                kept = entries(connection, row.pool) if row.pool is not None else ()
            self.kills.append(Kill(stage, row.number, row.pool, tuple(kept)))
            self.fleet.start(victim.name)

    def _may_kill(self, victim: Process) -> bool:
        """The fifth worker in a row that dies over a request is the last, and a slow one counts too."""
        held = [row for row in self._seen.values() if self.fleet.of(row.worker) is victim]
        most = {"running": MOST_LOST_IN_SEARCH, "solved": MOST_LOST_AFTER_IT}
        spared = any(row.lost_leases >= most.get(row.status, math.inf) for row in held)
        return not victim.killed and not spared

    def _kill_inbox(self, delivery: str, worker: str) -> None:
        with self._lock:
            victim = self.fleet.of(worker)
            if victim is None or not self._may_kill(victim):
                return
            pause(self.rng.uniform(0, 0.2))
            victim.kill()
            self.taken -= 1
            self._taken.add(delivery)
            self.kills.append(Kill(Stage.TAKEN, 0))
            self.fleet.start(victim.name)


def connect(database: str) -> sqlite3.Connection:
    return sqlite3.connect(database, timeout=30, isolation_level=None, check_same_thread=False)


def entries(connection: sqlite3.Connection, pool: int) -> list[tuple[int, str]]:
    """Position and candidate of every candidate in a pool."""
    found = "SELECT position, candidate_id FROM pool_candidates WHERE pool = ? ORDER BY position"
    return [(int(row[0]), str(row[1])) for row in connection.execute(found, (pool,))]


def _size(connection: sqlite3.Connection, pool: int) -> int:
    return int(connection.execute("SELECT size FROM pools WHERE number = ?", (pool,)).fetchone()[0])


def _exists(connection: sqlite3.Connection, table: str, pool: int, since: int) -> bool:
    found = f"SELECT 1 FROM {table} WHERE pool = ? AND position >= ? LIMIT 1"
    return connection.execute(found, (pool, since)).fetchone() is not None


_HELD = """
SELECT r.id, r.subject_number, r.status,
       coalesce(r.worker, (SELECT c.worker FROM status_changes c
                           WHERE c.request_id = r.id AND c.new = 'pr_opened')),
       r.branch, p.number, r.told, r.lost_leases
FROM requests r LEFT JOIN pools p ON p.id = r.pool_id
WHERE r.worker IS NOT NULL OR (r.status = 'pr_opened' AND r.told IS NULL)
"""

_TAKEN = """
SELECT id, worker FROM deliveries
WHERE handled_at IS NULL AND worker IS NOT NULL AND name = 'issue_comment'
"""

_ARRIVALS: Sequence[tuple[Stage, str, str]] = (
    (Stage.COMMIT, r"/git/commits$", "message"),
    (Stage.BRANCH, r"/git/refs$", "ref"),
    (Stage.PULL, r"/pulls$", "head"),
)

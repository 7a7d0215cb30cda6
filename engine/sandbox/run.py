"""One call of `run_pairs`: units out, answers in, a second try for what a dying runner took."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.sandbox.connection import Connection, LinkLost, Mailbox
from engine.sandbox.plan import Plan, Row, Unit
from engine.sandbox.turns import Turn, Turns
from engine.verdicts import PairResult

POLL_S = 0.2
"""How often a waiting run looks whether it was cancelled."""
_STALL_S = 15.0


class Place(Protocol):
    """Where runners are started, and ended."""

    def connect(self) -> Connection:
        """The runner that is there, or a new one. Raises SandboxUnavailable."""

    def disconnect(self, connection: Connection) -> None:
        """End that runner, if somebody else has not yet."""


@dataclass(slots=True)
class Run:
    """What one call owes and has sent. `batch` is its first message to every runner that it meets.

    `words` explains what a missing module means.
    """

    place: Place
    turns: Turns
    ids: itertools.count[int]
    plan: Plan
    batch: Mapping[str, Any]
    timeout_s: float
    cancel: threading.Event
    words: Callable[[str], str]
    in_flight: dict[int, Unit] = field(default_factory=dict)
    _connection: Connection | None = None
    _box: Mailbox = field(default_factory=Mailbox)
    _asked: float = 0.0

    def results(self, turn: Turn) -> Iterator[PairResult]:
        """Run until nothing is owed, or it is cancelled."""
        try:
            while (self.in_flight or not self.plan.is_done) and not self.cancel.is_set():
                try:
                    self._feed(turn)
                    message = self._next(turn)
                except LinkLost as error:
                    yield from self._lost(str(error))
                    continue
                if message is not None:
                    yield from self._took(message)
        finally:
            self._end()

    def _feed(self, turn: Turn) -> None:
        """Keep the runner busy, as far as this run may."""
        while True:
            flying = len(self.in_flight)
            alone = self.plan.is_alone(flying)
            wants = not self.plan.is_done and not (alone and flying)
            room = self.turns.room(turn, flying, alone=alone, wants=wants)
            unit = self.plan.next(flying, room) if room > flying else None
            if unit is None:
                return
            number = next(self.ids)
            self.in_flight[number] = unit
            self._meet().ask(self._order(number, unit), self._box)
            self._asked = time.monotonic()

    def _meet(self) -> Connection:
        """The runner, which knows this run's sources. Raises LinkLost when it is another one."""
        connection = self.place.connect()
        if connection is not self._connection:
            if len(self.in_flight) > 1:
                raise LinkLost("the runner was replaced")
            self._connection, self._box = connection, Mailbox()
            connection.send(self.batch)
        return connection

    def _order(self, number: int, unit: Unit) -> dict[str, Any]:
        order = {"id": number, "batch": self.batch["batch"], "code": unit.code}
        order["timeout_s"] = self.timeout_s
        if isinstance(unit, Row):
            return {"type": "row", "tests": unit.tests, "ahead": unit.ahead, **order}
        control = {"source": unit.control} if unit.control else {}
        return {"type": "pair", "test": unit.test, **order, **control}

    def _next(self, turn: Turn) -> dict[str, Any] | None:
        """The next answer, or None where there is none yet. Raises LinkLost when none comes in time."""
        connection = self._connection
        if connection is None or not self.in_flight:
            self.turns.wait(turn, POLL_S)
            return None
        try:
            message = self._box.get(POLL_S)
        except LinkLost:
            raise LinkLost(connection.last_words()) from None
        silence = time.monotonic() - max(connection.heard, self._asked)
        if message is None and silence > self.turns.longest_s + _STALL_S:
            raise LinkLost(f"the runner said nothing for {silence:.0f} s")
        return message

    def _took(self, message: Mapping[str, Any]) -> Iterator[PairResult]:
        unit = self.in_flight.pop(message["id"])
        if isinstance(unit, Row):
            return self.plan.took_row(unit, message["results"])
        return self.plan.took_full(unit, message, self.words)

    def _lost(self, reason: str) -> Iterator[PairResult]:
        hurt, self.in_flight = list(self.in_flight.values()), {}
        connection, self._connection = self._connection, None
        if connection is not None:
            self.place.disconnect(connection)
        return self.plan.lost(hurt, reason)

    def _end(self) -> None:
        """Have the runner drop this run's sources, and what it runs of them."""
        connection = self._connection
        if connection is None:
            return
        connection.forget(self._box)
        try:
            connection.send({"type": "end", "batch": self.batch["batch"]})
        except LinkLost:
            self.place.disconnect(connection)

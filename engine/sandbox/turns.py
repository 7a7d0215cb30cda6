"""Who may send how much to which runner, where several threads run pairs in one process.

A runner takes what it is sent in order. So each run has its share of the room, at least one unit, and
the units of all runs alternate, however many one of them owes. What runs for the second time has the
runner for itself: nobody else's pair may be hurt by it, or hurt it.

Where several sandboxes have runs at the same time they share the machine's processors: no more units
are out, of all of them together, than there are processors, and whoever has none out comes first.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

_PATIENCE_S = 15.0
_ABSENT_S = 2.0
"""A run asks several times a second; one that does not has a caller who has stopped to read."""


@dataclass(eq=False, slots=True)
class Turn:
    """One run's place among the others.

    `asked` is when it began to want the runner for itself, `ticket` its place among those that wait for
    a processor (0: it does not), `seen` when it last asked, and `version` what it knew then.
    """

    timeout_s: float
    place: Turns
    in_flight: int = 0
    asked: float = 0.0
    ticket: int = 0
    seen: float = 0.0
    version: int = 0


class Cores:
    """The processors that the sandboxes of one process share. All below `changed`, their one lock."""

    def __init__(self, count: int) -> None:
        """`count`: most units at once of all sandboxes together, where more than one has any."""
        self.count = count
        self.changed = threading.Condition()
        self.version = 0
        self.runs: list[Turn] = []
        self._tickets = itertools.count(1)

    def tell(self) -> None:
        """Wake whoever waits for a change."""
        self.version += 1
        self.changed.notify_all()

    def has_one_for(self, turn: Turn, in_flight: int) -> bool:
        """Whether this run, which has `in_flight`, may send one more; else it waits in line."""
        now = time.monotonic()
        others = [
            run
            for run in self.runs
            if run is not turn and now - run.seen < _ABSENT_S and (run.in_flight or run.ticket)
        ]
        if all(run.place is turn.place for run in others):
            turn.ticket = 0
            return True
        free = self.count - in_flight - sum(run.in_flight for run in others)
        waiting = [run for run in others if run.ticket]
        first = sum(
            not run.in_flight
            and (in_flight > 0 or 0 < run.ticket < (turn.ticket or run.ticket + 1))
            for run in waiting
        )
        share = max(1, self.count // (len(others) + 1))
        has_share = in_flight >= share and any(run.in_flight < share for run in waiting)
        if free > first and not has_share:
            turn.ticket = 0
            return True
        turn.ticket = turn.ticket or next(self._tickets)
        return False


MACHINE = Cores(len(os.sched_getaffinity(0)))
"""The processors that this process may use."""


class Turns:
    """The runs that share one runner. Safe for many threads."""

    def __init__(self, window: int, cores: Cores = MACHINE) -> None:
        """`window`: most units in flight, of all runs together, as long as each has one."""
        self._window = window
        self._cores = cores
        self._changed = cores.changed
        self._runs: list[Turn] = []
        self._alone: list[Turn] = []

    @contextlib.contextmanager
    def join(self, timeout_s: float) -> Iterator[Turn]:
        """Be one of the runs."""
        turn = Turn(timeout_s, self)
        with self._changed:
            self._runs.append(turn)
            self._cores.runs.append(turn)
        try:
            yield turn
        finally:
            with self._changed:
                self._runs.remove(turn)
                self._cores.runs.remove(turn)
                self._leave(turn)
                self._cores.tell()

    def room(self, turn: Turn, in_flight: int, *, alone: bool, wants: bool = True) -> int:
        """How many units this run may have in flight, who has `in_flight` now and `wants` more, or not.

        With `alone` it is one as soon as nobody else has any, and the others have none until this run
        asks without it. A run whose caller has stopped to read its results is not waited for for ever.
        """
        with self._changed:
            if in_flight < turn.in_flight or (not alone and turn in self._alone):
                self._cores.tell()
            if not in_flight and turn.in_flight:
                # What it had has come home: those who had nothing meanwhile are before it.
                turn.ticket = 0
            turn.in_flight, turn.seen = in_flight, time.monotonic()
            turn.version = self._cores.version
            if not alone:
                self._leave(turn)
            elif turn not in self._alone:
                self._alone.append(turn)
                turn.asked = time.monotonic()
            if self._alone:
                room = 1 if self._alone[0] is turn and self._is_free(turn) else 0
            else:
                room = max(1, self._window // len(self._runs))
            if not wants:
                turn.ticket = 0
                return in_flight
            if room > in_flight and not self._cores.has_one_for(turn, in_flight):
                room = in_flight
            # Taken at once, so that nobody who asks meanwhile believes the runner to be free.
            turn.in_flight = max(in_flight, min(room, in_flight + 1))
            return room

    def wait(self, turn: Turn, seconds: float) -> None:
        """Until something has changed since this run asked, or `seconds` are over."""
        with self._changed:
            self._changed.wait_for(lambda: self._cores.version != turn.version, seconds)

    @property
    def longest_s(self) -> float:
        """The longest timeout of all runs: so long the runner may have nothing to say."""
        with self._changed:
            return self._longest_s()

    def _longest_s(self) -> float:
        return max((run.timeout_s for run in self._runs), default=0.0)

    def _is_free(self, turn: Turn) -> bool:
        """Whether only `turn` has anything in flight, as far as that can be waited for."""
        if time.monotonic() - turn.asked > self._longest_s() + _PATIENCE_S:
            return True
        return not any(run.in_flight for run in self._runs if run is not turn)

    def _leave(self, turn: Turn) -> None:
        if turn in self._alone:
            self._alone.remove(turn)

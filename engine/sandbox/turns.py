"""Who may send how much to the runner, where several threads run pairs in one sandbox.

The runner takes what it is sent in order. So each run has its share of the room, at least one unit, and
the units of all runs alternate, however many one of them owes. What runs for the second time has the
runner for itself: nobody else's pair may be hurt by it, or hurt it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

_PATIENCE_S = 15.0


@dataclass(eq=False, slots=True)
class Turn:
    """One run's place among the others; `asked` is when it began to want the runner for itself."""

    timeout_s: float
    in_flight: int = 0
    asked: float = 0.0


class Turns:
    """The runs that share one runner. Safe for many threads."""

    def __init__(self, window: int) -> None:
        """`window`: most units in flight, of all runs together, as long as each has one."""
        self._window = window
        self._changed = threading.Condition()
        self._runs: list[Turn] = []
        self._alone: list[Turn] = []

    @contextlib.contextmanager
    def join(self, timeout_s: float) -> Iterator[Turn]:
        """Be one of the runs."""
        turn = Turn(timeout_s)
        with self._changed:
            self._runs.append(turn)
        try:
            yield turn
        finally:
            with self._changed:
                self._runs.remove(turn)
                self._leave(turn)
                self._changed.notify_all()

    def room(self, turn: Turn, in_flight: int, *, alone: bool) -> int:
        """How many units this run may have in flight, who has `in_flight` now.

        With `alone` it is one as soon as nobody else has any, and the others have none until this run
        asks without it. A run whose caller has stopped to read its results is not waited for for ever.
        """
        with self._changed:
            if in_flight < turn.in_flight or not alone:
                self._changed.notify_all()
            turn.in_flight = in_flight
            if not alone:
                self._leave(turn)
            elif turn not in self._alone:
                self._alone.append(turn)
                turn.asked = time.monotonic()
            if self._alone:
                room = 1 if self._alone[0] is turn and self._is_free(turn) else 0
            else:
                room = max(1, self._window // len(self._runs))
            # Taken at once, so that nobody who asks meanwhile believes the runner to be free.
            turn.in_flight = max(in_flight, min(room, in_flight + 1))
            return room

    def wait(self, seconds: float) -> None:
        """Until something has changed, or `seconds` are over."""
        with self._changed:
            self._changed.wait(seconds)

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

"""What can be made to go wrong, on purpose and repeatably."""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """How a request fails."""

    SERVER_ERROR = "server_error"
    """502, and nothing was done."""
    LOST_ANSWER = "lost_answer"
    """Done, and answered with 502."""
    SECONDARY_LIMIT = "secondary_limit"
    """403 with Retry-After."""
    PRIMARY_LIMIT = "primary_limit"
    """403 with no requests left until a time."""
    HANG = "hang"
    """No answer at all until the server closes."""
    BAD_CREDENTIALS = "bad_credentials"
    """401, as for a token that was revoked."""


@dataclass(slots=True)
class Fault:
    """The next `times` requests that fit fail. `path` is searched in the path below the API's base."""

    kind: FaultKind
    times: int = 1
    method: str = ""
    path: str = ""
    retry_after_s: int = 60

    def fits(self, method: str, path: str) -> bool:
        return self.method in ("", method) and re.search(self.path, path) is not None


class Faults:
    """The switches. Everything works until one is turned."""

    def __init__(self, seed: int = 0) -> None:
        self.server_error_rate = 0.0
        """Share of requests, 0 to 1, that get a 502."""
        self.lost_answer_rate = 0.0
        """Share of requests, beside those, that are done and get a 502 all the same."""
        self.lists_behind = 0
        """How many lists still leave out what is made from now on."""
        self.duplicate_deliveries = False
        """Whether every delivery is made twice, under one id."""
        self.hold_deliveries = False
        """Whether deliveries wait; then `LoopbackGitHub.release` makes them, last one first."""
        self.drop_deliveries = False
        """Whether deliveries are recorded but never made, as when the network is down."""
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._planned: list[Fault] = []

    def plan(self, kind: FaultKind, **how: str | int) -> None:
        """Adds a Fault; see its fields."""
        fault = Fault(kind, **how)  # type: ignore[arg-type]
        with self._lock:
            self._planned.append(fault)

    def clear(self) -> None:
        """Everything works again."""
        with self._lock:
            self._planned.clear()
        self.server_error_rate = self.lost_answer_rate = 0.0
        self.lists_behind = 0
        self.duplicate_deliveries = self.hold_deliveries = self.drop_deliveries = False

    def take(self, method: str, path: str) -> Fault | None:
        """What happens to this request, if anything; counts it."""
        with self._lock:
            fault = next((fault for fault in self._planned if fault.fits(method, path)), None)
            if fault is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._planned.remove(fault)
                return fault
            drawn = self._random.random()
            if drawn < self.server_error_rate:
                return Fault(FaultKind.SERVER_ERROR)
            if drawn < self.server_error_rate + self.lost_answer_rate:
                return Fault(FaultKind.LOST_ANSWER)
        return None

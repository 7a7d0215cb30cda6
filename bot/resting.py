"""A worker's rest while a part of its own machine is down.

The queue keeps its order meanwhile: one request tries the part now and then, and the others do not run
into the outage one after the other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.requests import RequestStatus
from bot.retry import ParkPolicy, ParkReason
from bot.store.leases import CLAIMABLE

_OF_THIS_MACHINE = frozenset({ParkReason.MODEL, ParkReason.SANDBOX, ParkReason.DISK})


@dataclass
class Resting:
    """Rests longer with every outage in a row, as parked requests do; for one thread."""

    policy: ParkPolicy
    clock: Callable[[], datetime]
    rng: random.Random
    _outages: int = 0
    _part: ParkReason | None = None
    _until: datetime | None = None

    def can_do(self) -> tuple[RequestStatus, ...]:
        """What may be claimed now."""
        if self._until is None or self.clock() >= self._until:
            return CLAIMABLE
        # To hand over takes the sandbox and no model.
        return (RequestStatus.SOLVED,) if self._part is ParkReason.MODEL else ()

    def met(self, part: ParkReason) -> None:
        """That part did not answer."""
        if part in _OF_THIS_MACHINE:
            self._outages += 1
            rest_s = self.policy.delay_s(self._outages, self.rng)
            self._part, self._until = part, self.clock() + timedelta(seconds=rest_s)

    def ended(self, answers: Collection[ParkReason]) -> None:
        """These parts answered."""
        if self._part in answers:
            self._outages, self._part, self._until = 0, None, None

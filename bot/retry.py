"""When a request goes on: after a search that found nothing, and after an outage. Pure.

Both delays grow exponentially up to a cap and are drawn at random below that (jitter), so that requests
which stopped together do not come back together. Randomness and time are handed in.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engine.errors import BadInput


class ParkReason(StrEnum):
    """The part whose outage a request waits out."""

    MODEL = "model"
    SANDBOX = "sandbox"
    DATABASE = "database"
    GITHUB = "github"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and how far apart, an unsolved request is searched again.

    The delay before retry `n` is `backoff_s * 2**(n-1)`, at most `cap_s`, and by jitter at least
    half of that.
    """

    max: int = 5
    """Searches after the first one; 0 never retries."""
    backoff_s: float = 15 * 60.0
    """Seconds before the first retry."""
    cap_s: float = 24 * 3600.0
    """Seconds between two retries at most."""
    expires_days: float = 14.0
    """Days after which a request is given up, however many retries are left."""

    def __post_init__(self) -> None:
        if self.max < 0:
            raise BadInput(f"retry.max must be 0 or more, not {self.max}")
        _check_positive("retry", self, "backoff_s", "cap_s", "expires_days")

    def expires_at(self, created_at: datetime) -> datetime:
        return created_at + timedelta(days=self.expires_days)

    def next_retry(
        self,
        attempts: int,
        now: datetime,
        rng: random.Random,
        *,
        expires_at: datetime | None = None,
    ) -> datetime | None:
        """When to search again after `attempts` (1 or more) unsuccessful searches; None for never."""
        if attempts > self.max:
            return None
        delay = _grown(self.backoff_s, self.cap_s, attempts)
        again = now + timedelta(seconds=delay * rng.uniform(0.5, 1.0))
        return None if expires_at is not None and again >= expires_at else again


@dataclass(frozen=True, slots=True)
class ParkPolicy:
    """How soon a request that met an outage tries again. It does so for ever, and no attempt is spent.

    The delay is drawn between `floor_s` and `first_s * 2**(parks-1)`, at most `cap_s`.
    """

    first_s: float = 20.0
    """Seconds before the first try at most; each next one may take twice as long."""
    cap_s: float = 600.0
    """Seconds between two tries at most."""
    floor_s: float = 2.0
    """Seconds between two tries at least."""

    def __post_init__(self) -> None:
        _check_positive("park", self, "first_s", "cap_s", "floor_s")

    def next_try(
        self, parks: int, now: datetime, rng: random.Random, *, retry_after_s: float = 0.0
    ) -> datetime:
        """When to try again after `parks` (1 or more) outages in a row.

        `retry_after_s` is what the part itself asked for; the draw comes on top of it.
        """
        return now + timedelta(seconds=self.delay_s(parks, rng, retry_after_s=retry_after_s))

    def delay_s(self, parks: int, rng: random.Random, *, retry_after_s: float = 0.0) -> float:
        """Seconds from now to `next_try`."""
        ceiling = max(_grown(self.first_s, self.cap_s, parks), self.floor_s)
        return retry_after_s + rng.uniform(self.floor_s, ceiling)


def _grown(first_s: float, cap_s: float, times: int) -> float:
    # Past any cap the exponent only makes floats overflow.
    return min(cap_s, first_s * 2.0 ** min(max(times, 1) - 1, 64))


def _check_positive(section: str, policy: object, *keys: str) -> None:
    for key in keys:
        if not 0 < getattr(policy, key) < math.inf:
            raise BadInput(f"{section}.{key} must be more than 0, not {getattr(policy, key)}")

"""What paid models have cost today, and the cap on it.

The engine knows neither the time of day nor the database: whoever opens a model hands it a ledger that
does. Money is counted in millionths of the currency, whole numbers, so that nothing is lost in sums.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

MICROS = 1_000_000
"""Millionths in one unit of the currency."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money put aside for one ask, on the day of which it was taken."""

    account: str
    day: str
    micros: int


class Ledger(Protocol):
    """Counts money per account and day. Safe for many threads; the durable ones for many processes too.

    What is reserved counts as spent until it is settled, so a cap holds with many asks at once, and
    a process that dies in the middle of one never makes a day cheaper than it was.
    """

    def reserve(self, account: str, micros: int, cap_micros: int) -> Reservation | None:
        """Put `micros` aside for today; None where the account's day would pass its cap by that."""

    def settle(self, reservation: Reservation, micros: int) -> None:
        """It has cost `micros` after all."""

    def spent_today(self, account: str) -> int:
        """Millionths spent and reserved today."""

    def seconds_to_next_day(self) -> float:
        """Until the caps begin anew."""


class MemoryLedger:
    """A ledger of one process and one endless day, for benchmarks and tests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[str, int] = {}

    def reserve(self, account: str, micros: int, cap_micros: int) -> Reservation | None:
        with self._lock:
            spent = self._spent.get(account, 0)
            if spent + micros > cap_micros:
                return None
            self._spent[account] = spent + micros
            return Reservation(account, "", micros)

    def settle(self, reservation: Reservation, micros: int) -> None:
        with self._lock:
            self._spent[reservation.account] += micros - reservation.micros

    def spent_today(self, account: str) -> int:
        with self._lock:
            return self._spent.get(account, 0)

    def seconds_to_next_day(self) -> float:
        return 24 * 3600.0

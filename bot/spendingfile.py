"""What paid models have cost, in a file: for the command line, which needs no database."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.days import day_of, seconds_to_next_day
from bot.store import utc_now
from engine.errors import BadInput
from engine.llm.ledger import Reservation

Days = dict[str, dict[str, int]]
"""Millionths per account and day; only the last days are kept."""

KEPT_DAYS = 31


@dataclass(frozen=True, slots=True)
class SpendingFile:
    """`engine.llm.ledger.Ledger` in one JSON file, for many processes at once. A day is one of UTC.

    Every method may raise BadInput, in one line, when the file cannot be used.
    """

    path: Path
    clock: Callable[[], datetime] = utc_now

    def reserve(self, account: str, micros: int, cap_micros: int) -> Reservation | None:
        """Put money aside for today; None where the account's day would pass its cap by that."""
        day = self._today()
        with self._changed() as days:
            accounts = days.setdefault(day, {})
            spent = accounts.get(account, 0) + micros
            if spent > cap_micros:
                return None
            accounts[account] = spent
        return Reservation(account, day, micros)

    def settle(self, reservation: Reservation, micros: int) -> None:
        """It has cost `micros` after all; on the day on which it was reserved."""
        with self._changed() as days:
            accounts = days.setdefault(reservation.day, {})
            before = accounts.get(reservation.account, reservation.micros)
            accounts[reservation.account] = before - reservation.micros + micros

    def spent_today(self, account: str) -> int:
        """Millionths, with what is put aside."""
        with self._changed() as days:
            return days.get(self._today(), {}).get(account, 0)

    def seconds_to_next_day(self) -> float:
        return seconds_to_next_day(self.clock())

    def _today(self) -> str:
        return day_of(self.clock())

    @contextmanager
    def _changed(self) -> Iterator[Days]:
        """The file's contents, locked, and written back where they were changed."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # The lock lies beside, since the file itself is replaced; the kernel drops it with us.
            with self.path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                text = self.path.read_text(encoding="utf-8") if self.path.exists() else "{}"
                days = self._read(text)
                yield days
                kept = {day: days[day] for day in sorted(days)[-KEPT_DAYS:]}
                after = json.dumps(kept, indent=1)
                if after != text:
                    self._replace(after)
        except OSError as error:
            reason = error.strerror or error
            raise BadInput(f"cannot count costs in {self.path}: {reason}") from error

    def _read(self, text: str) -> Days:
        try:
            days = json.loads(text)
            if all(isinstance(n, int) for accounts in days.values() for n in accounts.values()):
                return dict(days)
        except (ValueError, AttributeError):
            pass
        raise BadInput(f"{self.path} is not what was written there: mend it, or move it away")

    def _replace(self, text: str) -> None:
        partial = self.path.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)

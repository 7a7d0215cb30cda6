"""What paid models have cost, per day and account."""

from __future__ import annotations

from sqlalchemy import and_, select, update

from bot.days import day_of, seconds_to_next_day
from bot.store.base import Part
from bot.store.tables import spending
from engine.llm.ledger import Reservation


class Spending(Part):
    """`engine.llm.ledger.Ledger` of all workers together. A day is one of UTC."""

    def reserve(self, account: str, micros: int, cap_micros: int) -> Reservation | None:
        """Put money aside for today; None where the account's day would pass its cap by that."""
        day = day_of(self._clock())
        mine = and_(spending.c.day == day, spending.c.account == account)
        row = self._database.insert(spending).values(day=day, account=account, micros=0)
        fits = and_(mine, spending.c.micros + micros <= cap_micros)
        with self._database.writing() as connection:
            connection.execute(row.on_conflict_do_nothing(index_elements=["day", "account"]))
            more = update(spending).where(fits).values(micros=spending.c.micros + micros)
            taken = connection.execute(more).rowcount
        return Reservation(account, day, micros) if taken else None

    def settle(self, reservation: Reservation, micros: int) -> None:
        """It has cost `micros` after all; on the day on which it was reserved."""
        mine = and_(spending.c.day == reservation.day, spending.c.account == reservation.account)
        change = spending.c.micros + (micros - reservation.micros)
        with self._database.writing() as connection:
            connection.execute(update(spending).where(mine).values(micros=change))

    def spent_today(self, account: str) -> int:
        """Millionths, with what is put aside."""
        mine = and_(spending.c.day == day_of(self._clock()), spending.c.account == account)
        with self._database.reading() as connection:
            return connection.scalar(select(spending.c.micros).where(mine)) or 0

    def seconds_to_next_day(self) -> float:
        return seconds_to_next_day(self._clock())

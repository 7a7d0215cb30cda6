"""What was done outside, and how far outside was read.

An effect (a comment, a branch, a pull request) has a key of its own and is begun here before it is
done, and done after. One that was begun and not done may have happened: who finds it looks for it
outside, by its marker or name, before doing it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, select, update

from bot.store.base import Part
from bot.store.tables import cursors, effects


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing done outside; `value` is what came of it, such as a comment's id."""

    key: str
    request_id: str | None
    begun_at: datetime
    done_at: datetime | None
    value: str


class Effects(Part):
    """Effects by their keys, and cursors by theirs."""

    def begin_effect(self, key: str, request_id: str | None = None) -> Effect | None:
        """Say that it is about to be done: None where nobody has before, else what is known of it."""
        row = {"key": key, "request_id": request_id, "begun_at": self._clock(), "value": ""}
        stored = self._database.insert(effects).values(row)
        with self._database.writing() as connection:
            fresh = stored.on_conflict_do_nothing(index_elements=["key"]).returning(effects.c.key)
            if connection.scalar(fresh) is not None:
                return None
            known = connection.execute(select(effects).where(effects.c.key == key)).one()
            return Effect(known.key, known.request_id, known.begun_at, known.done_at, known.value)

    def retake_effect(self, key: str, *, older_than_s: float) -> bool:
        """Take over one that was begun so long ago that whoever did is gone; at most one caller may."""
        now = self._clock()
        stale = and_(
            effects.c.key == key,
            effects.c.done_at.is_(None),
            effects.c.begun_at <= now - timedelta(seconds=older_than_s),
        )
        with self._database.writing() as connection:
            taken = connection.execute(update(effects).where(stale).values(begun_at=now))
            return bool(taken.rowcount)

    def put_back_effect(self, key: str) -> None:
        """It was tried and failed: whoever comes next takes it over at once, and looks for it first."""
        mine = and_(effects.c.key == key, effects.c.done_at.is_(None))
        long_ago = datetime.fromtimestamp(0, UTC)
        with self._database.writing() as connection:
            connection.execute(update(effects).where(mine).values(begun_at=long_ago))

    def finish_effect(self, key: str, value: str = "") -> None:
        """It is done, and this came of it."""
        done = {"done_at": self._clock(), "value": value}
        with self._database.writing() as connection:
            connection.execute(update(effects).where(effects.c.key == key).values(done))

    def get_cursor(self, key: str) -> str | None:
        """How far something was read, such as a repository's comments; None at first."""
        with self._database.reading() as connection:
            return connection.scalar(select(cursors.c.value).where(cursors.c.key == key))

    def set_cursor(self, key: str, value: str) -> None:
        stored = self._database.insert(cursors).values(key=key, value=value)
        with self._database.writing() as connection:
            connection.execute(
                stored.on_conflict_do_update(index_elements=["key"], set_={"value": value})
            )

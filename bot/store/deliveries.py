"""What GitHub sent: stored before it is answered, handled once."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update

from bot.store.base import Part
from bot.store.tables import deliveries


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery as it came; `tries` counts how often it was taken up, this time included."""

    id: str
    name: str
    body: bytes
    received_at: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified delivery that is to be stored; see `Deliveries.accept_delivery`."""

    id: str
    name: str
    body: bytes
    semantic_key: str | None = None


class Deliveries(Part):
    """The deliveries. Handling one may be cut off at any point, so handlers repeat without harm."""

    def accept_delivery(
        self, delivery_id: str, name: str, body: bytes, *, semantic_key: str | None = None
    ) -> bool:
        """Store a verified delivery; False when it, or one with that semantic key, is known.

        `name` is GitHub's name for the event. The semantic key names what happened (a repository
        and a comment's id), so that what polling found and what a webhook told of are one.
        """
        return self.accept_deliveries([Arrival(delivery_id, name, body, semantic_key)])[0]

    def accept_deliveries(self, arrivals: Sequence[Arrival]) -> list[bool]:
        """`accept_delivery` for many in one transaction: the disk is waited for once."""
        insert = self._database.insert(deliveries).on_conflict_do_nothing()
        new = []
        with self._database.writing() as connection:
            for arrival in arrivals:
                row = {
                    "id": arrival.id,
                    "name": arrival.name,
                    "semantic_key": arrival.semantic_key,
                    "body": zlib.compress(arrival.body),
                    "received_at": self._clock(),
                    "tries": 0,
                    "note": "",
                }
                stored = insert.values(row).returning(deliveries.c.id)
                new.append(connection.scalar(stored) is not None)
        return new

    def next_deliveries(
        self, worker: str, *, lease_s: float = 60.0, limit: int = 10
    ) -> list[Delivery]:
        """Take up to `limit` deliveries that nobody handles, in the order in which they came.

        They are this worker's for `lease_s` seconds; what it has not marked by then is given to the
        next who asks. Nobody waits for the disk here: a claim that is lost is made again.
        """
        now = self._clock()
        free = or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= now)
        wanted = (
            select(deliveries)
            .where(deliveries.c.handled_at.is_(None), free)
            .order_by(deliveries.c.received_at, deliveries.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.writing(durable=False) as connection:
            rows = connection.execute(wanted).all()
            if rows:
                connection.execute(
                    update(deliveries)
                    .where(deliveries.c.id.in_([row.id for row in rows]))
                    .values(
                        tries=deliveries.c.tries + 1,
                        worker=worker,
                        leased_until=now + timedelta(seconds=lease_s),
                    )
                )
        return [
            Delivery(row.id, row.name, zlib.decompress(row.body), row.received_at, row.tries + 1)
            for row in rows
        ]

    def mark_handled(self, delivery_id: str, *, note: str = "") -> None:
        """Nothing is left to do for this delivery; `note` says what came of it. Repeats are fine."""
        self.mark_all_handled({delivery_id: note})

    def mark_all_handled(self, notes: Mapping[str, str]) -> None:
        """`mark_handled` for many in one transaction; what came of each by its id.

        After a power cut the last of them may be handled again, which is without harm.
        """
        now = self._clock()
        with self._database.writing(durable=False) as connection:
            for delivery_id, note in notes.items():
                connection.execute(
                    update(deliveries)
                    .where(deliveries.c.id == delivery_id, deliveries.c.handled_at.is_(None))
                    .values(handled_at=now, note=note, worker=None, leased_until=None)
                )

    def put_back_delivery(self, delivery_id: str, *, delay_s: float = 0.0, note: str = "") -> None:
        """It could not be handled now, and is offered again after `delay_s` seconds."""
        again = self._clock() + timedelta(seconds=delay_s)
        with self._database.writing() as connection:
            connection.execute(
                update(deliveries)
                .where(deliveries.c.id == delivery_id, deliveries.c.handled_at.is_(None))
                .values(worker=None, leased_until=again, note=note)
            )

    def known_deliveries(self, delivery_ids: list[str]) -> set[str]:
        """Which of these are stored, for polling that looks for missed ones."""
        with self._database.reading() as connection:
            found = select(deliveries.c.id).where(deliveries.c.id.in_(delivery_ids))
            return set(connection.scalars(found))

    def heard_of(self, key_prefix: str, since: datetime) -> bool:
        """Whether a delivery was stored since then whose semantic key begins with these words."""
        same = deliveries.c.semantic_key.startswith(key_prefix, autoescape=True)
        found = select(deliveries.c.id).where(same, deliveries.c.received_at >= since).limit(1)
        with self._database.reading() as connection:
            return connection.scalar(found) is not None

    def prune_deliveries(self, before: datetime) -> int:
        """Forget the deliveries that were handled before then; how many.

        GitHub offers a delivery again for three days at most, so nothing younger may be forgotten.
        """
        old = delete(deliveries).where(deliveries.c.handled_at < before)
        with self._database.writing() as connection:
            return connection.execute(old).rowcount

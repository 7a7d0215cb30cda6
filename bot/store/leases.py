"""Who works on what. A worker holds a request by a lease, which it renews while it lives.

Times are those of the machines that call, so their clocks have to agree far better than a lease is
long. A worker's name must be its own: no two threads or processes share one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, case, insert, or_, select, update

from bot.requests import Request, RequestStatus, new_id
from bot.retry import ParkReason
from bot.steps import cancelled, lease_lost, released, unparked, woken
from bot.store.changes import read_row, record, write
from bot.store.errors import LeaseLost, UnknownRequest
from bot.store.requests import Requests
from bot.store.rows import from_row
from bot.store.tables import NEXT_FIRST, attempts, requests

CLAIMABLE = (RequestStatus.SOLVED, RequestStatus.QUEUED)


class Leases(Requests):
    """Claims, heartbeats, and what becomes of requests whose time has come or whose worker died."""

    def claim(
        self, worker: str, lease_s: float, *, statuses: Collection[RequestStatus] = CLAIMABLE
    ) -> Request | None:
        """Take the next request for `lease_s` seconds, or None where there is none.

        A QUEUED one becomes RUNNING. A SOLVED one whose worker is gone, and whose time has come where
        it was parked, stays SOLVED and comes first: only its pull request is missing. No two workers
        ever get the same.
        """
        now = self._clock()
        is_solved = requests.c.status == RequestStatus.SOLVED.value
        come = or_(requests.c.retry_at.is_(None), requests.c.retry_at <= now)
        wanted = (
            select(requests)
            .where(
                requests.c.status.in_([status.value for status in statuses]),
                requests.c.status.in_([status.value for status in CLAIMABLE]),
                requests.c.worker.is_(None),
                come,
            )
            .order_by(case((is_solved, 0), else_=1), *NEXT_FIRST)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        running = RequestStatus.RUNNING
        with self._database.writing() as connection:
            row = connection.execute(wanted).one_or_none()
            if row is None:
                return None
            connection.execute(
                update(requests)
                .where(requests.c.id == row.id)
                .values(
                    status=case((is_solved, row.status), else_=running.value),
                    worker=worker,
                    leased_until=now + timedelta(seconds=lease_s),
                    retry_at=None,
                    parked=None,
                    reason="",
                    updated_at=now,
                )
            )
            claimed = from_row(read_row(connection, row.id))
            begun = {"worker": worker, "started_at": now, "reason": ""}
            connection.execute(insert(attempts).values(request_id=row.id, **begun))
            if claimed.status is running:
                record(connection, RequestStatus.QUEUED, claimed, worker)
            return claimed

    def heartbeat(self, request_id: str, worker: str, lease_s: float) -> Request:
        """Renew the lease; the request as it is now, whose `cancel_requested` is to be obeyed.

        Raises LeaseLost where another has it, or where it was ended from outside.
        """
        until = self._clock() + timedelta(seconds=lease_s)
        mine = and_(requests.c.id == request_id, requests.c.worker == worker)
        with self._database.writing() as connection:
            renewed = connection.execute(update(requests).where(mine).values(leased_until=until))
            if not renewed.rowcount:
                raise LeaseLost(request_id, worker)
            return from_row(read_row(connection, request_id))

    def release(self, request_id: str, worker: str, reason: str = "its worker stopped") -> Request:
        """Give a request back in good order: RUNNING is queued again, SOLVED waits for the next."""

        def step(request: Request) -> Request:
            return released(request, now=self._clock(), reason=reason)

        return self.apply(request_id, step, worker=worker, let_go=True)

    def release_stale_leases(self) -> list[Request]:
        """Queue again what dead workers held; the requests as they are now.

        One over which too many workers died in a row fails, one that was to be cancelled is.
        """
        now = self._clock()
        held = requests.c.status.in_([RequestStatus.RUNNING.value, RequestStatus.SOLVED.value])
        stale = and_(held, requests.c.worker.is_not(None), requests.c.leased_until <= now)
        found = select(requests).where(stale).with_for_update(skip_locked=True)
        with self._database.writing() as connection:
            rows = connection.execute(found.order_by(*NEXT_FIRST)).all()
            return [
                write(
                    connection,
                    row,
                    lease_lost(from_row(row), now=now, error_id=new_id()),
                    now=now,
                    let_go=True,
                )
                for row in rows
            ]

    def request_cancel(self, request_id: str, reason: str = "cancelled") -> Request:
        """Stop a request: at once where nobody works on it, else its worker is told.

        Raises IllegalTransition for one that has ended.
        """
        now = self._clock()
        with self._database.writing() as connection:
            row = read_row(connection, request_id, lock=True)
            held = row.worker is not None
            new = cancelled(from_row(row), now=now, reason=reason, held=held)
            return write(connection, row, new, now=now)

    def is_cancelled(self, request_id: str) -> bool:
        """Whether its worker is to stop: it was cancelled, or was asked to be. One cheap query."""
        wanted = select(requests.c.cancel_requested, requests.c.status)
        with self._database.reading() as connection:
            row = connection.execute(wanted.where(requests.c.id == request_id)).one_or_none()
        if row is None:
            raise UnknownRequest(request_id)
        return bool(row.cancel_requested) or row.status == RequestStatus.CANCELLED.value

    def due(self, limit: int = 100) -> list[Request]:
        """The WAITING requests whose time has come, in the order in which they were made."""
        with self._database.reading() as connection:
            return [from_row(row) for row in connection.execute(self._due().limit(limit))]

    def wake(self, limit: int = 100) -> list[Request]:
        """Queue what is due, or give it up where it has expired; the requests as they are now."""
        now = self._clock()
        found = self._due().limit(limit).with_for_update(skip_locked=True)
        with self._database.writing() as connection:
            rows = connection.execute(found).all()
            return [write(connection, r, woken(from_row(r), now=now), now=now) for r in rows]

    def wake_parked(self, parts: Collection[ParkReason]) -> list[Request]:
        """These parts answer again: what waits for one goes on before its time, oldest first.

        The requests as they are now.
        """
        now = self._clock()
        held_back = requests.c.status.in_([RequestStatus.WAITING.value, RequestStatus.SOLVED.value])
        waits = and_(
            held_back,
            requests.c.parked.in_([part.value for part in parts]),
            requests.c.worker.is_(None),
        )
        found = select(requests).where(waits).order_by(*NEXT_FIRST)
        with self._database.writing() as connection:
            rows = connection.execute(found.with_for_update(skip_locked=True)).all()
            return [
                write(connection, row, unparked(from_row(row), now=now), now=now) for row in rows
            ]

    def _due(self) -> Any:
        waiting = requests.c.status == RequestStatus.WAITING.value
        return (
            select(requests)
            .where(waiting, requests.c.retry_at <= self._clock())
            .order_by(*NEXT_FIRST)
        )

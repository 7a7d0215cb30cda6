"""A change of a request as it is written: the row, the history, the end of a worker's turn."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from bot.requests import TRANSITIONS, IllegalTransition, Request, RequestStatus
from bot.store.errors import UnknownRequest
from bot.store.rows import to_row
from bot.store.tables import attempts, requests, status_changes

log = logging.getLogger(__name__)

_HELD = frozenset({RequestStatus.RUNNING, RequestStatus.SOLVED})


def read_row(connection: Connection, request_id: str, *, lock: bool = False) -> Row[Any]:
    """The request's row, kept from others until the transaction ends where it is locked."""
    wanted = select(requests).where(requests.c.id == request_id)
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    if row is None:
        raise UnknownRequest(request_id)
    return row


def changed(old: Request, step: Callable[[Request], Request]) -> Request:
    """What `step` makes of a request, held against the machine whatever the step is.

    Raises IllegalTransition, and logs it: it is a mistake in the code that asked.
    """
    try:
        new = step(old)
        if (new.id, new.key) != (old.id, old.key):
            raise IllegalTransition(f"{old.id}: what makes a request itself never changes")
        if new.status is RequestStatus.RUNNING is not old.status:
            raise IllegalTransition(f"{old.id}: only a claim makes it run")
        if new.status is not old.status and new.status not in TRANSITIONS[old.status]:
            raise IllegalTransition(
                f"{old.id}: {old.status.value} never becomes {new.status.value}"
            )
    except IllegalTransition as error:
        log.error("refused a change: %s", error)
        raise
    return new


def write(
    connection: Connection,
    row: Row[Any],
    new: Request,
    *,
    now: datetime,
    let_go: bool = False,
) -> Request:
    """Write `new` over `row`; its worker's turn ends with RUNNING and SOLVED, a park, or `let_go`."""
    new = replace(new, updated_at=now)
    keeps = new.status in _HELD and new.retry_at is None and not let_go
    values = to_row(new) if keeps else {**to_row(new), "worker": None, "leased_until": None}
    connection.execute(update(requests).where(requests.c.id == new.id).values(values))
    is_parked = new.retry_at is not None and new.retry_at != row.retry_at
    if new.status.value != row.status or is_parked:
        record(connection, RequestStatus(row.status), new, row.worker)
    if row.worker is not None and not keeps:
        _end_attempt(connection, new)
    return new


def record(
    connection: Connection, old: RequestStatus | None, new: Request, worker: str | None
) -> None:
    """Keep a change of status with its time and reason."""
    connection.execute(
        insert(status_changes).values(
            request_id=new.id,
            at=new.updated_at,
            old=old.value if old else None,
            new=new.status.value,
            reason=new.reason,
            worker=worker,
        )
    )


def _end_attempt(connection: Connection, request: Request) -> None:
    connection.execute(
        update(attempts)
        .where(attempts.c.request_id == request.id, attempts.c.ended_at.is_(None))
        .values(
            ended_at=request.updated_at,
            ended_as=request.status.value,
            parked=request.parked.value if request.parked else None,
            reason=request.reason,
        )
    )

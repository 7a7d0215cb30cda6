"""Lists and counts of requests: for people, for budgets, for words that are still owed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_

from bot.requests import ENDS, Request, RequestStatus, Subject
from bot.retry import ParkReason
from bot.store.base import Part
from bot.store.changes import read_row
from bot.store.rows import from_row
from bot.store.tables import deliveries, pools, requests


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests; what is None or empty lets all through."""

    statuses: Collection[RequestStatus] = ()
    repository: str | None = None
    requester: str | None = None
    subject: Subject | None = None
    path: str | None = None
    qualname: str | None = None
    branch: str | None = None
    pull_number: int | None = None
    since: datetime | None = None
    """Made at that time or later."""
    other_fingerprint_than: str | None = None
    """Left by another model, or by other prompts."""
    words_owed: bool = False
    """Only those whose requester has not been told of their status."""
    pull_open: bool = False
    """Only those whose pull request was opened and is not known to be closed."""

    def conditions(self) -> list[ColumnElement[bool]]:
        c = requests.c
        kept: list[ColumnElement[bool]] = [
            getattr(c, name) == value
            for name in ("repository", "requester", "path", "qualname", "branch", "pull_number")
            if (value := getattr(self, name)) is not None
        ]
        if self.statuses:
            kept.append(c.status.in_([status.value for status in self.statuses]))
        if self.subject is not None:
            kind = c.subject_kind == self.subject.kind.value
            kept.append(and_(kind, c.subject_number == self.subject.number))
        if self.since is not None:
            kept.append(c.created_at >= self.since)
        if self.other_fingerprint_than is not None:
            kept.append(c.fingerprint != self.other_fingerprint_than)
        if self.words_owed:
            kept.append(or_(c.told.is_(None), c.told != c.status))
        if self.pull_open:
            opened = c.status == RequestStatus.PR_OPENED.value
            kept.append(and_(opened, c.pull_closed_at.is_(None)))
        return kept


@dataclass(frozen=True, slots=True)
class Gauges:
    """How things stand now, for whoever watches the bot."""

    requests: Mapping[RequestStatus, int]
    parked: Mapping[ParkReason, int]
    oldest_queued_s: float
    """How long the request that has waited longest for a worker has; 0 where none waits."""
    words_owed: int
    """Ends that nobody was told of yet."""
    deliveries: int
    """Stored and not handled yet."""
    pools: int


class Queries(Part):
    """What only reads."""

    def list_requests(
        self, wanted: RequestFilter | None = None, *, limit: int | None = None
    ) -> list[Request]:
        """The requests that pass the filter, newest first."""
        c = requests.c
        newest = (c.created_at.desc(), c.number.desc(), c.id.desc())
        query = _filtered(select(requests), wanted).order_by(*newest)
        with self._database.reading() as connection:
            return [from_row(row) for row in connection.execute(query.limit(limit))]

    def count_requests(self, wanted: RequestFilter | None = None) -> int:
        """How many pass the filter: a user's since midnight, a repository's open pull requests."""
        with self._database.reading() as connection:
            return self._number(connection, _filtered(select(func.count(requests.c.id)), wanted))

    def queue_length(self) -> int:
        """Requests that wait for a worker now."""
        return self.count_requests(RequestFilter(statuses=(RequestStatus.QUEUED,)))

    def queue_position(self, request_id: str) -> int | None:
        """How many QUEUED requests go before this one, or None where it is not QUEUED."""
        c = requests.c
        with self._database.reading() as connection:
            row = read_row(connection, request_id)
            if row.status != RequestStatus.QUEUED.value:
                return None
            made = literal(row.created_at, c.created_at.type)
            mine = tuple_(made, literal(row.number), literal(row.id))
            older = tuple_(c.created_at, c.number, c.id) < mine
            before = or_(c.priority > row.priority, and_(c.priority == row.priority, older))
            query = select(func.count(c.id)).where(c.status == row.status, before)
            return self._number(connection, query)

    def counts_by_status(self) -> dict[RequestStatus, int]:
        """How many requests stand where; a status that none has is 0."""
        query = select(requests.c.status, func.count(requests.c.id)).group_by(requests.c.status)
        with self._database.reading() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        return {status: found.get(status.value, 0) for status in RequestStatus}

    def count_unhandled_deliveries(self) -> int:
        query = select(func.count(deliveries.c.id)).where(deliveries.c.handled_at.is_(None))
        with self._database.reading() as connection:
            return self._number(connection, query)

    def gauges(self) -> Gauges:
        """All of them, as of one moment."""
        c = requests.c
        statuses = select(c.status, func.count(c.id)).group_by(c.status)
        parts = select(c.parked, func.count(c.id)).where(c.parked.is_not(None)).group_by(c.parked)
        oldest = select(func.min(c.updated_at)).where(c.status == RequestStatus.QUEUED.value)
        owed = RequestFilter(statuses=tuple(ENDS), words_owed=True)
        unhandled = select(func.count(deliveries.c.id)).where(deliveries.c.handled_at.is_(None))
        with self._database.reading() as connection:
            by_status = {row[0]: row[1] for row in connection.execute(statuses)}
            by_part = {row[0]: row[1] for row in connection.execute(parts)}
            since = connection.scalar(oldest)
            waited = (self._clock() - since).total_seconds() if since is not None else 0.0
            return Gauges(
                requests={status: by_status.get(status.value, 0) for status in RequestStatus},
                parked={part: by_part.get(part.value, 0) for part in ParkReason},
                oldest_queued_s=max(waited, 0.0),
                words_owed=self._number(connection, _filtered(select(func.count(c.id)), owed)),
                deliveries=self._number(connection, unhandled),
                pools=self._number(connection, select(func.count(pools.c.number))),
            )

    def _number(self, connection: Any, query: Select[Any]) -> int:
        return int(connection.scalar(query) or 0)


def _filtered(query: Select[Any], wanted: RequestFilter | None) -> Select[Any]:
    conditions: Sequence[ColumnElement[bool]] = wanted.conditions() if wanted else ()
    return query.where(*conditions)

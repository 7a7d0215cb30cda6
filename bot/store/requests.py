"""The requests: added once, changed only along the state machine, every change kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from bot.requests import Request, RequestStatus, transition
from bot.retry import ParkReason
from bot.store.base import Part
from bot.store.changes import changed, read_row, record, write
from bot.store.errors import LeaseLost
from bot.store.rows import from_row, key_hash, to_row
from bot.store.solutions import dump_solution, load_solution
from bot.store.tables import attempts, requests, solutions, status_changes
from engine.candidates import Pool

if TYPE_CHECKING:
    from engine.search import Solution


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One change as it was made. `old` is None for the first; both are one where a part was down."""

    at: datetime
    old: RequestStatus | None
    new: RequestStatus
    reason: str
    worker: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One worker's turn at a request; `ended_at` is None while it lasts."""

    worker: str
    started_at: datetime
    ended_at: datetime | None
    ended_as: RequestStatus | None
    parked: ParkReason | None
    reason: str


class Requests(Part):
    """Requests one by one. `worker`, where given, must hold the lease, or LeaseLost is raised."""

    def add_request(self, request: Request) -> tuple[Request, bool]:
        """Store a new request; the stored one, and whether it is new.

        Where the same trigger has made one of the same stub before, that one is left and returned.
        """
        number = select(func.coalesce(func.max(requests.c.number), 0) + 1).scalar_subquery()
        stored = self._database.insert(requests).values(**to_row(request), number=number)
        with self._database.writing() as connection:
            fresh = stored.on_conflict_do_nothing(index_elements=["key_hash"])
            if connection.scalar(fresh.returning(requests.c.id)) is not None:
                record(connection, None, request, None)
                return request, True
            same = requests.c.key_hash == key_hash(request)
            return from_row(connection.execute(select(requests).where(same)).one()), False

    def get_request(self, request_id: str) -> Request:
        """Raises UnknownRequest."""
        with self._database.reading() as connection:
            return from_row(read_row(connection, request_id))

    def apply(
        self,
        request_id: str,
        step: Callable[[Request], Request],
        *,
        worker: str | None = None,
        solution: Solution | None = None,
        let_go: bool = False,
    ) -> Request:
        """Change a request by a pure function of what it is now, all in one transaction.

        `step` may change the status as TRANSITIONS allows, or leave it. The worker's turn ends when
        it is neither RUNNING nor SOLVED any more, is parked, or with `let_go`. Raises
        IllegalTransition, and what `step` raises; nothing is changed then.
        """
        with self._database.writing() as connection:
            row = read_row(connection, request_id, lock=True)
            if worker is not None and row.worker != worker:
                raise LeaseLost(request_id, worker)
            new = changed(from_row(row), step)
            new = write(connection, row, new, now=self._clock(), let_go=let_go)
            if solution is not None:
                _keep_solution(self._database.insert(solutions), connection, new, solution)
            return new

    def transition(
        self,
        request_id: str,
        status: RequestStatus,
        reason: str = "",
        *,
        worker: str | None = None,
        **changes: Any,
    ) -> Request:
        """Change the status, and other fields with it. Raises IllegalTransition, LeaseLost."""

        def step(request: Request) -> Request:
            return transition(request, status, reason=reason, at=self._clock(), **changes)

        return self.apply(request_id, step, worker=worker)

    def update_request(self, request_id: str, **changes: Any) -> Request:
        """Change fields that are no status, such as the status comment's id."""
        return self.apply(request_id, lambda request: replace(request, **changes))

    def solve(
        self, request_id: str, solution: Solution, reason: str = "", *, worker: str | None = None
    ) -> Request:
        """RUNNING becomes SOLVED and its solution is kept, both or neither. The lease goes on."""

        def step(request: Request) -> Request:
            changes = {"parks": 0, "lost_leases": 0}
            solved = RequestStatus.SOLVED
            return transition(request, solved, reason=reason, at=self._clock(), **changes)

        return self.apply(request_id, step, worker=worker, solution=solution)

    def load_solution(self, request_id: str, pool: Pool) -> Solution | None:
        """The kept solution, with `pool` in its place; None where it was never solved."""
        wanted = select(solutions.c.solution).where(solutions.c.request_id == request_id)
        with self._database.reading() as connection:
            kept = connection.scalar(wanted)
        return None if kept is None else load_solution(kept, pool)

    def history(self, request_id: str) -> list[StatusChange]:
        """Every change of status, oldest first."""
        of_it = status_changes.c.request_id == request_id
        with self._database.reading() as connection:
            rows = connection.execute(
                select(status_changes).where(of_it).order_by(status_changes.c.id)
            ).all()
        return [
            StatusChange(
                row.at,
                RequestStatus(row.old) if row.old else None,
                RequestStatus(row.new),
                row.reason,
                row.worker,
            )
            for row in rows
        ]

    def attempts_of(self, request_id: str) -> list[Attempt]:
        """Every worker's turn at it, oldest first."""
        of_it = attempts.c.request_id == request_id
        with self._database.reading() as connection:
            rows = connection.execute(select(attempts).where(of_it).order_by(attempts.c.id)).all()
        return [
            Attempt(
                row.worker,
                row.started_at,
                row.ended_at,
                RequestStatus(row.ended_as) if row.ended_as else None,
                ParkReason(row.parked) if row.parked else None,
                row.reason,
            )
            for row in rows
        ]


def _keep_solution(
    inserted: Any, connection: Connection, request: Request, solution: Solution
) -> None:
    again = {"solution": dump_solution(solution), "solved_at": request.updated_at}
    connection.execute(
        inserted.values(request_id=request.id, **again).on_conflict_do_update(
            index_elements=["request_id"], set_=again
        )
    )

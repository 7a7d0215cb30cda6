"""A request's life as one state machine. Pure; only `transition` changes a status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.errors import SuperchargeError


class RequestStatus(StrEnum):
    """Where a request stands. docs/design.md draws the same machine; a test holds them equal."""

    QUEUED = "queued"
    """Waits for a worker."""
    RUNNING = "running"
    """A worker searches."""
    WAITING = "waiting"
    """Not solved, or a part was down; is queued again at a later time, with its pool."""
    SOLVED = "solved"
    """A pair is good enough; what is left is the pull request, so that is all a retry does."""
    PR_OPENED = "pr_opened"
    """The end that everybody wants."""
    EXHAUSTED = "exhausted"
    """All retries are spent. The pool is kept."""
    FAILED = "failed"
    """An internal error, told with an id."""
    CANCELLED = "cancelled"
    """Somebody asked to stop."""
    REFUSED = "refused"
    """It may not, or cannot, be done; the reason was told."""


TRANSITIONS: Mapping[RequestStatus, frozenset[RequestStatus]] = {
    RequestStatus.QUEUED: frozenset(
        {RequestStatus.RUNNING, RequestStatus.CANCELLED, RequestStatus.REFUSED}
    ),
    RequestStatus.RUNNING: frozenset(
        {
            RequestStatus.SOLVED,
            RequestStatus.WAITING,
            RequestStatus.EXHAUSTED,
            RequestStatus.FAILED,
            RequestStatus.CANCELLED,
            RequestStatus.REFUSED,
        }
    ),
    RequestStatus.WAITING: frozenset({RequestStatus.QUEUED, RequestStatus.CANCELLED}),
    RequestStatus.SOLVED: frozenset(
        {
            RequestStatus.PR_OPENED,
            RequestStatus.FAILED,
            RequestStatus.CANCELLED,
            RequestStatus.REFUSED,
        }
    ),
    RequestStatus.PR_OPENED: frozenset(),
    RequestStatus.EXHAUSTED: frozenset(),
    RequestStatus.FAILED: frozenset(),
    RequestStatus.CANCELLED: frozenset(),
    RequestStatus.REFUSED: frozenset(),
}


class IllegalTransition(SuperchargeError):
    """A status was to change in a way that the machine does not have."""


@dataclass(frozen=True, slots=True)
class Request:
    """One stub that somebody wants filled."""

    id: str
    status: RequestStatus = RequestStatus.QUEUED
    reason: str = ""


def transition(request: Request, status: RequestStatus, *, reason: str = "") -> Request:
    """The request in its new status. Raises IllegalTransition where the machine has no such arrow."""
    if status not in TRANSITIONS[request.status]:
        raise IllegalTransition(
            f"{request.id}: {request.status.value} never becomes {status.value}"
        )
    return replace(request, status=status, reason=reason)

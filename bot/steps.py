"""What happens to a request, as pure steps from one value of it to the next.

`Store.apply` runs a step in a transaction: `store.apply(id, lambda r: unsolved(r, …), worker=name)`.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime

from bot.requests import IllegalTransition, Request, RequestStatus, transition
from bot.retry import ParkPolicy, ParkReason, RetryPolicy

MOST_LOST_LEASES = 5
"""Workers in a row that may die over one request before it is taken to be what kills them."""


def unsolved(
    request: Request,
    *,
    policy: RetryPolicy,
    now: datetime,
    rng: random.Random,
    reason: str,
    fingerprint: str = "",
) -> Request:
    """A search ended without success: it waits for the next one, or its retries are spent.

    `fingerprint` names the model and prompts that did not solve it. One that was to be cancelled is.
    """
    if request.cancel_requested:
        return _stopped(request, now)
    attempts = request.attempts + 1
    again = policy.next_retry(attempts, now, rng, expires_at=request.expires_at)
    return transition(
        request,
        RequestStatus.EXHAUSTED if again is None else RequestStatus.WAITING,
        reason=reason,
        at=now,
        attempts=attempts,
        parks=0,
        lost_leases=0,
        retry_at=again,
        fingerprint=fingerprint,
    )


def parked(
    request: Request,
    part: ParkReason,
    *,
    policy: ParkPolicy,
    now: datetime,
    rng: random.Random,
    reason: str,
    retry_after_s: float = 0.0,
) -> Request:
    """A part was down: it goes on later where it stood, and no attempt is spent.

    RUNNING waits. SOLVED stays what it is, with a time to go on at. One that was to be cancelled is.
    """
    if request.cancel_requested:
        return _stopped(request, now)
    parks = request.parks + 1
    again = policy.next_try(parks, now, rng, retry_after_s=retry_after_s)
    if request.status is RequestStatus.SOLVED:
        return replace(request, reason=reason, retry_at=again, parked=part, parks=parks)
    changes = {"retry_at": again, "parked": part, "parks": parks}
    return transition(request, RequestStatus.WAITING, reason=reason, at=now, **changes)


def lease_lost(request: Request, *, now: datetime, error_id: str) -> Request:
    """Its worker died. It is queued again, but not for ever: then it fails, under `error_id`."""
    lost = request.lost_leases + 1
    if request.cancel_requested:
        return _stopped(request, now)
    if lost >= MOST_LOST_LEASES:
        return transition(
            request,
            RequestStatus.FAILED,
            reason=f"{lost} workers in a row died over it",
            at=now,
            lost_leases=lost,
            error_id=error_id,
        )
    if request.status is RequestStatus.SOLVED:
        return replace(request, lost_leases=lost)
    again, reason = RequestStatus.QUEUED, "its worker died; another one goes on with its pool"
    return transition(request, again, reason=reason, at=now, lost_leases=lost)


def released(request: Request, *, now: datetime, reason: str) -> Request:
    """Its worker stops in good order: RUNNING is queued again, SOLVED stays for the next one."""
    if request.cancel_requested:
        return _stopped(request, now)
    if request.status is RequestStatus.SOLVED:
        return request
    return transition(request, RequestStatus.QUEUED, reason=reason, at=now)


def woken(request: Request, *, now: datetime) -> Request:
    """Its time has come: WAITING is queued again, or given up where it has expired."""
    if request.expires_at is not None and request.expires_at <= now:
        reason = "it expired before it was solved"
        return transition(request, RequestStatus.EXHAUSTED, reason=reason, at=now)
    return transition(request, RequestStatus.QUEUED, reason="its time has come", at=now)


def unparked(request: Request, *, now: datetime) -> Request:
    """The part that it waited for answers again: it goes on before its time."""
    if request.status is RequestStatus.SOLVED:
        return replace(request, reason="", retry_at=None, parked=None)
    reason = "what was down answers again"
    return transition(request, RequestStatus.QUEUED, reason=reason, at=now)


def revived(
    request: Request,
    *,
    now: datetime,
    reason: str,
    expires_at: datetime | None = None,
    fresh: bool = False,
) -> Request:
    """Somebody asked for `retry`, or there is a new model: queued at once, with all its retries.

    `fresh` drops the pool. Raises IllegalTransition for a request that is under way or is done.
    """
    queued = transition(request, RequestStatus.QUEUED, reason=reason, at=now, attempts=0)
    if request.status is RequestStatus.RUNNING:
        raise IllegalTransition(f"{request.id}: it is running already")
    return replace(
        queued,
        expires_at=expires_at or request.expires_at,
        pool_id=None if fresh else request.pool_id,
    )


def cancelled(request: Request, *, now: datetime, reason: str, held: bool) -> Request:
    """Somebody, `reason`, asked to stop. A worker that holds it is told, and ends it in seconds."""
    if held:
        return replace(request, cancel_requested=True, reason=reason)
    return transition(request, RequestStatus.CANCELLED, reason=reason, at=now)


def _stopped(request: Request, now: datetime) -> Request:
    """The end of a request that was to be cancelled: its reason was told when that was asked."""
    reason = request.reason or "cancelled"
    return transition(request, RequestStatus.CANCELLED, reason=reason, at=now)

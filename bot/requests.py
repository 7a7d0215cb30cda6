"""A request: one stub that somebody wants filled, and its life as one state machine. Pure.

Only `transition` changes a status, against `TRANSITIONS`; docs/design.md draws the same machine.
Times are aware and in UTC; they are handed in, since nothing here reads a clock.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.retry import ParkReason
from engine.errors import SuperchargeError
from engine.spec import FunctionSpec


class RequestStatus(StrEnum):
    """Where a request stands."""

    QUEUED = "queued"
    """Waits for a worker."""
    RUNNING = "running"
    """A worker searches."""
    WAITING = "waiting"
    """Not solved, or a part was down; is queued again at `retry_at`, with its pool."""
    SOLVED = "solved"
    """A pair is good enough; what is left is to hand it over, so that is all a retry does."""
    PR_OPENED = "pr_opened"
    """The end that everybody wants."""
    ANSWERED = "answered"
    """Solved, and the code was given in a comment: a dry run, or a branch that we may not push to."""
    EXHAUSTED = "exhausted"
    """All retries are spent, or it expired. The pool is kept."""
    FAILED = "failed"
    """An internal error, told with an id."""
    CANCELLED = "cancelled"
    """Somebody asked to stop."""
    REFUSED = "refused"
    """It may not, or cannot, be done; the reason was told."""

    @property
    def is_end(self) -> bool:
        """Whether nothing more happens by itself. A person, or a new model, can revive some ends."""
        return self in ENDS


TRANSITIONS: Mapping[RequestStatus, frozenset[RequestStatus]] = {
    RequestStatus.QUEUED: frozenset(
        {RequestStatus.RUNNING, RequestStatus.CANCELLED, RequestStatus.REFUSED}
    ),
    RequestStatus.RUNNING: frozenset(
        {
            RequestStatus.SOLVED,
            RequestStatus.WAITING,
            RequestStatus.QUEUED,
            RequestStatus.EXHAUSTED,
            RequestStatus.FAILED,
            RequestStatus.CANCELLED,
            RequestStatus.REFUSED,
        }
    ),
    RequestStatus.WAITING: frozenset(
        {RequestStatus.QUEUED, RequestStatus.EXHAUSTED, RequestStatus.CANCELLED}
    ),
    RequestStatus.SOLVED: frozenset(
        {
            RequestStatus.PR_OPENED,
            RequestStatus.ANSWERED,
            RequestStatus.FAILED,
            RequestStatus.CANCELLED,
            RequestStatus.REFUSED,
        }
    ),
    RequestStatus.PR_OPENED: frozenset(),
    RequestStatus.ANSWERED: frozenset(),
    RequestStatus.EXHAUSTED: frozenset({RequestStatus.QUEUED}),
    RequestStatus.FAILED: frozenset({RequestStatus.QUEUED}),
    RequestStatus.CANCELLED: frozenset({RequestStatus.QUEUED}),
    RequestStatus.REFUSED: frozenset(),
}

ENDS = frozenset(
    {
        RequestStatus.PR_OPENED,
        RequestStatus.ANSWERED,
        RequestStatus.EXHAUSTED,
        RequestStatus.FAILED,
        RequestStatus.CANCELLED,
        RequestStatus.REFUSED,
    }
)


class IllegalTransition(SuperchargeError):
    """A status was to change in a way that the machine does not have."""


class SubjectKind(StrEnum):
    """What the request was made on."""

    ISSUE = "issue"
    PULL = "pull"


@dataclass(frozen=True, slots=True)
class Subject:
    """The issue or pull request that the request was made on."""

    kind: SubjectKind
    number: int


class TriggerKind(StrEnum):
    """What made the request."""

    ISSUE_COMMENT = "issue_comment"
    """A comment below an issue or a pull request."""
    REVIEW_COMMENT = "review_comment"
    """A comment on a line of a pull request."""
    REVIEW = "review"
    """The words of a review of a whole pull request."""
    LABEL = "label"


@dataclass(frozen=True, slots=True)
class Trigger:
    """What made the request: the comment's id, or for a label the id of the delivery that told of it.

    With the target it makes a request unique, so the same trigger never makes two of one stub.
    """

    kind: TriggerKind
    id: str


@dataclass(frozen=True, slots=True)
class Options:
    """What the command asked for; None where it said nothing and configuration decides."""

    candidates: int | None = None
    tests: int | None = None
    threshold: float | None = None
    minutes: float | None = None
    base: str | None = None
    wish: str | None = None
    """The words of `improve "…"`."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One stub that somebody wants filled.

    `repository` is "owner/name", `requester` a login. `spec` was read at the commit `head_sha` of
    `base_branch`, onto which the pull request goes. `attempts` counts searches that ended without
    success, `parks` outages in a row, which cost no attempt, and `lost_leases` workers in a row
    that died over it. `fingerprint` names the model and prompts that exhausted it. `told` is the
    status that the requester was told of since it last changed: where it is not `status`, words are
    owed.
    """

    id: str
    repository: str
    subject: Subject
    trigger: Trigger
    requester: str
    spec: FunctionSpec
    created_at: datetime
    updated_at: datetime
    installation_id: int | None = None
    requester_id: int | None = None
    options: Options = Options()
    base_branch: str = ""
    head_sha: str = ""
    status: RequestStatus = RequestStatus.QUEUED
    reason: str = ""
    error_id: str | None = None
    status_comment_id: int | None = None
    told: RequestStatus | None = None
    pool_id: str | None = None
    branch: str | None = None
    pull_number: int | None = None
    pull_closed_at: datetime | None = None
    priority: int = 0
    """Higher goes first; among equals the older one."""
    attempts: int = 0
    parked: ParkReason | None = None
    """The part that is down, while an outage is waited out."""
    parks: int = 0
    lost_leases: int = 0
    cancel_requested: bool = False
    retry_at: datetime | None = None
    """When it goes on: set while WAITING, and while SOLVED and parked."""
    expires_at: datetime | None = None
    fingerprint: str = ""

    @property
    def path(self) -> str:
        """The stub's file, relative to the repository's root."""
        return self.spec.path

    @property
    def qualname(self) -> str:
        return self.spec.qualname

    @property
    def target(self) -> str:
        """The stub as people write it: `path/to/file.py::Class.method`."""
        return f"{self.spec.path}::{self.spec.qualname}"

    @property
    def key(self) -> str:
        """What makes it unique: where, by which trigger, which stub."""
        trigger = f"{self.trigger.kind.value}:{self.trigger.id}"
        subject = f"{self.subject.kind.value}:{self.subject.number}"
        return f"{self.repository}|{subject}|{trigger}|{self.target}"


def transition(
    request: Request,
    status: RequestStatus,
    *,
    reason: str = "",
    at: datetime | None = None,
    **changes: Any,
) -> Request:
    """The request in its new status, with `changes` to other fields; `at` is the time of the change.

    Where it waited, and for what, is forgotten when it leaves; a revived one starts with all its
    retries. Raises IllegalTransition where the machine has no such arrow, or where WAITING comes
    without a `retry_at`.
    """
    if status not in TRANSITIONS[request.status]:
        raise IllegalTransition(
            f"{request.id}: {request.status.value} never becomes {status.value}"
        )
    if status is RequestStatus.WAITING and changes.get("retry_at") is None:
        raise IllegalTransition(f"{request.id}: waiting needs a time to go on at")
    kept: dict[str, Any] = {
        "retry_at": None,
        "parked": None,
        "told": None,
        "updated_at": at or request.updated_at,
    }
    if request.status.is_end:
        kept |= {"attempts": 0, "parks": 0, "lost_leases": 0, "cancel_requested": False}
        kept |= {"error_id": None, "fingerprint": ""}
    return replace(request, status=status, reason=reason, **(kept | changes))


_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
"""Safe in URLs and branch names, without signs that are mistaken for each other."""


def new_id(choose: Callable[[Sequence[str]], str] = secrets.choice) -> str:
    """A fresh id: ten signs, about 49 bits."""
    return "".join(choose(_ALPHABET) for _ in range(10))

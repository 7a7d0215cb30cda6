"""A delivery's payload as a typed value: the door past which no raw dictionary goes.

`webhooks.payloads.parse_event` makes one of the events below from the bytes that GitHub sent. What this
bot has no use for is an `Unknown`: recognised and ignored, never an error. Whether an action is acted
upon is a handler's matter; every event says which one it was.

Ids are positive and fit 64 bits, names and hashes have the form that GitHub gives them, so they can go
into a URL or a database. Free text has no NUL and no lone surrogate, which databases refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What happened to the thing that the event is about. Each event documents which it has."""

    CREATED = "created"
    EDITED = "edited"
    DELETED = "deleted"
    SUBMITTED = "submitted"
    DISMISSED = "dismissed"
    LABELED = "labeled"
    UNLABELED = "unlabeled"
    OPENED = "opened"
    REOPENED = "reopened"
    SYNCHRONIZE = "synchronize"
    CLOSED = "closed"
    ADDED = "added"
    REMOVED = "removed"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    NEW_PERMISSIONS_ACCEPTED = "new_permissions_accepted"


class ReviewState(StrEnum):
    """What a reviewer said of the whole pull request."""

    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    COMMENTED = "commented"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Account:
    """A user, an organisation or a bot."""

    id: int
    login: str
    is_bot: bool


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as its events describe it; `full_name` is `owner/name`."""

    id: int
    full_name: str
    private: bool
    default_branch: str
    fork: bool


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """A repository as an installation lists it."""

    id: int
    full_name: str
    private: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """One side of a pull request. `repository` is None where a fork was deleted."""

    repository: Repository | None
    ref: str
    sha: str


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue, or the issue side of a pull request. `author` is None where the account is gone."""

    number: int
    title: str
    body: str
    author: Account | None
    open: bool
    labels: tuple[str, ...]
    is_pull_request: bool


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request. `author` is None where the account is gone."""

    number: int
    title: str
    body: str
    author: Account | None
    open: bool
    merged: bool
    draft: bool
    head: Branch
    base: Branch

    @property
    def from_fork(self) -> bool:
        """Whether the head is in another repository than the base; so is a head that is gone."""
        head, base = self.head.repository, self.base.repository
        return head is None or base is None or head.id != base.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Any delivery: its id (a UUID) and GitHub's name for the event."""

    delivery_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Event):
    """An event, or an action of one, that this bot has no use for. `action` may be empty."""

    action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Event):
    """GitHub tries the webhook out."""

    hook_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation(Event):
    """The App came to an account, went, or sees other repositories there than before.

    Actions: created, deleted, suspend, unsuspend, new_permissions_accepted, added, removed.
    """

    action: Action
    installation_id: int
    account: Account
    sender: Account
    added: tuple[RepositoryName, ...]
    removed: tuple[RepositoryName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryEvent(Event):
    """Something in a repository, done by `sender`. Without an App there is no installation."""

    action: Action
    repository: Repository
    sender: Account
    installation_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueComment(RepositoryEvent):
    """A comment below an issue or a pull request. Actions: created, edited, deleted."""

    issue: Issue
    comment_id: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestReviewComment(RepositoryEvent):
    """A comment on a line of a pull request's diff. Actions: created, edited, deleted.

    `line` is of the file at `commit`, 1-based and the last one of a range; None when the comment is on
    the whole file, or outdated: the line is no longer there. `on_base` tells a removed line, counted in
    the base's file.
    """

    pull: Pull
    comment_id: int
    body: str
    path: str
    line: int | None
    on_base: bool
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestReview(RepositoryEvent):
    """A review of a whole pull request. Actions: submitted, edited, dismissed."""

    pull: Pull
    review_id: int
    body: str
    state: ReviewState
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueLabeled(RepositoryEvent):
    """An issue got or lost a label. Actions: labeled, unlabeled."""

    issue: Issue
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestLabeled(RepositoryEvent):
    """A pull request got or lost a label. Actions: labeled, unlabeled."""

    pull: Pull
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest(RepositoryEvent):
    """A pull request itself changed. Actions: opened, reopened, synchronize, closed."""

    pull: Pull

"""What the bot and GitHub tell each other, as frozen values. Pure.

A repository is always its full name, "owner/name". Times are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum, StrEnum


class Permission(IntEnum):
    """What somebody may do in a repository; ordered, so that `>=` asks for "at least"."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5

    @classmethod
    def of(cls, name: str | None) -> Permission:
        """GitHub's word for it as a value; a word that is not known grants nothing."""
        return cls.__members__.get((name or "").upper(), cls.NONE)


class State(StrEnum):
    """Of an issue or a pull request. An issue is never MERGED."""

    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


class FileStatus(StrEnum):
    """What a pull request does to a file."""

    ADDED = "added"
    REMOVED = "removed"
    MODIFIED = "modified"
    RENAMED = "renamed"
    COPIED = "copied"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class Reaction(Enum):
    """A reaction; the value is GitHub's name for it."""

    THUMBS_UP = "+1"
    THUMBS_DOWN = "-1"
    EYES = "eyes"
    ROCKET = "rocket"
    CONFUSED = "confused"


class TargetKind(StrEnum):
    """What a reaction can be put on."""

    ISSUE = "issue"
    """An issue, or a pull request as a whole; its number."""
    ISSUE_COMMENT = "issue_comment"
    """A comment below either; its id."""
    REVIEW_COMMENT = "review_comment"
    """A comment on a line of a pull request; its id."""


class ReviewState(StrEnum):
    """What a reviewer said of the whole pull request."""

    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    COMMENTED = "commented"
    DISMISSED = "dismissed"


class CheckStatus(StrEnum):
    """How far a check run is; COMPLETED goes with a conclusion."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class CheckConclusion(StrEnum):
    """How a completed check run ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"
    ACTION_REQUIRED = "action_required"


@dataclass(frozen=True, slots=True)
class Account:
    """A user, an organisation or a bot (whose login ends in "[bot]")."""

    id: int
    login: str
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as far as the bot needs to know it."""

    full_name: str
    default_branch: str
    private: bool
    fork: bool


@dataclass(frozen=True, slots=True)
class File:
    """A file at some ref: its bytes, and `sha`, the hash of its blob."""

    content: bytes
    sha: str


@dataclass(frozen=True, slots=True)
class Side:
    """The head or the base of a pull request. `repository` is None where a fork was deleted."""

    repository: str | None
    ref: str
    sha: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request. `author` is None where the account is gone."""

    number: int
    title: str
    body: str
    author: Account | None
    state: State
    draft: bool
    head: Side
    base: Side
    url: str
    """The page for people."""

    @property
    def from_fork(self) -> bool:
        """Whether the head is in another repository than the base; so is a head that is gone."""
        return self.head.repository is None or self.head.repository != self.base.repository


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file of a pull request.

    `patch` are its unified hunks, None where GitHub leaves them out: the file is binary, or too large.
    """

    path: str
    status: FileStatus
    patch: str | None
    sha: str | None
    """The blob's hash at the head."""
    previous_path: str | None = None


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue, or the issue side of a pull request. `author` is None where the account is gone."""

    number: int
    title: str
    body: str
    author: Account | None
    state: State
    labels: tuple[str, ...]
    is_pull_request: bool
    url: str
    """The page for people."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment below an issue or a pull request, whose number is `issue`."""

    id: int
    issue: int
    body: str
    author: Account | None
    created_at: datetime
    updated_at: datetime
    url: str
    """The page for people."""


@dataclass(frozen=True, slots=True)
class ReviewComment:
    """A comment on a line of a pull request's diff, whose number is `pull`.

    `line` is of the file at `commit`, 1-based and the last of a range; None when the comment is
    outdated or on the whole file.
    """

    id: int
    pull: int
    body: str
    author: Account | None
    path: str
    line: int | None
    commit: str
    in_reply_to: int | None
    created_at: datetime
    updated_at: datetime
    url: str
    """The page for people."""


@dataclass(frozen=True, slots=True)
class Review:
    """A review of a whole pull request, whose number is `pull`. `author` is None where it is gone."""

    id: int
    pull: int
    body: str
    author: Account | None
    state: ReviewState
    commit: str
    """The head that was looked at; empty where it is gone."""
    submitted_at: datetime
    url: str
    """The page for people."""


@dataclass(frozen=True, slots=True)
class Labelling:
    """That somebody put a label on an issue or a pull request; `id` is the event's."""

    id: int
    label: str
    by: Account | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """What a reaction goes on: `id` is a number for an issue, else a comment's id."""

    kind: TargetKind
    id: int


@dataclass(frozen=True, slots=True)
class Signature:
    """Who made a commit, and when. A fixed time makes the same commit again get the same hash."""

    name: str
    email: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit to be made on `branch`, with `parent` as its only parent.

    `files` maps paths to their new bytes, or to None to delete one. A file that is not named stays
    as it is, one that is keeps its mode. Without an author the credential's own account makes it,
    and GitHub signs it.
    """

    branch: str
    parent: str
    message: str
    files: Mapping[str, bytes | None]
    author: Signature | None = None
    committer: Signature | None = None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check run shows. `conclusion` is there if and only if the status is COMPLETED."""

    name: str
    status: CheckStatus
    title: str
    summary: str
    """Markdown, at most 65,535 characters; what is longer is cut."""
    conclusion: CheckConclusion | None = None
    external_id: str = ""
    """The bot's own id of what the check run stands for."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that GitHub has tried to make to the App's webhook."""

    id: int
    """Of this attempt."""
    guid: str
    """Of the delivery: the same for every attempt, and what the receiver sees as its id."""
    event: str
    action: str
    delivered_at: datetime
    status_code: int
    """What the receiver answered; 0 where nothing answered."""
    redelivery: bool

    @property
    def ok(self) -> bool:
        """Whether the receiver took it."""
        return 200 <= self.status_code < 300

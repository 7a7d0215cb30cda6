"""What the loopback GitHub knows: accounts, repositories, and what people did in them.

Kept in memory, but for the commits, which are in real git repositories. Whoever reads or changes it
holds `World.lock`.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from bot.forge.fake.gitrepo import GitRepository
from bot.forge.values import Permission


class AccountKind(StrEnum):
    """As GitHub writes it."""

    USER = "User"
    ORGANIZATION = "Organization"
    BOT = "Bot"


@dataclass(eq=False, slots=True)
class User:
    """An account of any kind."""

    id: int
    login: str
    kind: AccountKind
    created_at: datetime


@dataclass(eq=False, slots=True)
class App:
    """A GitHub App; `bot` is the account that it acts as."""

    id: int
    slug: str
    owner: User
    bot: User
    public_key: str
    permissions: dict[str, str]
    events: tuple[str, ...]
    created_at: datetime


@dataclass(eq=False, slots=True)
class Installation:
    """An App in an account, for some of its repositories."""

    id: int
    app: App
    account: User
    repositories: list[Repo]
    permissions: dict[str, str]
    created_at: datetime
    suspended_at: datetime | None = None


@dataclass(eq=False, slots=True)
class Label:
    """A label that a repository has."""

    id: int
    name: str


@dataclass(eq=False, slots=True)
class Reacted:
    """One user's reaction."""

    id: int
    user: User
    content: str
    created_at: datetime


@dataclass(eq=False, slots=True)
class Labelled:
    """That somebody put a label on an issue, or took it away."""

    id: int
    label: Label
    user: User
    at: datetime
    put_on: bool


@dataclass(eq=False, slots=True)
class Review:
    """A review of a pull request; `state` as the webhooks word it, in lower case."""

    id: int
    user: User
    body: str
    state: str
    commit: str
    submitted_at: datetime


@dataclass(eq=False, slots=True)
class Pull:
    """The pull request side of an issue. `head_repo` is None once a fork is gone."""

    id: int
    head_repo: Repo | None
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    draft: bool
    merged_at: datetime | None = None
    reviews: list[Review] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Issue:
    """An issue, or a pull request with its `pull`."""

    id: int
    number: int
    title: str
    body: str
    user: User
    created_at: datetime
    updated_at: datetime
    labels: list[Label] = field(default_factory=list)
    labelled: list[Labelled] = field(default_factory=list)
    closed_at: datetime | None = None
    reactions: list[Reacted] = field(default_factory=list)
    pull: Pull | None = None
    unseen: int = 0
    """How many lists still leave it out (eventual consistency)."""


@dataclass(eq=False, slots=True)
class Comment:
    """A comment below an issue."""

    id: int
    issue: Issue
    user: User
    body: str
    created_at: datetime
    updated_at: datetime
    reactions: list[Reacted] = field(default_factory=list)
    unseen: int = 0


@dataclass(eq=False, slots=True)
class ReviewComment:
    """A comment on a line; `line` is None on a whole file."""

    id: int
    issue: Issue
    user: User
    body: str
    path: str
    line: int | None
    side: str
    commit: str
    diff_hunk: str
    created_at: datetime
    updated_at: datetime
    reply_to: int | None = None
    reactions: list[Reacted] = field(default_factory=list)
    unseen: int = 0


@dataclass(eq=False, slots=True)
class CheckRun:
    """A check run as it stands."""

    id: int
    app: App
    name: str
    head_sha: str
    status: str
    conclusion: str | None
    external_id: str
    title: str | None
    summary: str | None
    started_at: datetime
    completed_at: datetime | None = None


@dataclass(eq=False, slots=True)
class Repo:
    """A repository; `roles` are those of its collaborators, by lower-case login."""

    id: int
    owner: User
    name: str
    private: bool
    default_branch: str
    git: GitRepository
    created_at: datetime
    fork_of: Repo | None = None
    has_drafts: bool = True
    """Whether its plan allows draft pull requests."""
    roles: dict[str, Permission] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    review_comments: dict[int, ReviewComment] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def role(self, user: User | None) -> Permission:
        """What somebody may do; everybody may read what is public."""
        everybody = Permission.NONE if self.private else Permission.READ
        if user is None:
            return everybody
        if user is self.owner:
            return Permission.ADMIN
        return max(everybody, self.roles.get(user.login.lower(), Permission.NONE))


@dataclass(frozen=True, slots=True)
class Token:
    """What a token stands for: a user, or an installation within bounds of its own."""

    user: User
    installation: Installation | None = None
    permissions: tuple[tuple[str, str], ...] = ()
    repositories: tuple[Repo, ...] = ()
    expires_at: datetime | None = None


def _now() -> datetime:
    return datetime.now(UTC)


class World:
    """Everything, and the counter that all ids come from."""

    def __init__(self, folder: Path, *, clock: Callable[[], datetime] = _now) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.repositories: dict[str, Repo] = {}
        self.tokens: dict[str, Token] = {}
        self._clock = clock
        self._ids = itertools.count(1001)

    def next_id(self) -> int:
        return next(self._ids)

    def now(self) -> datetime:
        """In whole seconds, as GitHub tells time."""
        return self._clock().astimezone(UTC).replace(microsecond=0)

    def user(self, login: str, kind: AccountKind = AccountKind.USER) -> User:
        """The account of that name, made if there is none."""
        key = login.lower()
        if key not in self.users:
            self.users[key] = User(self.next_id(), login, kind, self.now())
        return self.users[key]

    def repo(self, full_name: str) -> Repo | None:
        return self.repositories.get(full_name.lower())

    def installation_on(self, app: App, repo: Repo) -> Installation | None:
        found = (i for i in self.installations.values() if i.app is app and repo in i.repositories)
        return next(found, None)

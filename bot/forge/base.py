"""The narrow port to GitHub: what the bot asks of it, as frozen values. No I/O, no PyGithub.

A repository is always its full name, "owner/name". Times are aware and in UTC. Every call may block,
at most for the time-out times the few tries of a call that is safe to repeat; none sleeps for a
rate limit.

`errors` has the tree of what these calls raise, `values` what they take and give.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Protocol

from bot.forge.errors import (
    Conflict,
    Forbidden,
    ForgeError,
    Invalid,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from bot.forge.values import (
    Account,
    ChangedFile,
    CheckConclusion,
    CheckReport,
    CheckStatus,
    Comment,
    Delivery,
    File,
    FileStatus,
    Issue,
    Labelling,
    NewCommit,
    Permission,
    PullRequest,
    Reaction,
    Repository,
    Review,
    ReviewComment,
    ReviewState,
    Side,
    Signature,
    State,
    Target,
    TargetKind,
)

__all__ = [
    "Account",
    "ChangedFile",
    "CheckConclusion",
    "CheckReport",
    "CheckStatus",
    "Comment",
    "Conflict",
    "Delivery",
    "File",
    "FileStatus",
    "Forbidden",
    "Forge",
    "ForgeError",
    "Invalid",
    "Issue",
    "Labelling",
    "NewCommit",
    "NotFound",
    "Permission",
    "PullRequest",
    "RateLimited",
    "Reaction",
    "Repository",
    "Review",
    "ReviewComment",
    "ReviewState",
    "Side",
    "Signature",
    "State",
    "Target",
    "TargetKind",
    "Unauthorized",
    "Unavailable",
]


class Forge(Protocol):
    """GitHub, through one credential: a token, or an App with a token of its own per repository.

    Every method raises Unavailable (RateLimited, Unauthorized) when GitHub cannot be asked now, and
    another ForgeError when it answers no. Where None can be returned it stands for what is not
    there; every other method raises NotFound. Safe to call from several threads.
    """

    # -- who and where ---------------------------------------------------------------------------

    def me(self) -> Account:
        """The account that this credential's comments are made by."""

    def repositories(self) -> tuple[str, ...]:
        """Full names of all repositories that the App is installed on, or the token may write to."""

    def missing_permissions(self) -> tuple[str, ...]:
        """What an App needs and was not granted, like "octo: checks (write)"; none for a token."""

    def repository(self, repository: str) -> Repository:
        """What a repository is. Asked with an ETag: unchanged costs no quota."""

    def permission(self, repository: str, login: str) -> Permission:
        """What `login` may do there, as of now. Who is unknown, or an unknown answer, is NONE."""

    # -- content -----------------------------------------------------------------------------------

    def read_file(self, repository: str, path: str, ref: str) -> File | None:
        """The file at a branch, tag or commit; None where there is no such regular file."""

    def list_paths(self, repository: str, ref: str) -> tuple[str, ...]:
        """The paths of all files at a branch, tag or commit, sorted; no submodules, no links."""

    def branch_sha(self, repository: str, branch: str) -> str | None:
        """The commit that a branch is at, or None."""

    def commit(self, repository: str, new: NewCommit) -> str:
        """Makes the commit, and the branch with it where there is none; returns its hash.

        Once only: where the branch has this very commit (same parent, message and files) as its
        head already, that one is returned. Raises Conflict where it is at anything else than the
        parent; never forces.
        """

    def checkout(self, repository: str, sha: str, directory: Path) -> None:
        """Puts the files of a commit into an empty directory, and nothing else (no history, hooks).

        Submodules stay empty, LFS files pointers. Raises OSError where our own disk is full.

        A link comes as a small file that holds its target: nobody follows it out of the directory.
        """

    # -- issues and comments ------------------------------------------------------------------------

    def issue(self, repository: str, number: int) -> Issue:
        """An issue, or the issue side of a pull request."""

    def updated_issues(self, repository: str, *, since: datetime) -> tuple[Issue, ...]:
        """The open issues and pull requests updated at or after `since`, in the order of updates."""

    def last_labelling(self, repository: str, number: int, label: str) -> Labelling | None:
        """When an issue or a pull request got a label last, and from whom; None where it never did."""

    def create_comment(self, repository: str, number: int, body: str) -> Comment:
        """Comments on an issue or a pull request. Not idempotent: GitHub keeps both."""

    def edit_comment(self, repository: str, comment_id: int, body: str) -> Comment:
        """Replaces a comment's body."""

    def comment(self, repository: str, comment_id: int) -> Comment | None:
        """A comment as it is now, or None where it was deleted."""

    def comments(
        self, repository: str, number: int, *, since: datetime | None = None
    ) -> tuple[Comment, ...]:
        """The comments below one issue, oldest first; those updated at or after `since`."""

    def repository_comments(self, repository: str, *, since: datetime) -> tuple[Comment, ...]:
        """All comments of a repository updated at or after `since`, in the order of their updates."""

    def review_comment(self, repository: str, comment_id: int) -> ReviewComment | None:
        """A comment on a line as it is now, or None where it was deleted."""

    def repository_review_comments(
        self, repository: str, *, since: datetime
    ) -> tuple[ReviewComment, ...]:
        """All comments on lines updated at or after `since`, in the order of their updates."""

    def reply(self, repository: str, pull: int, comment_id: int, body: str) -> ReviewComment:
        """Answers in the thread of a comment on a line. Not idempotent."""

    def react(self, repository: str, target: Target, reaction: Reaction) -> None:
        """Puts a reaction; one that is already there stays."""

    def add_labels(self, repository: str, number: int, labels: tuple[str, ...]) -> None:
        """Adds labels; those that are already there stay."""

    def remove_label(self, repository: str, number: int, label: str) -> None:
        """Removes a label; one that is not there is fine."""

    # -- pull requests ------------------------------------------------------------------------------

    def pull_request(self, repository: str, number: int) -> PullRequest:
        """A pull request."""

    def changed_files(self, repository: str, number: int) -> tuple[ChangedFile, ...]:
        """The files that a pull request changes; GitHub tells at most 3,000."""

    def reviews(self, repository: str, number: int) -> tuple[Review, ...]:
        """The reviews of a pull request that were submitted, oldest first."""

    def find_pull_request(
        self, repository: str, branch: str, *, only_open: bool = True
    ) -> PullRequest | None:
        """The newest pull request from a branch of this repository; an open one before a closed one."""

    def open_pull_request(
        self, repository: str, *, title: str, body: str, head: str, base: str, draft: bool = True
    ) -> PullRequest:
        """Opens a pull request from branch `head` to `base`; where one is open already, returns that.

        Where the repository's plan has no drafts it is an ordinary one.
        """

    def update_pull_request(
        self, repository: str, number: int, *, title: str | None = None, body: str | None = None
    ) -> PullRequest:
        """Replaces title, body, or both."""

    # -- check runs and deliveries: an App's ---------------------------------------------------------

    def create_check_run(self, repository: str, head_sha: str, report: CheckReport) -> int | None:
        """Starts a check run on a commit; its id, or None where this credential may have none."""

    def update_check_run(self, repository: str, check_run_id: int, report: CheckReport) -> None:
        """Replaces what a check run shows."""

    def deliveries(self, since: datetime) -> tuple[Delivery, ...]:
        """Every attempt to deliver to the App since a time, newest first; none without an App."""

    def redeliver(self, delivery_id: int) -> None:
        """Has GitHub make a delivery (`Delivery.id`) once more, under the same guid."""

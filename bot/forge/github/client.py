"""The methods of the port, each a call or a few, in the order of the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from bot.forge.base import Forge
from bot.forge.checkout import checkout
from bot.forge.errors import Forbidden, Invalid, NotFound, Unavailable
from bot.forge.github import answers
from bot.forge.github.calls import Calls
from bot.forge.github.content import Content
from bot.forge.github.credentials import PERMISSIONS, Credential, covers
from bot.forge.github.transport import Transport
from bot.forge.github.wishes import check_run, stamp, updated_since
from bot.forge.values import (
    Account,
    ChangedFile,
    CheckReport,
    Comment,
    Delivery,
    File,
    Issue,
    Labelling,
    NewCommit,
    Permission,
    PullRequest,
    Reaction,
    Repository,
    Review,
    ReviewComment,
    State,
    Target,
    TargetKind,
)

_REACTABLE = {
    TargetKind.ISSUE: "issues",
    TargetKind.ISSUE_COMMENT: "issues/comments",
    TargetKind.REVIEW_COMMENT: "pulls/comments",
}


class GitHubForge:
    """`bot.forge.base.Forge` over HTTP. Close it when done, or use it as a context manager."""

    def __init__(self, transport: Transport, credential: Credential) -> None:
        self._calls = Calls(transport, credential)
        self._content = Content(self._calls)
        self._me: Account | None = None

    def __enter__(self) -> GitHubForge:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._calls.close()

    # -- who and where ---------------------------------------------------------------------------

    def me(self) -> Account:
        if self._me is None:
            self._me = self._ask_who()
        return self._me

    def repositories(self) -> tuple[str, ...]:
        calls = self._calls
        if calls.app is None:
            mine = calls.pages(calls.as_token, "/user/repos")
            found = [r for r in mine if (may := r.maybe("permissions")) and may.flag("push")]
        else:
            found = [r for i in calls.installations() for r in calls.installed_on(i)]
        return tuple(sorted(repository.text("full_name") for repository in found))

    def missing_permissions(self) -> tuple[str, ...]:
        if self._calls.app is None:
            return ()
        missing = []
        for found in self._calls.living_installations():
            account, granted = found.object("account"), found.object("permissions")
            who = account.maybe_text("login") or account.maybe_text("slug") or "?"
            missing += [
                f"{who}: {name} ({level})"
                for name, level in PERMISSIONS.items()
                if not covers(granted, name, level)
            ]
        return tuple(missing)

    def repository(self, repository: str) -> Repository:
        return answers.repository(self._calls.kept(repository, "").answer())

    def permission(self, repository: str, login: str) -> Permission:
        path = f"/collaborators/{quote(login, safe='')}/permission"
        try:
            return answers.permission(self._calls.call(repository, "GET", path).answer())
        except NotFound:
            return Permission.NONE

    # -- content -----------------------------------------------------------------------------------

    def read_file(self, repository: str, path: str, ref: str) -> File | None:
        return self._content.read_file(repository, path, ref)

    def list_paths(self, repository: str, ref: str) -> tuple[str, ...]:
        return self._content.list_paths(repository, ref)

    def branch_sha(self, repository: str, branch: str) -> str | None:
        return self._content.branch_sha(repository, branch)

    def commit(self, repository: str, new: NewCommit) -> str:
        return self._content.commit(repository, new)

    def checkout(self, repository: str, sha: str, directory: Path) -> None:
        url = self._calls.kept(repository, "").answer().text("clone_url")
        checkout(
            url, sha, directory,
            token=self._calls.token(repository),
            only_https=self._calls.is_https,
        )  # fmt: skip

    # -- issues and comments ------------------------------------------------------------------------

    def issue(self, repository: str, number: int) -> Issue:
        return answers.issue(self._calls.kept(repository, f"/issues/{number}").answer())

    def updated_issues(self, repository: str, *, since: datetime) -> tuple[Issue, ...]:
        query = {"state": "open", **updated_since(since)}
        return tuple(map(answers.issue, self._calls.items(repository, "/issues", query)))

    def last_labelling(self, repository: str, number: int, label: str) -> Labelling | None:
        last = None
        for event in self._calls.items(repository, f"/issues/{number}/events"):
            found = answers.labelling(event)
            if found is not None and found.label.lower() == label.lower():
                last = found
        return last

    def create_comment(self, repository: str, number: int, body: str) -> Comment:
        path = f"/issues/{number}/comments"
        return answers.comment(self._calls.call(repository, "POST", path, {"body": body}).answer())

    def edit_comment(self, repository: str, comment_id: int, body: str) -> Comment:
        path = f"/issues/comments/{comment_id}"
        return answers.comment(self._calls.call(repository, "PATCH", path, {"body": body}).answer())

    def comment(self, repository: str, comment_id: int) -> Comment | None:
        return self._calls.maybe(repository, f"/issues/comments/{comment_id}", answers.comment)

    def comments(
        self, repository: str, number: int, *, since: datetime | None = None
    ) -> tuple[Comment, ...]:
        query = {} if since is None else {"since": stamp(since)}
        found = map(
            answers.comment, self._calls.items(repository, f"/issues/{number}/comments", query)
        )
        return tuple(sorted(found, key=lambda comment: (comment.created_at, comment.id)))

    def repository_comments(self, repository: str, *, since: datetime) -> tuple[Comment, ...]:
        found = map(
            answers.comment, self._calls.items(repository, "/issues/comments", updated_since(since))
        )
        return tuple(sorted(found, key=lambda comment: (comment.updated_at, comment.id)))

    def review_comment(self, repository: str, comment_id: int) -> ReviewComment | None:
        return self._calls.maybe(
            repository, f"/pulls/comments/{comment_id}", answers.review_comment
        )

    def repository_review_comments(
        self, repository: str, *, since: datetime
    ) -> tuple[ReviewComment, ...]:
        found = self._calls.items(repository, "/pulls/comments", updated_since(since))
        comments = map(answers.review_comment, found)
        return tuple(sorted(comments, key=lambda comment: (comment.updated_at, comment.id)))

    def reply(self, repository: str, pull: int, comment_id: int, body: str) -> ReviewComment:
        path = f"/pulls/{pull}/comments/{comment_id}/replies"
        return answers.review_comment(
            self._calls.call(repository, "POST", path, {"body": body}).answer()
        )

    def react(self, repository: str, target: Target, reaction: Reaction) -> None:
        path = f"/{_REACTABLE[target.kind]}/{target.id}/reactions"
        self._calls.call(repository, "POST", path, {"content": reaction.value})

    def add_labels(self, repository: str, number: int, labels: tuple[str, ...]) -> None:
        if labels:
            self._calls.call(
                repository, "POST", f"/issues/{number}/labels", {"labels": list(labels)}
            )

    def remove_label(self, repository: str, number: int, label: str) -> None:
        with suppress(NotFound):
            self._calls.call(
                repository, "DELETE", f"/issues/{number}/labels/{quote(label, safe='')}"
            )

    # -- pull requests ------------------------------------------------------------------------------

    def pull_request(self, repository: str, number: int) -> PullRequest:
        return answers.pull_request(self._calls.kept(repository, f"/pulls/{number}").answer())

    def changed_files(self, repository: str, number: int) -> tuple[ChangedFile, ...]:
        return tuple(
            map(answers.changed_file, self._calls.items(repository, f"/pulls/{number}/files"))
        )

    def reviews(self, repository: str, number: int) -> tuple[Review, ...]:
        found = self._calls.items(repository, f"/pulls/{number}/reviews")
        submitted = (answers.review(item, number) for item in found)
        return tuple(review for review in submitted if review is not None)

    def find_pull_request(
        self, repository: str, branch: str, *, only_open: bool = True
    ) -> PullRequest | None:
        found = list(self._from_branch(repository, branch, "open" if only_open else "all"))
        return max(found, key=lambda pull: (pull.state is State.OPEN, pull.number), default=None)

    def open_pull_request(
        self, repository: str, *, title: str, body: str, head: str, base: str, draft: bool = True
    ) -> PullRequest:
        if (known := self._between(repository, head, base)) is not None:
            return known
        send = {"title": title, "body": body, "head": head, "base": base, "draft": draft}
        try:
            return answers.pull_request(
                self._calls.call(repository, "POST", "/pulls", send).answer()
            )
        except Invalid as error:
            # Opened by another process since we looked.
            if (known := self._between(repository, head, base)) is not None:
                return known
            if "already exists" in str(error):
                raise Unavailable(
                    f"{repository}: {head} has a pull request, not listed yet"
                ) from error
            if not draft or "draft" not in str(error).lower():
                raise
        # Plans without drafts refuse the word, not the pull request.
        return self.open_pull_request(
            repository, title=title, body=body, head=head, base=base, draft=False
        )

    def update_pull_request(
        self, repository: str, number: int, *, title: str | None = None, body: str | None = None
    ) -> PullRequest:
        changes = {"title": title, "body": body}
        send = {key: value for key, value in changes.items() if value is not None}
        path = f"/pulls/{number}"
        return answers.pull_request(self._calls.call(repository, "PATCH", path, send).answer())

    # -- check runs and deliveries: an App's ---------------------------------------------------------

    def create_check_run(self, repository: str, head_sha: str, report: CheckReport) -> int | None:
        if self._calls.app is None:
            return None
        send = {**check_run(report), "head_sha": head_sha}
        try:
            return self._calls.call(repository, "POST", "/check-runs", send).answer().number("id")
        except Forbidden:
            # The App was installed without checks, or is not to write them here.
            return None

    def update_check_run(self, repository: str, check_run_id: int, report: CheckReport) -> None:
        if self._calls.app is not None:
            self._calls.call(repository, "PATCH", f"/check-runs/{check_run_id}", check_run(report))

    def deliveries(self, since: datetime) -> tuple[Delivery, ...]:
        if self._calls.app is None:
            return ()
        recent = []
        for found in self._calls.pages(self._calls.as_app, "/app/hook/deliveries"):
            delivery = answers.delivery(found)
            if delivery.delivered_at < since:
                break
            recent.append(delivery)
        return tuple(recent)

    def redeliver(self, delivery_id: int) -> None:
        if self._calls.app is None:
            raise Forbidden("only an App can have a delivery made again")
        self._calls.as_app("POST", f"/app/hook/deliveries/{delivery_id}/attempts")

    # -- helpers --------------------------------------------------------------------------------------

    def _ask_who(self) -> Account:
        app = self._calls.app
        if app is None:
            return answers.account(self._calls.as_token("GET", "/user").answer())
        slug = self._calls.as_app("GET", "/app").answer().text("slug")
        for installation in self._calls.installations():
            path = f"/users/{quote(f'{slug}[bot]', safe='')}"
            return answers.account(self._calls.as_installation(installation, path).answer())
        raise NotFound(f"the App {slug} is installed nowhere: install it on a repository first")

    def _from_branch(self, repository: str, branch: str, state: str) -> Iterator[PullRequest]:
        owner = repository.partition("/")[0]
        query = {"head": f"{owner}:{branch}", "state": state}
        for found in self._calls.items(repository, "/pulls", query):
            pull = answers.pull_request(found)
            # Not every server that speaks GitHub's language filters by head.
            if pull.head.ref == branch and not pull.from_fork:
                yield pull

    def _between(self, repository: str, head: str, base: str) -> PullRequest | None:
        found = self._from_branch(repository, head, "open")
        return next((pull for pull in found if pull.base.ref == base), None)


if TYPE_CHECKING:
    # The type checker holds the client against the port here.
    _PORT: type[Forge] = GitHubForge

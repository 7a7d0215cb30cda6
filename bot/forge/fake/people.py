"""What people do on the loopback GitHub, by name, as a test or the demo tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.forge.fake.scene import Scene
from bot.forge.values import Permission


class People(Scene):
    """Everything here is told to the webhooks, as on GitHub."""

    def push(
        self,
        full_name: str,
        branch: str,
        files: Mapping[str, str | bytes | None],
        *,
        by: str,
        message: str = "Change",
        start: str | None = None,
    ) -> str:
        """Commits files (None deletes) to a branch, made from `start` or the default; the hash."""
        with self.world.lock:
            repo, user = self.repo(full_name), self.world.user(by)
            sha = self.commit_files(repo, branch, files, user, message, start)
            self.actions.pushed(repo, user)
        return sha

    def open_issue(
        self, full_name: str, title: str, body: str = "", *, by: str, labels: Iterable[str] = ()
    ) -> int:
        """The issue's number."""
        with self.world.lock:
            repo, user = self.repo(full_name), self.world.user(by)
            return self.actions.open_issue(repo, user, title, body, labels).number

    def open_pull(
        self,
        full_name: str,
        title: str = "Change",
        body: str = "",
        *,
        by: str,
        head: str,
        base: str | None = None,
        files: Mapping[str, str | bytes | None] | None = None,
        from_fork: str | None = None,
        draft: bool = False,
    ) -> int:
        """Opens a pull request from a branch, after a push of `files` to it; its number.

        `from_fork` is the full name of the fork that has the branch.
        """
        if files:
            self.push(from_fork or full_name, head, files, by=by)
        with self.world.lock:
            repo = self.repo(full_name)
            return self.actions.open_pull(
                repo, self.world.user(by), title=title, body=body,
                head_repo=self.repo(from_fork or full_name), head=head,
                base=base or repo.default_branch, draft=draft,
            ).number  # fmt: skip

    def comment(self, full_name: str, number: int, body: str, *, by: str) -> int:
        """The comment's id."""
        with self.world.lock:
            repo, user = self.repo(full_name), self.world.user(by)
            return self.actions.comment(repo, repo.issues[number], user, body).id

    def edit_comment(self, full_name: str, comment_id: int, body: str, *, by: str) -> None:
        with self.world.lock:
            repo, user = self.repo(full_name), self.world.user(by)
            self.actions.edit_comment(repo, repo.comments[comment_id], user, body)

    def delete_comment(self, full_name: str, comment_id: int, *, by: str) -> None:
        with self.world.lock:
            repo, user = self.repo(full_name), self.world.user(by)
            self.actions.delete_comment(repo, repo.comments[comment_id], user)

    def review_comment(
        self, full_name: str, number: int, body: str, *, by: str, path: str, line: int
    ) -> int:
        """The comment's id."""
        with self.world.lock:
            repo, user = self.repo(full_name), self.world.user(by)
            return self.actions.review_comment(
                repo, repo.issues[number], user, body, path=path, line=line
            ).id

    def review(
        self, full_name: str, number: int, body: str, *, by: str, state: str = "changes_requested"
    ) -> int:
        """The review's id."""
        with self.world.lock:
            repo, user = self.repo(full_name), self.world.user(by)
            return self.actions.review(repo, repo.issues[number], user, body, state)

    def label(self, full_name: str, number: int, *names: str, by: str) -> None:
        with self.world.lock:
            repo, user = self.repo(full_name), self.world.user(by)
            self.actions.add_labels(repo, repo.issues[number], names, user)

    def close_issue(self, full_name: str, number: int, *, by: str) -> None:
        """Closes an issue or a pull request."""
        with self.world.lock:
            repo, user = self.repo(full_name), self.world.user(by)
            self.actions.edit_issue(repo, repo.issues[number], user, state="closed")

    def set_role(self, full_name: str, login: str, role: Permission) -> None:
        """What somebody may do from now on."""
        with self.world.lock:
            self.repo(full_name).roles[self.world.user(login).login.lower()] = role

    def merge(self, full_name: str, number: int, *, by: str) -> None:
        """Merges a pull request."""
        with self.world.lock:
            repo = self.repo(full_name)
            self.actions.merge(repo, repo.issues[number], self.world.user(by))

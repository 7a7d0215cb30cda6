"""The loopback GitHub as a Python object: sets the scene, plays the people, shows what came of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.forge.fake.actions import Actions, open_pulls, pull_of
from bot.forge.fake.courier import Courier, Hook
from bot.forge.fake.faults import Faults
from bot.forge.fake.gitrepo import GitRepository, Person
from bot.forge.fake.keys import new_key
from bot.forge.fake.rest import Exchange, Rest
from bot.forge.fake.server import API, Server
from bot.forge.fake.shapes import Shapes
from bot.forge.fake.world import (
    AccountKind,
    App,
    CheckRun,
    Comment,
    Installation,
    Issue,
    Repo,
    ReviewComment,
    Token,
    User,
    World,
)
from bot.forge.values import Permission

PERMISSIONS: Mapping[str, str] = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
}
EVENTS = (
    "installation", "issue_comment", "issues", "pull_request", "pull_request_review",
    "pull_request_review_comment",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AppCredentials:
    """What whoever runs an App is given: its id, and its private key as PEM."""

    id: int
    slug: str
    key: str = field(repr=False)


class LoopbackGitHub:
    """A GitHub on 127.0.0.1 with real git repositories below `folder`; ends with `close`.

    Everything that people do here is told to the webhooks, as on GitHub. `faults` makes it misbehave.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        seed: int = 0,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.world = World(folder) if clock is None else World(folder, clock=clock)
        self.faults = Faults(seed)
        self.courier = Courier(self.world, self.faults)
        self._server = Server(port)
        shapes = Shapes(self._server.url, self._server.url + API)
        self._actions = Actions(self.world, shapes, self.courier, self.faults)
        self.rest = Rest(self.world, shapes, self._actions, self.faults)
        self._server.start(self.rest)

    def __enter__(self) -> LoopbackGitHub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the server, its connections and the deliveries."""
        self.courier.close()
        self._server.close()

    @property
    def url(self) -> str:
        """Where people look."""
        return self._server.url

    @property
    def api(self) -> str:
        """The base URL for a client."""
        return self._server.url + API

    def observe(
        self,
        exchange: Callable[[Exchange], None] | None = None,
        payload: Callable[[str, dict[str, Any]], None] | None = None,
    ) -> None:
        """Shows every request with its answer, and every webhook payload, to whoever checks them."""
        self.rest.observer, self.courier.observer = exchange, payload

    # -- the scene -------------------------------------------------------------------------------

    def user(self, login: str) -> User:
        with self.world.lock:
            return self.world.user(login)

    def organization(self, login: str) -> User:
        with self.world.lock:
            return self.world.user(login, AccountKind.ORGANIZATION)

    def token(self, login: str) -> str:
        """A new token of a user's."""
        value = f"ghp_{secrets.token_hex(18)}"
        with self.world.lock:
            self.world.tokens[value] = Token(self.world.user(login))
        return value

    def revoke(self, token: str) -> None:
        """Makes a token bad."""
        with self.world.lock:
            self.world.tokens.pop(token)

    def repository(
        self,
        full_name: str,
        files: Mapping[str, str | bytes] | None = None,
        *,
        private: bool = False,
        branch: str = "main",
        roles: Mapping[str, Permission] | None = None,
        has_drafts: bool = True,
    ) -> Repo:
        """A new repository with one commit of these files (none: an empty one)."""
        owner, _, name = full_name.partition("/")
        world = self.world
        with world.lock:
            git = GitRepository.create(world.folder / owner / f"{name}.git", branch)
            repo = Repo(
                world.next_id(), world.user(owner), name, private, branch, git, world.now(),
                has_drafts=has_drafts,
            )  # fmt: skip
            for login, role in (roles or {}).items():
                repo.roles[world.user(login).login.lower()] = role
            world.repositories[full_name.lower()] = repo
            if files:
                self._commit(repo, branch, files, repo.owner, "Start")
        return repo

    def fork(self, full_name: str, by: str) -> Repo:
        """A user's fork of a repository."""
        world = self.world
        with world.lock:
            parent, owner = self._repo(full_name), world.user(by)
            git = parent.git.fork(world.folder / owner.login / f"{parent.name}.git")
            repo = Repo(
                world.next_id(), owner, parent.name, parent.private, parent.default_branch, git,
                world.now(), fork_of=parent,
            )  # fmt: skip
            world.repositories[repo.full_name.lower()] = repo
        return repo

    def delete_fork(self, full_name: str) -> None:
        """Takes a fork away; its pull requests stay."""
        with self.world.lock:
            fork = self.world.repositories.pop(full_name.lower())
            for repo in self.world.repositories.values():
                for _, pull in open_pulls(repo):
                    if pull.head_repo is fork:
                        pull.head_repo = None

    def app(
        self,
        slug: str,
        *,
        on: Iterable[str] = (),
        permissions: Mapping[str, str] = PERMISSIONS,
        hook_url: str = "",
        secret: str = "",
        owner: str = "octo",
        keys: tuple[str, str] | None = None,
    ) -> AppCredentials:
        """A new App, installed on some repositories of one account; `keys` as `new_key` makes them."""
        key, public = keys or new_key()
        with self.world.lock:
            world, at = self.world, self.world.now()
            bot = world.user(f"{slug}[bot]", AccountKind.BOT)
            made = App(
                world.next_id(), slug, world.user(owner), bot, public, dict(permissions), EVENTS, at
            )
            world.apps[made.id] = made
            if hook_url:
                self.courier.hooks.append(Hook(world.next_id(), hook_url, secret, app=made))
        if names := list(on):
            self.install(made.id, names)
        return AppCredentials(made.id, slug, key)

    def install(self, app_id: int, on: Iterable[str]) -> Installation:
        """Installs an App on repositories of one account."""
        with self.world.lock:
            repos, app = [self._repo(name) for name in on], self.world.apps[app_id]
            made = Installation(
                self.world.next_id(), app, repos[0].owner, repos, dict(app.permissions),
                self.world.now(),
            )  # fmt: skip
            self.world.installations[made.id] = made
            self._actions.installed(made, repos[0].owner)
        return made

    def uninstall(self, installation: Installation) -> None:
        """Takes an App away, with all its tokens."""
        with self.world.lock:
            del self.world.installations[installation.id]
            self.world.tokens = {
                v: t for v, t in self.world.tokens.items() if t.installation is not installation
            }
            self._actions.installed(installation, installation.account, "deleted")

    def hook(self, full_name: str, url: str, secret: str) -> None:
        """A webhook of one repository."""
        with self.world.lock:
            repo = self._repo(full_name)
            self.courier.hooks.append(Hook(self.world.next_id(), url, secret, repo=repo))

    # -- what people do -----------------------------------------------------------------------------

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
            repo, user = self._repo(full_name), self.world.user(by)
            sha = self._commit(repo, branch, files, user, message, start)
            self._actions.pushed(repo, user)
        return sha

    def open_issue(
        self, full_name: str, title: str, body: str = "", *, by: str, labels: Iterable[str] = ()
    ) -> int:
        """The issue's number."""
        with self.world.lock:
            repo, user = self._repo(full_name), self.world.user(by)
            return self._actions.open_issue(repo, user, title, body, labels).number

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
            repo = self._repo(full_name)
            return self._actions.open_pull(
                repo, self.world.user(by), title=title, body=body,
                head_repo=self._repo(from_fork or full_name), head=head,
                base=base or repo.default_branch, draft=draft,
            ).number  # fmt: skip

    def comment(self, full_name: str, number: int, body: str, *, by: str) -> int:
        """The comment's id."""
        with self.world.lock:
            repo, user = self._repo(full_name), self.world.user(by)
            return self._actions.comment(repo, repo.issues[number], user, body).id

    def edit_comment(self, full_name: str, comment_id: int, body: str, *, by: str) -> None:
        with self.world.lock:
            repo, user = self._repo(full_name), self.world.user(by)
            self._actions.edit_comment(repo, repo.comments[comment_id], user, body)

    def delete_comment(self, full_name: str, comment_id: int, *, by: str) -> None:
        with self.world.lock:
            repo, user = self._repo(full_name), self.world.user(by)
            self._actions.delete_comment(repo, repo.comments[comment_id], user)

    def review_comment(
        self, full_name: str, number: int, body: str, *, by: str, path: str, line: int
    ) -> int:
        """The comment's id."""
        with self.world.lock:
            repo, user = self._repo(full_name), self.world.user(by)
            return self._actions.review_comment(
                repo, repo.issues[number], user, body, path=path, line=line
            ).id

    def review(
        self, full_name: str, number: int, body: str, *, by: str, state: str = "changes_requested"
    ) -> int:
        """The review's id."""
        with self.world.lock:
            repo, user = self._repo(full_name), self.world.user(by)
            return self._actions.review(repo, repo.issues[number], user, body, state)

    def label(self, full_name: str, number: int, *names: str, by: str) -> None:
        with self.world.lock:
            repo, user = self._repo(full_name), self.world.user(by)
            self._actions.add_labels(repo, repo.issues[number], names, user)

    def close_issue(self, full_name: str, number: int, *, by: str) -> None:
        """Closes an issue or a pull request."""
        with self.world.lock:
            repo, user = self._repo(full_name), self.world.user(by)
            self._actions.edit_issue(repo, repo.issues[number], user, state="closed")

    def set_role(self, full_name: str, login: str, role: Permission) -> None:
        """What somebody may do from now on."""
        with self.world.lock:
            self._repo(full_name).roles[self.world.user(login).login.lower()] = role

    # -- deliveries -----------------------------------------------------------------------------------

    def release(self) -> None:
        """Makes the deliveries that `faults.hold_deliveries` held back, the last one first."""
        with self.world.lock:
            self.courier.release()

    def wait_delivered(self) -> None:
        """Returns when every delivery was answered."""
        self.courier.wait()

    # -- what came of it ------------------------------------------------------------------------------

    def issue(self, full_name: str, number: int) -> Issue:
        with self.world.lock:
            return self._repo(full_name).issues[number]

    def pulls(self, full_name: str) -> list[Issue]:
        """All pull requests, oldest first."""
        with self.world.lock:
            issues = self._repo(full_name).issues.values()
            return [issue for issue in issues if issue.pull is not None]

    def comments(self, full_name: str, number: int) -> list[Comment]:
        """The comments below an issue, oldest first."""
        with self.world.lock:
            repo = self._repo(full_name)
            return [c for c in repo.comments.values() if c.issue.number == number]

    def review_comments(self, full_name: str, number: int) -> list[ReviewComment]:
        """The comments on a pull request's lines, oldest first."""
        with self.world.lock:
            repo = self._repo(full_name)
            return [c for c in repo.review_comments.values() if c.issue.number == number]

    def check_runs(self, full_name: str) -> list[CheckRun]:
        with self.world.lock:
            return list(self._repo(full_name).check_runs.values())

    def reactions(self, full_name: str, comment_id: int) -> list[str]:
        """What was put on a comment, of either kind."""
        with self.world.lock:
            repo = self._repo(full_name)
            found = repo.comments.get(comment_id) or repo.review_comments[comment_id]
            return [reacted.content for reacted in found.reactions]

    def read(self, full_name: str, ref: str, path: str) -> bytes | None:
        """A file at a branch or commit."""
        with self.world.lock:
            git = self._repo(full_name).git
            commit = git.commit_of(ref)
            entry = None if commit is None else git.entry(commit, path)
            return None if entry is None else git.blob(entry.sha)

    def diff(self, full_name: str, number: int) -> str:
        """What a pull request changes, for people."""
        with self.world.lock:
            repo = self._repo(full_name)
            pull = pull_of(repo.issues[number])
            changed = repo.git.differences(pull.base_sha, pull.head_sha)
            return "\n".join(f"--- {d.path}\n{d.patch}" for d in changed)

    # -- helpers --------------------------------------------------------------------------------------

    def _repo(self, full_name: str) -> Repo:
        return self.world.repositories[full_name.lower()]

    def _commit(
        self,
        repo: Repo,
        branch: str,
        files: Mapping[str, str | bytes | None],
        by: User,
        message: str,
        start: str | None = None,
    ) -> str:
        git = repo.git
        head = git.branch(branch)
        parent = head or git.commit_of(start or repo.default_branch)
        changes = [(_mode(path), path, _blob(git, content)) for path, content in files.items()]
        tree = git.write_tree(parent, changes)
        person = Person(by.login, f"{by.id}+{by.login}@users.noreply.github.com", self.world.now())
        sha = git.write_commit(tree, [parent] if parent else [], message, person, person)
        git.set_ref(f"refs/heads/{branch}", sha, head or "")
        return sha


def _mode(path: str) -> str:
    return "100755" if path.endswith(".sh") else "100644"


def _blob(git: GitRepository, content: str | bytes | None) -> str | None:
    if content is None:
        return None
    return git.write_blob(content.encode() if isinstance(content, str) else content)

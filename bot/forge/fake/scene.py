"""Sets the scene on the loopback GitHub: accounts, repositories, Apps, webhooks."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.forge.fake.actions import Actions, open_pulls
from bot.forge.fake.courier import Courier, Hook
from bot.forge.fake.events import Events
from bot.forge.fake.faults import Faults
from bot.forge.fake.gitobjects import Person
from bot.forge.fake.gitrepo import GitRepository
from bot.forge.fake.keys import new_key
from bot.forge.fake.shapes import Shapes
from bot.forge.fake.world import AccountKind, App, Installation, Repo, Token, User, World
from bot.forge.values import Permission

PERMISSIONS: Mapping[str, str] = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
}
EVENTS = (
    "issue_comment", "issues", "pull_request", "pull_request_review",
    "pull_request_review_comment",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AppCredentials:
    """What whoever runs an App is given: its id, and its private key as PEM."""

    id: int
    slug: str
    key: str = field(repr=False)


class Scene:
    """What is there before anybody does anything."""

    def __init__(self, world: World, shapes: Shapes, seed: int) -> None:
        self.world = world
        self.faults = Faults(seed)
        self.courier = Courier(world, self.faults)
        self.events = Events(world, shapes, self.courier)
        self.actions = Actions(world, shapes, self.events, self.faults)

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
                self.commit_files(repo, branch, files, repo.owner, "Start")
        return repo

    def fork(self, full_name: str, by: str) -> Repo:
        """A user's fork of a repository."""
        world = self.world
        with world.lock:
            parent, owner = self.repo(full_name), world.user(by)
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
            repos, app = [self.repo(name) for name in on], self.world.apps[app_id]
            made = Installation(
                self.world.next_id(), app, repos[0].owner, repos, dict(app.permissions),
                self.world.now(),
            )  # fmt: skip
            self.world.installations[made.id] = made
            self.events.installed(made, repos[0].owner)
        return made

    def uninstall(self, installation: Installation) -> None:
        """Takes an App away, with all its tokens."""
        with self.world.lock:
            del self.world.installations[installation.id]
            self.world.tokens = {
                v: t for v, t in self.world.tokens.items() if t.installation is not installation
            }
            self.events.installed(installation, installation.account, "deleted")

    def hook(self, full_name: str, url: str, secret: str) -> None:
        """A webhook of one repository."""
        with self.world.lock:
            repo = self.repo(full_name)
            self.courier.hooks.append(Hook(self.world.next_id(), url, secret, repo=repo))

    def repo(self, full_name: str) -> Repo:
        """The repository of that name, which is there."""
        return self.world.repositories[full_name.lower()]

    def commit_files(
        self,
        repo: Repo,
        branch: str,
        files: Mapping[str, str | bytes | None],
        by: User,
        message: str,
        start: str | None = None,
    ) -> str:
        """Commits to a branch; the caller holds the lock."""
        git = repo.git
        head = git.branch(branch)
        parent = head or git.commit_of(start or repo.default_branch)
        person = Person(by.login, f"{by.id}+{by.login}@users.noreply.github.com", self.world.now())
        changes = {
            path: None if content is None else (_mode(path), _bytes(content))
            for path, content in files.items()
        }
        return git.commit_files(branch, parent, message, person, changes)


def _mode(path: str) -> str:
    return "100755" if path.endswith(".sh") else "100644"


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content

"""The loopback GitHub as a Python object: sets the scene, plays the people, shows what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.forge.fake.events import pull_of
from bot.forge.fake.people import People
from bot.forge.fake.rest import Exchange, Rest
from bot.forge.fake.server import API, Server
from bot.forge.fake.shapes import Shapes
from bot.forge.fake.world import CheckRun, Comment, Issue, ReviewComment, World


class LoopbackGitHub(People):
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
        world = World(folder) if clock is None else World(folder, clock=clock)
        self._server = Server(port)
        shapes = Shapes(self._server.url, self._server.url + API)
        super().__init__(world, shapes, seed)
        self.rest = Rest(world, shapes, self.actions, self.faults)
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
            return self.repo(full_name).issues[number]

    def pulls(self, full_name: str) -> list[Issue]:
        """All pull requests, oldest first."""
        with self.world.lock:
            issues = self.repo(full_name).issues.values()
            return [issue for issue in issues if issue.pull is not None]

    def comments(self, full_name: str, number: int) -> list[Comment]:
        """The comments below an issue, oldest first."""
        with self.world.lock:
            repo = self.repo(full_name)
            return [c for c in repo.comments.values() if c.issue.number == number]

    def review_comments(self, full_name: str, number: int) -> list[ReviewComment]:
        """The comments on a pull request's lines, oldest first."""
        with self.world.lock:
            repo = self.repo(full_name)
            return [c for c in repo.review_comments.values() if c.issue.number == number]

    def check_runs(self, full_name: str) -> list[CheckRun]:
        with self.world.lock:
            return list(self.repo(full_name).check_runs.values())

    def reactions(self, full_name: str, comment_id: int) -> list[str]:
        """What was put on a comment, of either kind."""
        with self.world.lock:
            repo = self.repo(full_name)
            found = repo.comments.get(comment_id) or repo.review_comments[comment_id]
            return [reacted.content for reacted in found.reactions]

    def read(self, full_name: str, ref: str, path: str) -> bytes | None:
        """A file at a branch or commit."""
        with self.world.lock:
            git = self.repo(full_name).git
            commit = git.commit_of(ref)
            entry = None if commit is None else git.entry(commit, path)
            return None if entry is None else git.blob(entry.sha)

    def diff(self, full_name: str, number: int) -> str:
        """What a pull request changes, for people."""
        with self.world.lock:
            repo = self.repo(full_name)
            pull = pull_of(repo.issues[number])
            changed = repo.git.differences(pull.base_sha, pull.head_sha)
            return "\n".join(f"--- {d.path}\n{d.patch}" for d in changed)

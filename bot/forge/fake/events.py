"""What webhooks are told: the events of the loopback GitHub, each to the hooks that it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.forge.fake.accountshapes import node_id
from bot.forge.fake.courier import Courier, Hook
from bot.forge.fake.problems import not_found
from bot.forge.fake.pullshapes import full_pull
from bot.forge.fake.shapes import Shapes
from bot.forge.fake.world import Comment, Installation, Issue, Label, Pull, Repo, User, World

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Events:
    """Makes payloads and hands them to the courier."""

    world: World
    shapes: Shapes
    courier: Courier

    def installed(self, installation: Installation, by: User, action: str = "created") -> None:
        """Tells an App that it was installed, or the like."""
        payload = {
            "action": action,
            "installation": self.shapes.installation(installation),
            "repositories": [
                {
                    "id": repo.id,
                    "node_id": node_id("Repository", repo.id),
                    "name": repo.name,
                    "full_name": repo.full_name,
                    "private": repo.private,
                }
                for repo in installation.repositories
            ],
            "sender": self.shapes.user(by),
        }
        for hook in self.courier.hooks:
            if hook.app is installation.app:
                self.courier.send(hook, "installation", payload)

    def emit(
        self, event: str, action: str, repo: Repo, by: User, payload: Mapping[str, Any]
    ) -> None:
        for hook in self.courier.hooks:
            installed = self._installed(hook, event, repo)
            if installed is not None:
                common = {
                    "repository": self.shapes.repository(repo),
                    "sender": self.shapes.user(by),
                }
                self.courier.send(hook, event, {"action": action, **payload, **common, **installed})

    def _installed(self, hook: Hook, event: str, repo: Repo) -> Json | None:
        """What a hook's payloads say of the installation; None where it does not get this event."""
        if hook.app is None:
            return {} if hook.repo is repo else None
        found = self.world.installation_on(hook.app, repo)
        if found is None or found.suspended_at is not None or event not in hook.app.events:
            return None
        return {"installation": {"id": found.id, "node_id": node_id("Installation", found.id)}}

    def issue(
        self, action: str, repo: Repo, issue: Issue, by: User, more: Mapping[str, Any]
    ) -> None:
        if issue.pull is None:
            payload = {"issue": self.shapes.issue(repo, issue), **more}
            self.emit("issues", action, repo, by, payload)
        else:
            self.pull(action, repo, issue, by, more)

    def pull(
        self, action: str, repo: Repo, issue: Issue, by: User, more: Mapping[str, Any]
    ) -> None:
        shown = full_pull(self.shapes, repo, issue, pull_of(issue))
        payload = {"number": issue.number, "pull_request": shown, **more}
        self.emit("pull_request", action, repo, by, payload)

    def label(self, action: str, repo: Repo, issue: Issue, label: Label, by: User) -> None:
        self.issue(action, repo, issue, by, {"label": self.shapes.label(repo, label)})

    def comment(
        self, action: str, repo: Repo, comment: Comment, by: User, more: Mapping[str, Any]
    ) -> None:
        payload = {
            "issue": self.shapes.issue(repo, comment.issue),
            "comment": self.shapes.comment(repo, comment),
            **more,
        }
        self.emit("issue_comment", action, repo, by, payload)


def pull_of(issue: Issue) -> Pull:
    """The issue's pull request side. Raises Problem 404 where it is none."""
    if issue.pull is None:
        raise not_found()
    return issue.pull

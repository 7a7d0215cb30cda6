"""Looks for what the webhook missed: deliveries that failed, and comments that nobody told of.

GitHub never delivers a second time by itself. What is found is stored like a delivery, under the name
of what happened, so that a delivery which comes late after all is the same one.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.deliveries import COMMAND, comment_key, review_comment_key
from bot.forge.base import Account, Comment, Forge, ReviewComment, State
from bot.forge.errors import NotFound
from bot.store.store import Store
from webhooks import events
from webhooks.events import Action, Event

logger = logging.getLogger(__name__)

POLLED = "polled"
"""The name under which a found comment is stored; its body names the comment."""
EVERY_S = 300.0
OVERLAP = timedelta(minutes=2)
"""Looked at twice: GitHub's lists are not always up to date."""
_SPACE = uuid.UUID("6a5c1f3e-5a0e-4f0e-9a52-7d3f6a6f1c11")


@dataclass(frozen=True, slots=True)
class Poller:
    """Both looks. Each may raise ForgeError and StoreUnavailable, and is then done again later."""

    store: Store
    forge: Forge
    clock: Callable[[], datetime]

    def redeliver_failed(self) -> int:
        """Have GitHub make again what did not arrive; how many deliveries that were. An App's only."""
        now = self.clock()
        since = self._since("failed deliveries", now)
        latest: dict[str, tuple[bool, int]] = {}
        # Newest first: only the last attempt of a delivery says whether it arrived.
        for attempt in self.forge.deliveries(since):
            latest.setdefault(attempt.guid, (attempt.ok, attempt.id))
        failed = {guid: number for guid, (ok, number) in latest.items() if not ok}
        known = self.store.known_deliveries(list(failed))
        wanted = {guid: number for guid, number in failed.items() if guid not in known}
        for guid, number in wanted.items():
            logger.info("delivery %s did not arrive; it is asked for again", guid)
            self.forge.redeliver(number)
        self._seen("failed deliveries", now)
        return len(wanted)

    def find_comments(self) -> int:
        """Store the commands that no delivery told of; how many there were."""
        return sum(self._find_in(repository) for repository in self.forge.repositories())

    def _find_in(self, repository: str) -> int:
        now, cursor = self.clock(), f"comments {repository}"
        since, found = self._since(cursor, now), 0
        for kind, key, comment in self._commands(repository, since):
            body = json.dumps({"repository": repository, "kind": kind, "id": comment.id})
            delivery = str(uuid.uuid5(_SPACE, key))
            if self.store.accept_delivery(delivery, POLLED, body.encode(), semantic_key=key):
                logger.info("a command that no delivery told of: %s", comment.url)
                found += 1
        self._seen(cursor, now)
        return found

    def _commands(
        self, repository: str, since: datetime
    ) -> Iterator[tuple[str, str, Comment | ReviewComment]]:
        """Comments made since then that may hold a command, with what they are known by."""
        for comment in self.forge.repository_comments(repository, since=since):
            if COMMAND in comment.body and comment.created_at >= since:
                yield "comment", comment_key(repository, comment.id), comment
        for line in self.forge.repository_review_comments(repository, since=since):
            if COMMAND in line.body and line.created_at >= since:
                yield "review comment", review_comment_key(repository, line.id), line

    def _since(self, cursor: str, now: datetime) -> datetime:
        """Since when to look: what was before the first look is nobody's wish any more."""
        seen = self.store.get_cursor(cursor)
        return datetime.fromisoformat(seen) - OVERLAP if seen else now

    def _seen(self, cursor: str, now: datetime) -> None:
        self.store.set_cursor(cursor, now.isoformat())


def polled_event(forge: Forge, delivery_id: str, body: bytes) -> Event | None:
    """The event that a found comment is, as it is now; None where it is gone. Raises ForgeError."""
    told = json.loads(body)
    repository, number = str(told["repository"]), int(told["id"])
    try:
        if told["kind"] == "comment":
            return _issue_comment(forge, delivery_id, repository, number)
        return _review_comment(forge, delivery_id, repository, number)
    except NotFound:
        return None


def _issue_comment(forge: Forge, delivery_id: str, repository: str, number: int) -> Event | None:
    comment = forge.comment(repository, number)
    if comment is None or comment.author is None:
        return None
    issue = forge.issue(repository, comment.issue)
    return events.IssueComment(
        delivery_id=delivery_id,
        name="issue_comment",
        action=Action.CREATED,
        repository=_repository(forge, repository),
        sender=_account(comment.author),
        installation_id=None,
        issue=events.Issue(
            number=issue.number,
            title=issue.title,
            body=issue.body,
            author=_account(issue.author) if issue.author else None,
            open=issue.state is State.OPEN,
            labels=issue.labels,
            is_pull_request=issue.is_pull_request,
        ),
        comment_id=comment.id,
        body=comment.body,
    )


def _review_comment(forge: Forge, delivery_id: str, repository: str, number: int) -> Event | None:
    comment = forge.review_comment(repository, number)
    if comment is None or comment.author is None:
        return None
    pull = forge.pull_request(repository, comment.pull)
    where = _repository(forge, repository)
    return events.PullRequestReviewComment(
        delivery_id=delivery_id,
        name="pull_request_review_comment",
        action=Action.CREATED,
        repository=where,
        sender=_account(comment.author),
        installation_id=None,
        pull=events.Pull(
            number=pull.number,
            title=pull.title,
            body=pull.body,
            author=_account(pull.author) if pull.author else None,
            open=pull.state is State.OPEN,
            merged=pull.state is State.MERGED,
            draft=pull.draft,
            head=events.Branch(None if pull.from_fork else where, pull.head.ref, pull.head.sha),
            base=events.Branch(where, pull.base.ref, pull.base.sha),
        ),
        comment_id=comment.id,
        body=comment.body,
        path=comment.path,
        line=comment.line,
        on_base=False,
        commit=comment.commit,
    )


def _repository(forge: Forge, name: str) -> events.Repository:
    known = forge.repository(name)
    # Its id is not told here, and nobody needs it: a repository goes by its name.
    return events.Repository(0, known.full_name, known.private, known.default_branch, known.fork)


def _account(account: Account) -> events.Account:
    return events.Account(account.id, account.login, account.is_bot)

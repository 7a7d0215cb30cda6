"""Looks for what the webhook missed: deliveries that failed, and wishes that nobody told of.

GitHub never delivers a second time by itself. What is found is stored like a delivery, under the name
of what happened, so that a delivery which comes late after all is the same one.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.deliveries import COMMAND, comment_key, label_key, review_comment_key, review_key
from bot.forge.base import Issue, Review, ReviewState
from bot.intake import BadConfig, repository_config
from bot.polled import POLLED, Found, Kind
from bot.repoconfig import RepoConfig
from bot.services import Services

logger = logging.getLogger(__name__)

EVERY_S = 300.0
OVERLAP = timedelta(minutes=2)
"""Looked at twice: GitHub's lists are not always up to date."""
_SPACE = uuid.UUID("6a5c1f3e-5a0e-4f0e-9a52-7d3f6a6f1c11")


@dataclass(frozen=True, slots=True)
class Poller:
    """The looks. Each may raise ForgeError and StoreUnavailable, and is then done again later."""

    services: Services

    def redeliver_failed(self) -> int:
        """Have GitHub make again what did not arrive; how many deliveries that were. An App's only."""
        store, forge, now = self.services.store, self.services.forge, self.services.clock()
        since = self._since("failed deliveries", now)
        latest: dict[str, tuple[bool, int]] = {}
        # Newest first: only the last attempt of a delivery says whether it arrived.
        for attempt in forge.deliveries(since):
            latest.setdefault(attempt.guid, (attempt.ok, attempt.id))
        failed = {guid: number for guid, (ok, number) in latest.items() if not ok}
        known = store.known_deliveries(list(failed))
        wanted = {guid: number for guid, number in failed.items() if guid not in known}
        for guid, number in wanted.items():
            logger.info("delivery %s did not arrive; it is asked for again", guid)
            forge.redeliver(number)
        self._seen("failed deliveries", now)
        return len(wanted)

    def find_missed(self) -> int:
        """Store the comments, reviews and labels that ask and that no delivery told of; how many."""
        return sum(self._find_in(repository) for repository in self.services.forge.repositories())

    def _find_in(self, repository: str) -> int:
        now, cursor = self.services.clock(), f"wishes {repository}"
        since, count = self._since(cursor, now), 0
        for key, found in self._wishes(repository, since):
            delivery = str(uuid.uuid5(_SPACE, key))
            if self.services.store.accept_delivery(
                delivery, POLLED, json.dumps(found.as_dict()).encode(), semantic_key=key
            ):
                logger.info(
                    "nobody told of the %s %s in %s", found.kind.value, found.id, repository
                )
                count += 1
        self._seen(cursor, now)
        return count

    def _wishes(self, repository: str, since: datetime) -> Iterator[tuple[str, Found]]:
        """What was asked since then, with what each is known by."""
        forge = self.services.forge
        for comment in forge.repository_comments(repository, since=since):
            if COMMAND in comment.body and comment.created_at >= since:
                found = Found(Kind.COMMENT, repository, comment.id, comment.issue)
                yield comment_key(repository, comment.id), found
        for line in forge.repository_review_comments(repository, since=since):
            if COMMAND in line.body and line.created_at >= since:
                found = Found(Kind.REVIEW_COMMENT, repository, line.id, line.pull)
                yield review_comment_key(repository, line.id), found
        label = None
        for issue in forge.updated_issues(repository, since=since):
            if issue.is_pull_request:
                yield from self._reviews(repository, issue.number, since)
            if issue.labels:
                label = label or self._label(repository)
                yield from self._labelled(repository, issue, label, since)

    def _reviews(
        self, repository: str, number: int, since: datetime
    ) -> Iterator[tuple[str, Found]]:
        for review in self.services.forge.reviews(repository, number):
            if review.submitted_at >= since and _asks(review):
                found = Found(Kind.REVIEW, repository, review.id, number)
                yield review_key(repository, review.id), found

    def _labelled(
        self, repository: str, issue: Issue, label: str, since: datetime
    ) -> Iterator[tuple[str, Found]]:
        if label.lower() not in map(str.lower, issue.labels):
            return
        last = self.services.forge.last_labelling(repository, issue.number, label)
        if last is None or last.at < since:
            return
        # What a delivery told of and was refused still has its label, and is not to be refused twice.
        told = label_key(repository, issue.number, label)
        if not self.services.store.heard_of(told, last.at - OVERLAP):
            found = Found(Kind.LABEL, repository, last.id, issue.number, label)
            yield label_key(repository, issue.number, label, last.id), found

    def _label(self, repository: str) -> str:
        try:
            return repository_config(self.services, repository).label
        except BadConfig:
            # The answer to whoever asks is what is wrong with it.
            return RepoConfig().label

    def _since(self, cursor: str, now: datetime) -> datetime:
        """Since when to look: what was before the first look is nobody's wish any more."""
        seen = self.services.store.get_cursor(cursor)
        return datetime.fromisoformat(seen) - OVERLAP if seen else now

    def _seen(self, cursor: str, now: datetime) -> None:
        self.services.store.set_cursor(cursor, now.isoformat())


def _asks(review: Review) -> bool:
    return COMMAND in review.body or review.state is ReviewState.CHANGES_REQUESTED

"""What polling found, as it is stored, and as the event that a delivery would have told of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.forge.base import Account, Forge, Issue, State
from bot.forge.errors import NotFound
from webhooks import events
from webhooks.events import Action, Event

POLLED = "polled"
"""The name under which something found is stored; its body is a `Found`."""


class Kind(StrEnum):
    """What was found."""

    COMMENT = "comment"
    REVIEW_COMMENT = "review comment"
    REVIEW = "review"
    LABEL = "label"


@dataclass(frozen=True, slots=True)
class Found:
    """Something found: its id at GitHub, and the issue or pull request that it is on."""

    kind: Kind
    repository: str
    id: int
    number: int
    label: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "repository": self.repository,
            "id": self.id,
            "number": self.number,
            "label": self.label,
        }

    @classmethod
    def read(cls, body: bytes) -> Found:
        told = json.loads(body)
        return cls(
            Kind(told["kind"]),
            str(told["repository"]),
            int(told["id"]),
            int(told["number"]),
            str(told["label"]),
        )


def polled_event(forge: Forge, delivery_id: str, body: bytes) -> Event | None:
    """The event that something found is, as it is now; None where it is gone. Raises ForgeError."""
    found = Found.read(body)
    try:
        match found.kind:
            case Kind.COMMENT:
                return _issue_comment(forge, delivery_id, found.repository, found.id)
            case Kind.REVIEW_COMMENT:
                return _review_comment(forge, delivery_id, found.repository, found.id)
            case Kind.REVIEW:
                return _review(forge, delivery_id, found)
            case Kind.LABEL:
                return _label(forge, delivery_id, found)
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
        issue=_as_issue(issue),
        comment_id=comment.id,
        body=comment.body,
    )


def _review_comment(forge: Forge, delivery_id: str, repository: str, number: int) -> Event | None:
    comment = forge.review_comment(repository, number)
    if comment is None or comment.author is None:
        return None
    where = _repository(forge, repository)
    return events.PullRequestReviewComment(
        delivery_id=delivery_id,
        name="pull_request_review_comment",
        action=Action.CREATED,
        repository=where,
        sender=_account(comment.author),
        installation_id=None,
        pull=_pull(forge, where, comment.pull),
        comment_id=comment.id,
        body=comment.body,
        path=comment.path,
        line=comment.line,
        on_base=False,
        commit=comment.commit,
    )


def _review(forge: Forge, delivery_id: str, found: Found) -> Event | None:
    reviews = {review.id: review for review in forge.reviews(found.repository, found.number)}
    review = reviews.get(found.id)
    if review is None or review.author is None:
        return None
    where = _repository(forge, found.repository)
    return events.PullRequestReview(
        delivery_id=delivery_id,
        name="pull_request_review",
        action=Action.SUBMITTED,
        repository=where,
        sender=_account(review.author),
        installation_id=None,
        pull=_pull(forge, where, review.pull),
        review_id=review.id,
        body=review.body,
        state=events.ReviewState(review.state.value),
        commit=review.commit,
    )


def _label(forge: Forge, delivery_id: str, found: Found) -> Event | None:
    """The label, if it is still there, and was not put on anew: then that was told of, or is found."""
    issue = forge.issue(found.repository, found.number)
    last = forge.last_labelling(found.repository, found.number, found.label)
    there = found.label.lower() in map(str.lower, issue.labels)
    if not there or last is None or last.id != found.id or last.by is None:
        return None
    return events.IssueLabeled(
        delivery_id=delivery_id,
        name="issues",
        action=Action.LABELED,
        repository=_repository(forge, found.repository),
        sender=_account(last.by),
        installation_id=None,
        issue=_as_issue(issue),
        label=last.label,
    )


def _as_issue(issue: Issue) -> events.Issue:
    return events.Issue(
        number=issue.number,
        title=issue.title,
        body=issue.body,
        author=_account(issue.author) if issue.author else None,
        open=issue.state is State.OPEN,
        labels=issue.labels,
        is_pull_request=issue.is_pull_request,
    )


def _pull(forge: Forge, where: events.Repository, number: int) -> events.Pull:
    pull = forge.pull_request(where.full_name, number)
    return events.Pull(
        number=pull.number,
        title=pull.title,
        body=pull.body,
        author=_account(pull.author) if pull.author else None,
        open=pull.state is State.OPEN,
        merged=pull.state is State.MERGED,
        draft=pull.draft,
        head=events.Branch(None if pull.from_fork else where, pull.head.ref, pull.head.sha),
        base=events.Branch(where, pull.base.ref, pull.base.sha),
    )


def _repository(forge: Forge, name: str) -> events.Repository:
    known = forge.repository(name)
    # Its id is not told here, and nobody needs it: a repository goes by its name.
    return events.Repository(0, known.full_name, known.private, known.default_branch, known.fork)


def _account(account: Account) -> events.Account:
    return events.Account(account.id, account.login, account.is_bot)

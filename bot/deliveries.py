"""What of a delivery matters: whether anything can come of it, and what else it is known by. Pure."""

from __future__ import annotations

from webhooks import events
from webhooks.events import Action, Event

COMMAND = "/supercharge"
"""What every command begins with: a comment without it is not looked at."""


def is_of_use(event: Event) -> bool:
    """Whether a handler could have something to do: what is not, need not be stored.

    A busy repository sends far more comments than commands.
    """
    match event:
        case (
            events.IssueComment(action=action, body=body)
            | events.PullRequestReviewComment(action=action, body=body)
        ):
            return action is Action.CREATED and COMMAND in body
        case events.PullRequestReview(action=action, state=state, body=body):
            wanted = state is events.ReviewState.CHANGES_REQUESTED or COMMAND in body
            return action is Action.SUBMITTED and wanted
        case events.IssueLabeled(action=action) | events.PullRequestLabeled(action=action):
            return action is Action.LABELED
        case events.PullRequest(action=action):
            return action in (Action.CLOSED, Action.REOPENED)
    return False


def semantic_key(event: Event) -> str | None:
    """Names what happened, so that a delivery and what polling found of it are one, or None.

    A label that is put on a second time asks a second time, under another delivery.
    """
    match event:
        case events.IssueComment(action=Action.CREATED):
            return comment_key(event.repository.full_name, event.comment_id)
        case events.PullRequestReviewComment(action=Action.CREATED):
            return review_comment_key(event.repository.full_name, event.comment_id)
        case events.PullRequestReview(action=Action.SUBMITTED):
            return review_key(event.repository.full_name, event.review_id)
        case events.IssueLabeled(action=Action.LABELED, issue=issue, label=label):
            return label_key(event.repository.full_name, issue.number, label, event.delivery_id)
        case events.PullRequestLabeled(action=Action.LABELED, pull=pull, label=label):
            return label_key(event.repository.full_name, pull.number, label, event.delivery_id)
    return None


def comment_key(repository: str, comment_id: int) -> str:
    """What a comment below an issue is known by, whoever tells of it."""
    return f"{repository} comment {comment_id}"


def review_key(repository: str, review_id: int) -> str:
    """What a review of a whole pull request is known by."""
    return f"{repository} review {review_id}"


def label_key(repository: str, number: int, label: str, event: object = "") -> str:
    """What a label that was put on is known by: the words that all of one issue's begin with, and more.

    A delivery and GitHub's list of events name one and the same labelling differently.
    """
    return f"{repository} label {number} {label.lower()} {event}"


def review_comment_key(repository: str, comment_id: int) -> str:
    """What a comment on a line is known by."""
    return f"{repository} review comment {comment_id}"

"""Comments: below an issue or a pull request, on a line of a diff, and with a review."""

from __future__ import annotations

from bot.commands import MAX_WISH, Improve, parse_comment
from bot.conversation import Conversation, Place
from bot.forge.base import Target, TargetKind
from bot.requests import Subject, SubjectKind, Trigger, TriggerKind
from bot.sanitize import plain, without_comments
from bot.services import Services
from bot.store.queries import RequestFilter
from bot.targets import Line
from webhooks import events
from webhooks.events import Action


def on_issue_comment(services: Services, event: events.IssueComment) -> str:
    command = parse_comment(event.body)
    if event.action is not Action.CREATED or command is None:
        return "no command"
    kind = SubjectKind.PULL if event.issue.is_pull_request else SubjectKind.ISSUE
    place = Place(
        event=event,
        subject=Subject(kind, event.issue.number),
        trigger=Trigger(TriggerKind.ISSUE_COMMENT, str(event.comment_id)),
        reactions=Target(TargetKind.ISSUE_COMMENT, event.comment_id),
        issue_body=event.issue.body,
        is_open=event.issue.open,
    )
    return Conversation(services, place).answer(command)


def on_review_comment(services: Services, event: events.PullRequestReviewComment) -> str:
    command = parse_comment(event.body)
    if event.action is not Action.CREATED or command is None:
        return "no command"
    # A comment on a line that the pull request takes out is on no stub of its head.
    line = None if event.on_base else event.line
    place = Place(
        event=event,
        subject=Subject(SubjectKind.PULL, event.pull.number),
        trigger=Trigger(TriggerKind.REVIEW_COMMENT, str(event.comment_id)),
        reactions=Target(TargetKind.REVIEW_COMMENT, event.comment_id),
        line=Line(event.path, line, event.commit),
        is_open=event.pull.open,
    )
    return Conversation(services, place).answer(command)


def on_review(services: Services, event: events.PullRequestReview) -> str:
    command = parse_comment(event.body)
    if command is None and event.state is events.ReviewState.CHANGES_REQUESTED:
        command = _wish_of(services, event)
    if event.action is not Action.SUBMITTED or command is None:
        return "no command"
    place = Place(
        event=event,
        subject=Subject(SubjectKind.PULL, event.pull.number),
        trigger=Trigger(TriggerKind.REVIEW, str(event.review_id)),
        # A review has no reactions of its own.
        reactions=Target(TargetKind.ISSUE, event.pull.number),
        is_open=event.pull.open,
    )
    return Conversation(services, place).answer(command)


def _wish_of(services: Services, event: events.PullRequestReview) -> Improve | None:
    """What a reviewer of our own pull request wants changed; None on anybody else's."""
    mine = RequestFilter(repository=event.repository.full_name, pull_number=event.pull.number)
    words = plain(without_comments(event.body)).strip()[:MAX_WISH]
    return Improve(words) if words and services.store.count_requests(mine) else None

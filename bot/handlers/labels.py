"""The label that asks: on an issue for the stub in its body, on a pull request for all of its stubs."""

from __future__ import annotations

from bot.commands import Generate
from bot.conversation import Conversation, Place
from bot.forge.base import Target, TargetKind
from bot.requests import Subject, SubjectKind, Trigger, TriggerKind
from bot.services import Services
from webhooks import events
from webhooks.events import Action


def on_issue_labeled(services: Services, event: events.IssueLabeled) -> str:
    kind = SubjectKind.PULL if event.issue.is_pull_request else SubjectKind.ISSUE
    subject = Subject(kind, event.issue.number)
    return _on_label(
        services, event, event.action, subject, event.issue.body, is_open=event.issue.open
    )


def on_pull_labeled(services: Services, event: events.PullRequestLabeled) -> str:
    subject = Subject(SubjectKind.PULL, event.pull.number)
    return _on_label(services, event, event.action, subject, "", is_open=event.pull.open)


def _on_label(
    services: Services,
    event: events.IssueLabeled | events.PullRequestLabeled,
    action: Action,
    subject: Subject,
    body: str,
    *,
    is_open: bool,
) -> str:
    if action is not Action.LABELED:
        return "not set, but taken away"
    place = Place(
        event=event,
        subject=subject,
        trigger=Trigger(TriggerKind.LABEL, event.delivery_id),
        reactions=Target(TargetKind.ISSUE, subject.number),
        issue_body=body,
        label=event.label,
        is_open=is_open,
    )
    return Conversation(services, place).answer(Generate())

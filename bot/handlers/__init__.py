"""One file per kind of event. Each says in a few words what came of it, for the record."""

from __future__ import annotations

from bot.handlers import comments, labels, pulls
from bot.services import Services
from webhooks import events
from webhooks.events import Event


def handle(services: Services, event: Event) -> str:
    """Do what an event asks for. Repeating it does no harm, so it may be cut off anywhere.

    Raises Unavailable and StoreUnavailable: then it is to be handled again later.
    """
    match event:
        case events.IssueComment():
            return comments.on_issue_comment(services, event)
        case events.PullRequestReviewComment():
            return comments.on_review_comment(services, event)
        case events.PullRequestReview():
            return comments.on_review(services, event)
        case events.IssueLabeled():
            return labels.on_issue_labeled(services, event)
        case events.PullRequestLabeled():
            return labels.on_pull_labeled(services, event)
        case events.PullRequest():
            return pulls.on_pull_request(services, event)
    return "nothing to do"

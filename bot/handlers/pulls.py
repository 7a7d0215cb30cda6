"""Pull requests of ours that are closed or opened again: so many may be open at a time."""

from __future__ import annotations

from bot.services import Services
from bot.store.queries import RequestFilter
from webhooks import events
from webhooks.events import Action


def on_pull_request(services: Services, event: events.PullRequest) -> str:
    if event.action not in (Action.CLOSED, Action.REOPENED):
        return "nothing to do"
    mine = RequestFilter(repository=event.repository.full_name, pull_number=event.pull.number)
    requests = services.store.list_requests(mine)
    closed_at = services.clock() if event.action is Action.CLOSED else None
    for request in requests:
        services.store.update_request(request.id, pull_closed_at=closed_at)
    return f"{len(requests)} requests of ours"

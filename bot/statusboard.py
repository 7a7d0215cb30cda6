"""The one comment that shows where the requests of one command stand: made once, then edited."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bot.checkboard import show_check
from bot.forge.errors import ForgeError, NotFound, Unavailable
from bot.requests import Request
from bot.said import Thread, once
from bot.services import Services
from bot.statuscomment import RequestView, status_comment, status_marker
from bot.store.queries import RequestFilter
from engine.progress import Progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StatusBoard:
    """The status comment of the command that made `request`, and of that command's other stubs."""

    services: Services
    request: Request

    def show(self, progress: Progress | None = None) -> None:
        """Bring the comment up to date, or make it. `progress` is that of the request itself.

        Raises Unavailable and StoreUnavailable. One that people have deleted stays deleted.
        """
        group = self._group()
        key = group[0].id
        views = self._views(group, progress)
        body = self._body(group, views)
        show_check(self.services, group, views)
        known = next((r.status_comment_id for r in group if r.status_comment_id is not None), None)
        if known is not None:
            self._edit(known, body)
            return
        comment_id = int(
            once(self.services, f"status {key}", lambda: self._create(body), self._find)
        )
        for request in group:
            self.services.store.update_request(request.id, status_comment_id=comment_id)

    def words(self, requests: Sequence[Request], progress: Progress | None = None) -> str:
        """The comment's text for these requests."""
        return self._body(requests, self._views(requests, progress))

    def _body(self, requests: Sequence[Request], views: Sequence[RequestView]) -> str:
        return status_comment(requests[0].id, views, updated_at=self.services.clock())

    def _views(self, requests: Sequence[Request], progress: Progress | None) -> list[RequestView]:
        store = self.services.store
        return [
            RequestView(
                request_id=request.id,
                path=request.path,
                qualname=request.qualname,
                status=request.status,
                progress=progress if request.id == self.request.id else None,
                place=_counted_from_one(store.queue_position(request.id)),
                attempts=request.attempts,
                retry_at=request.retry_at,
                reason=request.reason,
                pull_number=request.pull_number,
                error_id=request.error_id,
            )
            for request in requests
        ]

    def _group(self) -> list[Request]:
        """All requests of the same command, in the order in which they were made."""
        request = self.request
        there = RequestFilter(repository=request.repository, subject=request.subject)
        found = self.services.store.list_requests(there)
        return [r for r in reversed(found) if r.trigger == request.trigger]

    def _create(self, body: str) -> str:
        request = self.request
        comment = self.services.forge.create_comment(
            request.repository, request.subject.number, body
        )
        return str(comment.id)

    def _find(self) -> str | None:
        thread = Thread(self.services, self.request.repository, self.request.subject.number)
        found = thread.own_with(status_marker(self._group()[0].id))
        return str(found.id) if found else None

    def _edit(self, comment_id: int, body: str) -> None:
        try:
            self.services.forge.edit_comment(self.request.repository, comment_id, body)
        except NotFound:
            return
        except Unavailable:
            raise
        except ForgeError as error:
            logger.warning("the status comment of %s stays as it is: %s", self.request.id, error)


def _counted_from_one(before: int | None) -> int | None:
    return None if before is None else before + 1

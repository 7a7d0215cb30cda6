"""From a request to an answer: faults, credential, route, access, pages, ETag. No socket in here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlencode

from bot.forge.fake.access import Actor, authenticate, authorize
from bot.forge.fake.actions import Actions
from bot.forge.fake.faults import Fault, FaultKind, Faults
from bot.forge.fake.http import Call, Page, Reply, Request, Routes
from bot.forge.fake.problems import Problem, invalid, not_found
from bot.forge.fake.routes import all_routes
from bot.forge.fake.shapes import Shapes
from bot.forge.fake.world import Repo, World

_LIMIT = 5000
_MAX_PER_PAGE = 100
_SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what it was answered, for whoever wants to check them."""

    request: Request
    reply: Reply


class Silence(Exception):
    """The request gets no answer."""


@dataclass(slots=True)
class Rest:
    """The REST API."""

    world: World
    shapes: Shapes
    actions: Actions
    faults: Faults
    observer: Callable[[Exchange], None] | None = None
    used: int = 0
    """Requests that counted against the quota; a 304 does not."""
    _routes: Routes = field(default_factory=all_routes)

    def answer(self, request: Request) -> Reply:
        """The answer. Raises Silence where there is none."""
        fault = self.faults.take(request.method, request.path)
        try:
            if fault is not None and fault.kind is not FaultKind.LOST_ANSWER:
                raise self._broken(fault)
            with self.world.lock:
                reply = self._conditional(request, self._do(request))
            if fault is not None:
                raise Problem(502, "Server Error")
        except Problem as problem:
            reply = Reply(problem.status, problem.body(), problem.headers)
        self.used += reply.status != 304
        reply = Reply(reply.status, reply.body, {**self._limits(), **reply.headers})
        if self.observer is not None:
            self.observer(Exchange(request, reply))
        return reply

    def actor(self, headers: Mapping[str, str]) -> Actor:
        with self.world.lock:
            return authenticate(self.world, headers)

    def _do(self, request: Request) -> Reply:
        actor = authenticate(self.world, request.headers)
        route, found = self._routes.find(request.method, request.path)
        parts = {name: unquote(value) for name, value in found.items()}
        repo = self._repo(parts)
        authorize(actor, route.access, repo)
        call = Call(request, parts, actor, self.world, self.shapes, self.actions, repo)
        result = route.handler(call)
        if isinstance(result, Page):
            return self._page(request, result)
        return result if isinstance(result, Reply) else Reply(200, result)

    def _repo(self, parts: Mapping[str, str]) -> Repo | None:
        if "repo" not in parts:
            return None
        repo = self.world.repo(f"{parts['owner']}/{parts['repo']}")
        if repo is None:
            raise not_found()
        return repo

    def _page(self, request: Request, page: Page) -> Reply:
        size = max(1, min(_MAX_PER_PAGE, _count(request, "per_page", 30)))
        if page.by_cursor:
            start = _count(request, "cursor", 0)
        else:
            start = (max(1, _count(request, "page", 1)) - 1) * size
        items = page.items[start : start + size]
        links = []
        if start + size < len(page.items):
            links.append(("next", start // size + 2, start + size))
            if not page.by_cursor:
                links.append(("last", (len(page.items) - 1) // size + 1, 0))
        shown = ", ".join(
            f'<{self._link(request, page, number, cursor)}>; rel="{rel}"'
            for rel, number, cursor in links
        )
        headers = {"Link": shown} if shown else {}
        if page.key:
            return Reply(200, {"total_count": len(page.items), page.key: items}, headers)
        return Reply(200, items, headers)

    def _link(self, request: Request, page: Page, number: int, cursor: int) -> str:
        place = {"cursor": cursor} if page.by_cursor else {"page": number}
        return f"{self.shapes.api}{request.path}?{urlencode({**request.query, **place})}"

    def _conditional(self, request: Request, reply: Reply) -> Reply:
        if request.method != "GET" or reply.status != 200:
            return reply
        digest = hashlib.sha256(json.dumps(reply.body, sort_keys=True).encode()).hexdigest()
        etag = f'W/"{digest}"'
        known = {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}
        if etag in known:
            return Reply(304, None, {"ETag": etag})
        return Reply(200, reply.body, {**reply.headers, "ETag": etag})

    def _limits(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(_LIMIT),
            "X-RateLimit-Remaining": str(max(1, _LIMIT - self.used)),
            "X-RateLimit-Used": str(self.used),
            "X-RateLimit-Reset": str(int(self.world.now().timestamp()) + 3600),
            "X-RateLimit-Resource": "core",
        }

    def _broken(self, fault: Fault) -> Problem:
        match fault.kind:
            case FaultKind.HANG:
                raise Silence
            case FaultKind.SECONDARY_LIMIT:
                return Problem(403, _SECONDARY, headers={"Retry-After": str(fault.retry_after_s)})
            case FaultKind.PRIMARY_LIMIT:
                reset = int(self.world.now().timestamp()) + fault.retry_after_s
                headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
                return Problem(403, "API rate limit exceeded for user.", headers=headers)
            case FaultKind.BAD_CREDENTIALS:
                return Problem(401, "Bad credentials")
        return Problem(502, "Server Error")


def _count(request: Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise invalid("Search", name, "invalid")
    return int(text)

"""Requests, replies and routes of the loopback GitHub. No socket in here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.forge.fake.access import Access, Actor
from bot.forge.fake.actions import Actions
from bot.forge.fake.problems import Problem, not_found
from bot.forge.fake.shapes import Shapes
from bot.forge.fake.world import Repo, World

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. `path` is below the API's base; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Json:
        """The body as an object; an empty one is empty."""
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise Problem(400, "Problems parsing JSON") from error
        if not isinstance(value, dict):
            raise Problem(400, "Body should be a JSON object")
        return value


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """A whole list, of which a page is sent; `key` names it where it is not the whole answer."""

    items: list[Json]
    key: str = ""
    by_cursor: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A request that found its route, with all that an answer is made of."""

    request: Request
    parts: Mapping[str, str]
    actor: Actor
    world: World
    shapes: Shapes
    actions: Actions
    found: Repo | None

    @property
    def repo(self) -> Repo:
        """The repository that the path names; routes without one do not ask."""
        if self.found is None:
            raise not_found()
        return self.found

    def number(self, name: str) -> int:
        text = self.parts[name]
        if not (text.isascii() and text.isdigit()):
            raise not_found()
        return int(text)

    def text(self, name: str, *, required: bool = False) -> str | None:
        """A text of the body."""
        value = self.request.json().get(name)
        if value is not None and not isinstance(value, str):
            raise Problem(422, f"Invalid request.\n\n{name} is not a string.")
        if required and not value:
            raise Problem(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        return value


Handler = Callable[[Call], "Reply | Page | Json"]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, and what it takes to be let in."""

    method: str
    pattern: re.Pattern[str]
    access: Access
    handler: Handler


class Routes:
    """A table of routes; the first that fits is taken."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def route(self, line: str, access: Access) -> Callable[[Handler], Handler]:
        """Adds the handler for "METHOD /path/{part}/{rest...}"."""
        method, _, path = line.partition(" ")
        rest = re.sub(r"\{(\w+)\.\.\.\}", r"(?P<\1>.*)", path)
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", rest))

        def add(handler: Handler) -> Handler:
            self._routes.append(Route(method, pattern, access, handler))
            return handler

        return add

    def include(self, other: Routes) -> None:
        self._routes += other._routes

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """Raises Problem 404 where nothing fits."""
        for route in self._routes:
            match = route.pattern.fullmatch(path) if route.method == method else None
            if match is not None:
                return route, match.groupdict()
        raise not_found()


def visible(items: Iterable[T]) -> list[T]:
    """Those of a list that a reader sees by now; the others come nearer with each look."""
    seen = []
    for item in items:
        unseen = getattr(item, "unseen", 0)
        if unseen:
            item.unseen = unseen - 1  # type: ignore[attr-defined]
        else:
            seen.append(item)
    return seen

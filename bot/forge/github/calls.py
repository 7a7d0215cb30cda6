"""Calls about a repository, an installation or the App, each with the credential that goes with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from github import Auth

from bot.forge.errors import NotFound, Unauthorized
from bot.forge.github.answers import Answer
from bot.forge.github.credentials import AppCredential, Credential
from bot.forge.github.transport import PER_PAGE, Response, Transport, next_page

T = TypeVar("T")
Query = Mapping[str, str | int]


class Get(Protocol):
    """How a page of a list is asked for."""

    def __call__(self, verb: str, path: str, *, query: Query | None = None) -> Response:
        """One request."""


class Calls:
    """What the client and its parts make their requests with."""

    def __init__(self, transport: Transport, credential: Credential) -> None:
        self._transport = transport
        self._credential = credential
        self.app = credential.app
        """Whether, and as what, an App asks."""
        self.is_https = transport.settings.base_url.startswith("https:")

    def close(self) -> None:
        self._transport.close()

    def token(self, repository: str) -> str:
        """The token for git over HTTP."""
        return self._credential.auth(repository).token

    # -- in a repository: `path` goes on after /repos/OWNER/NAME
    # ----------------------------------------

    def call(
        self,
        repository: str,
        verb: str,
        path: str,
        send: Mapping[str, Any] | None = None,
        *,
        query: Query | None = None,
    ) -> Response:
        """One request."""
        return self._absolute(repository, verb, _under(repository, path), send, query=query)

    def kept(self, repository: str, path: str) -> Response:
        """A GET that costs no quota while its answer stays the same."""
        return self._with_fresh_token(
            repository, lambda auth: self._transport.kept(auth, _under(repository, path))
        )

    def maybe(self, repository: str, path: str, read: Callable[[Answer], T]) -> T | None:
        """What `read` makes of the answer; None where there is nothing."""
        try:
            return read(self.call(repository, "GET", path).answer())
        except NotFound:
            return None

    def items(
        self, repository: str, path: str, query: Query | None = None, *, key: str | None = None
    ) -> Iterator[Answer]:
        """The items of a list, a page at a time."""

        def get(verb: str, path: str, *, query: Query | None = None) -> Response:
            return self._absolute(repository, verb, path, query=query)

        return self.pages(get, _under(repository, path), query, key=key)

    # -- elsewhere -----------------------------------------------------------------------------------

    def as_app(self, verb: str, path: str, *, query: Query | None = None) -> Response:
        """As the App itself."""
        assert self.app is not None
        return self._transport.call(self.app, verb, path, query=query)

    def as_token(self, verb: str, path: str, *, query: Query | None = None) -> Response:
        """As the token's owner."""
        return self._transport.call(self._credential.auth(""), verb, path, query=query)

    def as_installation(self, installation: int, path: str, query: Query | None = None) -> Response:
        """A GET with a token that only reads what an installation is about."""
        assert isinstance(self._credential, AppCredential)
        auth = self._credential.reader(installation)
        return self._transport.call(auth, "GET", path, query=query)

    def installations(self) -> Iterator[int]:
        """The ids of the App's installations that are in force."""
        return (found.number("id") for found in self.living_installations())

    def living_installations(self) -> Iterator[Answer]:
        """What GitHub tells of each installation that is in force."""
        for found in self.pages(self.as_app, "/app/installations"):
            if found.maybe_text("suspended_at") is None:
                yield found

    def installed_on(self, installation: int) -> Iterator[Answer]:
        """The repositories of an installation."""

        def get(verb: str, path: str, *, query: Query | None = None) -> Response:
            return self.as_installation(installation, path, query)

        return self.pages(get, "/installation/repositories", key="repositories")

    def pages(
        self, get: Get, path: str, query: Query | None = None, *, key: str | None = None
    ) -> Iterator[Answer]:
        """The items of a list; the next page is asked for when the last one is used up."""
        response = get("GET", path, query={"per_page": PER_PAGE, **(query or {})})
        seen = set()
        while True:
            yield from response.answers(key)
            link = next_page(response)
            if link is None or link in seen:
                return
            seen.add(link)
            # Only the link's path and query are used: the credential never goes to another host.
            response = get("GET", link)

    # -- how ------------------------------------------------------------------------------------------

    def _absolute(
        self,
        repository: str,
        verb: str,
        path: str,
        send: Mapping[str, Any] | None = None,
        *,
        query: Query | None = None,
    ) -> Response:
        def once(auth: Auth.Auth) -> Response:
            return self._transport.call(auth, verb, path, query=query, send=send)

        return self._with_fresh_token(repository, once)

    def _with_fresh_token(self, repository: str, once: Callable[[Auth.Auth], Response]) -> Response:
        try:
            return once(self._credential.auth(repository))
        except Unauthorized:
            # An installation's token can be revoked before its hour is over. Nothing was done yet.
            if not self._credential.forget(repository):
                raise
            return once(self._credential.auth(repository))


def _under(repository: str, path: str) -> str:
    return f"/repos/{quote(repository)}{path}"

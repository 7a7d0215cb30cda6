"""Whose token goes with a call.

A plain token is the same everywhere. An App proves itself with a signed JWT and gets, for each
repository, a token that is good for that one alone, for an hour, and for no more than the bot
needs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import quote

from github import Auth
from jwt import PyJWTError

from bot.forge.errors import NotFound
from bot.forge.github.answers import Answer
from bot.forge.github.transport import Transport
from bot.forge.settings import GitHubSettings
from engine.errors import BadInput

PERMISSIONS: Mapping[str, str] = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
}
"""What the bot needs in a repository. No `workflows`: it never changes what runs there."""

READING: Mapping[str, str] = {"metadata": "read"}

_EARLY_S = 300.0
"""A token is replaced this long before its end, so that it outlives what is done with it."""


class Credential(Protocol):
    """What the client asks of a credential."""

    app: Auth.Auth | None
    """Proves the App itself; None for a plain token."""

    def auth(self, repository: str) -> Auth.Auth:
        """For calls about one repository."""

    def forget(self, repository: str) -> bool:
        """Drops what is kept for a repository; whether another try can go differently."""


def credential(settings: GitHubSettings, transport: Transport) -> Credential:
    """The one that the settings describe. Raises BadInput where there is none."""
    if settings.token:
        return TokenCredential(settings.token)
    if settings.app_key_file is None:
        raise BadInput(
            "no GitHub credential: set SUPERCHARGE_GITHUB_TOKEN, or github.app_id and app_key_file"
        )
    try:
        key = settings.app_key_file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"github.app_key_file {settings.app_key_file}: {error}") from error
    return AppCredential(settings.app_id, key, transport)


class TokenCredential:
    """One token for everything."""

    app: Auth.Auth | None = None

    def __init__(self, token: str) -> None:
        if not token.isascii() or not token.isprintable() or " " in token:
            raise BadInput("github.token holds characters that no token has")
        self._auth = Auth.Token(token)

    def auth(self, repository: str) -> Auth.Auth:
        return self._auth

    def forget(self, repository: str) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class _Granted:
    auth: Auth.Token
    ends_at: float


class AppCredential:
    """A JWT for the App, and a token for each repository, made when first needed."""

    app: Auth.Auth | None

    def __init__(
        self,
        app_id: int,
        key: str,
        transport: Transport,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises BadInput where `key` is not a PEM private key."""
        self._jwt = Auth.AppAuth(app_id, key)
        self.app = self._jwt
        try:
            _ = self._jwt.token
        except (ValueError, TypeError, PyJWTError) as error:
            raise BadInput("github.app_key_file is not an RSA private key in PEM") from error
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._granted: dict[str, _Granted] = {}

    def auth(self, repository: str) -> Auth.Auth:
        key = repository.lower()
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        # Two threads never ask for one repository's token twice, nor wait for another repository's.
        with lock:
            granted = self._granted.get(key)
            if granted is None or granted.ends_at - _EARLY_S < self._clock():
                granted = self._granted[key] = self._grant(repository)
            return granted.auth

    def forget(self, repository: str) -> bool:
        return self._granted.pop(repository.lower(), None) is not None

    def reader(self, installation_id: int) -> Auth.Auth:
        """For asking what an installation covers, and nothing else."""
        return self._ask(installation_id, {"permissions": dict(READING)}).auth

    def _grant(self, repository: str) -> _Granted:
        path = f"/repos/{quote(repository)}/installation"
        try:
            found = self._transport.call(self._jwt, "GET", path).answer()
        except NotFound as error:
            raise NotFound(f"the App is not installed on {repository}") from error
        allowed = found.object("permissions")
        # GitHub refuses the whole wish if one permission of it was not granted.
        wanted = {
            name: level for name, level in PERMISSIONS.items() if covers(allowed, name, level)
        }
        wish = {"repositories": [repository.partition("/")[2]], "permissions": wanted}
        return self._ask(found.number("id"), wish)

    def _ask(self, installation_id: int, wish: Mapping[str, object]) -> _Granted:
        path = f"/app/installations/{installation_id}/access_tokens"
        found = self._transport.call(self._jwt, "POST", path, send=wish).answer()
        ends_at: datetime = found.time("expires_at")
        return _Granted(Auth.Token(found.text("token")), ends_at.timestamp())


def covers(allowed: Answer, name: str, level: str) -> bool:
    """Whether a permission was granted at least at this level, `read` or `write`."""
    return allowed.maybe_text(name) in (
        {"write", "admin"} if level == "write" else {"read", "write", "admin"}
    )

"""Who asks, and whether they may."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import jwt

from bot.forge.fake.problems import Problem, not_found
from bot.forge.fake.world import App, Installation, Repo, User, World
from bot.forge.values import Permission

_LEVELS = {"": 0, "read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks for: of a user a role in the repository, of an App a permission."""

    role: Permission = Permission.NONE
    app: tuple[str, ...] = ()
    """Any one of these, as "issues:write"; none where an installation's token is no use."""
    app_itself: bool = False
    """Whether it is the App's own, by its JWT."""
    somebody: bool = False
    """Whether nobody in particular is refused."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: nobody, a user, an App by its JWT, or an installation by its token."""

    user: User | None = None
    app: App | None = None
    installation: Installation | None = None
    permissions: tuple[tuple[str, str], ...] = ()
    repositories: tuple[Repo, ...] = ()

    def sees(self, repo: Repo) -> bool:
        if self.app is not None:
            return self.installation is None or not repo.private or repo in self.repositories
        return repo.role(self.user) >= Permission.READ

    def may(self, repo: Repo, access: Access) -> bool:
        """Within a repository that it sees."""
        if self.installation is None:
            return repo.role(self.user) >= access.role
        if repo not in self.repositories:
            return access.role <= Permission.READ and not repo.private
        return any(self._has(*wanted.split(":")) for wanted in access.app)

    def _has(self, name: str, level: str) -> bool:
        return _LEVELS[dict(self.permissions).get(name, "")] >= _LEVELS[level]


def authenticate(world: World, headers: Mapping[str, str]) -> Actor:
    """Who sent these headers. Raises Problem 401 for a credential that is not good."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if not kind:
        return Actor()
    if kind.lower() == "basic":
        value = _password(value)
    if value.count(".") == 2:
        return Actor(app=_app(world, value))
    token = world.tokens.get(value)
    if token is None or (token.expires_at is not None and token.expires_at <= world.now()):
        raise Problem(401, "Bad credentials")
    installation = token.installation
    if installation is None:
        return Actor(user=token.user)
    if installation.suspended_at is not None:
        raise Problem(403, "This installation has been suspended")
    return Actor(token.user, installation.app, installation, token.permissions, token.repositories)


def authorize(actor: Actor, access: Access, repo: Repo | None) -> None:
    """Returns if the actor may, else raises the Problem that GitHub would answer with."""
    if access.app_itself:
        if actor.app is None or actor.installation is not None:
            raise Problem(401, "A JSON web token could not be decoded")
        return
    if actor.app is not None and actor.installation is None:
        raise Problem(401, "Bad credentials")
    if access.somebody and actor.user is None:
        raise Problem(401, "Requires authentication")
    if repo is None:
        return
    if not actor.sees(repo):
        raise not_found()
    if actor.may(repo, access):
        return
    if actor.installation is not None:
        raise Problem(403, "Resource not accessible by integration")
    if actor.user is None:
        raise Problem(401, "Requires authentication")
    raise Problem(403, "Must have more rights to the repository.")


def _password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Problem(401, "Bad credentials") from error


def _app(world: World, token: str) -> App:
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss", "")
        app = world.apps.get(int(issuer)) if str(issuer).isdigit() else None
        if app is None:
            raise Problem(404, "Integration not found")
        claims = jwt.decode(
            token,
            app.public_key,
            algorithms=["RS256"],
            leeway=60,
            options={"require": ["exp", "iat"]},
        )
    except jwt.PyJWTError as error:
        raise Problem(401, "A JSON web token could not be decoded") from error
    if claims["exp"] - claims["iat"] > 660 + 60:
        raise Problem(401, "'Expiration time' claim ('exp') is too far in the future")
    return app

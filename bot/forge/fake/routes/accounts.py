"""Users, Apps, installations and their tokens, and the App's deliveries."""

from __future__ import annotations

import secrets
from datetime import timedelta

from bot.forge.fake.access import Access
from bot.forge.fake.accountshapes import stamp
from bot.forge.fake.courier import Attempt
from bot.forge.fake.http import Call, Json, Page, Reply, Routes
from bot.forge.fake.problems import Problem, not_found
from bot.forge.fake.world import App, Installation, Repo, Token
from bot.forge.values import Permission

ROUTES = Routes()
_SOMEBODY = Access(somebody=True)
_APP = Access(app_itself=True)
_TOKEN_LIFE = timedelta(hours=1)


@ROUTES.route("GET /user", _SOMEBODY)
def me(call: Call) -> Json:
    user = call.actor.user
    if user is None or call.actor.installation is not None:
        raise Problem(403, "Resource not accessible by integration")
    return call.shapes.profile(user)


@ROUTES.route("GET /users/{login}", Access())
def user(call: Call) -> Json:
    found = call.world.users.get(call.parts["login"].lower())
    if found is None:
        raise not_found()
    return call.shapes.profile(found)


@ROUTES.route("GET /user/repos", _SOMEBODY)
def my_repositories(call: Call) -> Page:
    roles = [(repo, repo.role(call.actor.user)) for repo in call.world.repositories.values()]
    mine = [
        call.shapes.full_repository(repo, role)
        for repo, role in roles
        if role > Permission.READ or (repo.private and role >= Permission.READ)
    ]
    return Page(mine)


@ROUTES.route("GET /app", _APP)
def app(call: Call) -> Json:
    return {**call.shapes.app(_app(call)), "installations_count": len(_installations(call))}


@ROUTES.route("GET /app/installations", _APP)
def installations(call: Call) -> Page:
    return Page([call.shapes.installation(found) for found in _installations(call)])


@ROUTES.route("GET /repos/{owner}/{repo}/installation", _APP)
def installation_on(call: Call) -> Json:
    found = call.world.installation_on(_app(call), call.repo)
    if found is None:
        raise not_found()
    return call.shapes.installation(found)


@ROUTES.route("POST /app/installations/{id}/access_tokens", _APP)
def installation_token(call: Call) -> Reply:
    installation = call.world.installations.get(call.number("id"))
    if installation is None or installation.app is not call.actor.app:
        raise not_found()
    if installation.suspended_at is not None:
        raise Problem(403, "This installation has been suspended")
    repositories, permissions = (
        _wanted_repositories(call, installation),
        _wanted(call, installation),
    )
    value = f"ghs_{secrets.token_hex(18)}"
    ends_at = call.world.now() + _TOKEN_LIFE
    call.world.tokens[value] = Token(
        user=installation.app.bot,
        installation=installation,
        permissions=tuple(permissions.items()),
        repositories=tuple(repositories),
        expires_at=ends_at,
    )
    body: Json = {
        "token": value,
        "expires_at": stamp(ends_at),
        "permissions": permissions,
        "repository_selection": "selected",
        "repositories": [call.shapes.repository(repo) for repo in repositories],
    }
    return Reply(201, body)


@ROUTES.route("GET /installation/repositories", _SOMEBODY)
def installation_repositories(call: Call) -> Page:
    if call.actor.installation is None:
        raise Problem(403, "You must authenticate with an installation access token")
    return Page(
        [call.shapes.repository(repo) for repo in call.actor.repositories], key="repositories"
    )


@ROUTES.route("GET /app/hook/deliveries", _APP)
def deliveries(call: Call) -> Page:
    mine = [a for a in call.actions.events.courier.attempts if a.hook.app is call.actor.app]
    return Page([_delivery(attempt) for attempt in reversed(mine)], by_cursor=True)


@ROUTES.route("POST /app/hook/deliveries/{id}/attempts", _APP)
def redeliver(call: Call) -> Reply:
    courier = call.actions.events.courier
    known = {a.id: a for a in courier.attempts if a.hook.app is call.actor.app}
    attempt = known.get(call.number("id"))
    if attempt is None:
        raise not_found()
    courier.send(attempt.hook, attempt.event, attempt.payload, attempt.guid)
    return Reply(202, {})


@ROUTES.route("GET /rate_limit", Access())
def rate_limit(call: Call) -> Json:
    rate = {"limit": 5000, "used": 0, "remaining": 5000, "reset": int(call.world.now().timestamp())}
    return {"resources": {"core": rate, "search": rate}, "rate": rate}


def _app(call: Call) -> App:
    if call.actor.app is None:
        raise Problem(401, "Requires authentication")
    return call.actor.app


def _installations(call: Call) -> list[Installation]:
    return [found for found in call.world.installations.values() if found.app is call.actor.app]


def _wanted_repositories(call: Call, installation: Installation) -> list[Repo]:
    names = call.request.json().get("repositories")
    if names is None:
        return list(installation.repositories)
    covered = {repo.name.lower(): repo for repo in installation.repositories}
    if not isinstance(names, list) or any(str(name).lower() not in covered for name in names):
        words = "There is at least one repository that does not exist or is not accessible"
        raise Problem(422, f"{words} to the parent installation.")
    return [covered[str(name).lower()] for name in names]


def _wanted(call: Call, installation: Installation) -> dict[str, str]:
    granted, levels = installation.permissions, ("read", "write", "admin")
    wanted = call.request.json().get("permissions") or granted
    for name, level in wanted.items():
        if level not in levels or name not in granted:
            raise Problem(422, "The permissions requested are not granted to this installation.")
        if levels.index(level) > levels.index(granted[name]):
            raise Problem(422, "The permissions requested are not granted to this installation.")
    return {**wanted, "metadata": "read"}


def _delivery(attempt: Attempt) -> Json:
    installation = attempt.payload.get("installation") or {}
    repository = attempt.payload.get("repository") or {}
    ok = 200 <= attempt.status_code < 300
    return {
        "id": attempt.id,
        "guid": attempt.guid,
        "delivered_at": stamp(attempt.delivered_at),
        "redelivery": attempt.redelivery,
        "duration": attempt.duration_s,
        "status": "OK" if ok else "failed to connect to host",
        "status_code": attempt.status_code,
        "event": attempt.event,
        "action": attempt.payload.get("action"),
        "installation_id": installation.get("id"),
        "repository_id": repository.get("id"),
        "throttled_at": None,
    }

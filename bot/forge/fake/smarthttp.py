"""Clone and push over HTTP: git's own `http-backend`, as a CGI program."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping

from bot.forge.fake.access import Actor
from bot.forge.fake.gitrepo import ENVIRONMENT
from bot.forge.fake.problems import Problem, not_found
from bot.forge.fake.world import Repo, World
from bot.forge.values import Permission

_PATH = re.compile(r"/([^/]+)/([^/]+?)\.git/(info/refs|git-upload-pack|git-receive-pack)")
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="GitHub"'}


def git_path(path: str) -> tuple[str, str] | None:
    """The repository's full name and git's service path, where `path` is one of git's."""
    match = _PATH.fullmatch(path)
    return None if match is None else (f"{match[1]}/{match[2]}", match[3])


def repository_for(world: World, full_name: str, actor: Actor, *, pushes: bool) -> Repo:
    """The repository, if the actor may fetch from it or push to it. Raises Problem 401 or 404."""
    repo = world.repo(full_name)
    if repo is None or not actor.sees(repo):
        if actor.user is None:
            raise Problem(401, "Authentication required", headers=_CHALLENGE)
        raise not_found()
    if pushes and not _may_push(actor, repo):
        if actor.user is None:
            raise Problem(401, "Authentication required", headers=_CHALLENGE)
        raise Problem(403, "Write access to repository not granted.")
    return repo


def _may_push(actor: Actor, repo: Repo) -> bool:
    if actor.installation is not None:
        granted = dict(actor.permissions).get("contents") == "write"
        return granted and repo in actor.repositories
    return repo.role(actor.user) >= Permission.WRITE


def serve(
    repo: Repo,
    service: str,
    method: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    login: str,
) -> tuple[int, dict[str, str], bytes]:
    """Runs the program; the status, the headers and the body of its answer."""
    environment = {
        **ENVIRONMENT,
        "GIT_PROJECT_ROOT": str(repo.git.path),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{service}",
        "REQUEST_METHOD": method,
        "QUERY_STRING": query,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
        "REMOTE_ADDR": "127.0.0.1",
        **({"REMOTE_USER": login} if login else {}),
    }
    ran = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True)
    head, _, content = ran.stdout.partition(b"\r\n\r\n")
    answered = dict(
        line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line
    )
    status = answered.pop("Status", "200 OK").split()[0]
    return (int(status) if head else 500), answered, content

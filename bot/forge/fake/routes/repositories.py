"""A repository, who may do what in it, and its files."""

from __future__ import annotations

import base64

from bot.forge.fake.access import Access
from bot.forge.fake.gitobjects import Entry
from bot.forge.fake.http import Call, Json, Page, Reply, Routes
from bot.forge.fake.problems import Problem, invalid, not_found
from bot.forge.fake.pullshapes import check_run, full_commit
from bot.forge.fake.world import CheckRun
from bot.forge.values import Permission

ROUTES = Routes()
_READ = Access(Permission.READ, ("contents:read",))
_CHECKS = Access(Permission.ADMIN, ("checks:write",))
_MAX_INLINE = 1024 * 1024
_COARSE = {Permission.TRIAGE: "read", Permission.MAINTAIN: "write"}
"""The roles for which GitHub's old word is another one."""


@ROUTES.route("GET /repos/{owner}/{repo}", Access(Permission.READ, ("metadata:read",)))
def repository(call: Call) -> Json:
    role = call.repo.role(call.actor.user)
    if call.actor.installation is not None and ("contents", "write") in call.actor.permissions:
        role = max(role, Permission.WRITE)
    return call.shapes.full_repository(call.repo, role)


@ROUTES.route(
    "GET /repos/{owner}/{repo}/collaborators/{login}/permission",
    Access(Permission.WRITE, ("metadata:read",)),
)
def permission(call: Call) -> Json:
    user = call.world.users.get(call.parts["login"].lower())
    if user is None:
        raise Problem(404, f"{call.parts['login']} is not a user")
    role = call.repo.role(user)
    word = role.name.lower()
    shown = {
        **call.shapes.user(user),
        "role_name": word,
        "permissions": {
            "pull": role >= Permission.READ,
            "triage": role >= Permission.TRIAGE,
            "push": role >= Permission.WRITE,
            "maintain": role >= Permission.MAINTAIN,
            "admin": role >= Permission.ADMIN,
        },
    }
    return {"permission": _COARSE.get(role, word), "role_name": word, "user": shown}


@ROUTES.route("GET /repos/{owner}/{repo}/contents/{path...}", _READ)
def contents(call: Call) -> Reply:
    git, path = call.repo.git, call.parts["path"]
    ref = call.request.query.get("ref", "")
    commit = git.commit_of(ref)
    if commit is None:
        raise Problem(404, f"No commit found for the ref {ref}")
    entry = git.entry(commit, path)
    if entry is None or entry.kind == "commit":
        raise not_found()
    if entry.kind == "tree":
        listed = [
            _content(call, found, f"{path.strip('/')}/{found.path}".strip("/"), ref or commit)
            for found in git.tree(entry.sha)
        ]
        return Reply(200, listed)
    shown = _content(call, entry, path, ref or commit)
    if entry.mode == "120000":
        return Reply(200, {**shown, "target": git.blob(entry.sha).decode("utf-8", "replace")})
    small = (entry.size or 0) < _MAX_INLINE
    text = base64.encodebytes(git.blob(entry.sha)).decode("ascii") if small else ""
    return Reply(200, {**shown, "content": text, "encoding": "base64" if small else "none"})


@ROUTES.route("GET /repos/{owner}/{repo}/commits/{ref...}", _READ)
def commit(call: Call) -> Json:
    found = call.repo.git.commit_of(call.parts["ref"])
    if found is None:
        raise Problem(422, f"No commit found for SHA: {call.parts['ref']}")
    return full_commit(call.shapes, call.repo, call.repo.git.commit(found))


@ROUTES.route("GET /repos/{owner}/{repo}/labels", Access(Permission.READ, ("issues:read",)))
def labels(call: Call) -> Page:
    return Page([call.shapes.label(call.repo, label) for label in call.repo.labels.values()])


@ROUTES.route("POST /repos/{owner}/{repo}/check-runs", _CHECKS)
def create_check_run(call: Call) -> Reply:
    app = call.actor.app
    if app is None:
        raise Problem(403, "You must authenticate via a GitHub App.")
    name, sha = call.text("name", required=True), call.text("head_sha", required=True)
    if call.repo.git.kind(str(sha)) != "commit":
        raise invalid("CheckRun", "head_sha", "invalid", f"No commit found for SHA: {sha}")
    now = call.world.now()
    run = CheckRun(
        call.world.next_id(), app, str(name), str(sha), "queued", None, "", None, None, now
    )
    call.repo.check_runs[run.id] = run
    _change(call, run)
    return Reply(201, check_run(call.shapes, call.repo, run))


@ROUTES.route("PATCH /repos/{owner}/{repo}/check-runs/{id}", _CHECKS)
def update_check_run(call: Call) -> Json:
    run = call.repo.check_runs.get(call.number("id"))
    if run is None:
        raise not_found()
    if run.app is not call.actor.app:
        raise Problem(403, "Invalid app_id `0` - check run can only be modified by its App.")
    _change(call, run)
    return check_run(call.shapes, call.repo, run)


def _change(call: Call, run: CheckRun) -> None:
    send = call.request.json()
    output = send.get("output") or {}
    run.name = str(send.get("name", run.name))
    run.external_id = str(send.get("external_id", run.external_id))
    run.title, run.summary = output.get("title", run.title), output.get("summary", run.summary)
    run.conclusion = send.get("conclusion", run.conclusion)
    run.status = "completed" if send.get("conclusion") else str(send.get("status", run.status))
    if run.status == "completed" and run.conclusion is None:
        raise invalid("CheckRun", "conclusion", "missing_field")
    if run.status == "completed":
        run.completed_at = call.world.now()
    else:
        run.conclusion = run.completed_at = None


def _content(call: Call, entry: Entry, path: str, ref: str) -> Json:
    kinds = {"tree": "dir", "commit": "submodule"}
    kind = "symlink" if entry.mode == "120000" else kinds.get(entry.kind, "file")
    url = f"{call.shapes.api}/repos/{call.repo.full_name}"
    self_url = f"{url}/contents/{path}?ref={ref}"
    git_url = f"{url}/git/{'trees' if kind == 'dir' else 'blobs'}/{entry.sha}"
    page = f"{call.shapes.web}/{call.repo.full_name}/blob/{ref}/{path}"
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": self_url,
        "html_url": page,
        "git_url": git_url,
        "download_url": None if kind == "dir" else page.replace("/blob/", "/raw/"),
        "type": kind,
        "_links": {"self": self_url, "git": git_url, "html": page},
    }

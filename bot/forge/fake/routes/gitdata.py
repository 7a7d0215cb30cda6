"""The git data API: blobs, trees, commits and refs."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

from bot.forge.fake.access import Access
from bot.forge.fake.accountshapes import node_id
from bot.forge.fake.gitobjects import Entry, Person
from bot.forge.fake.gitrepo import GitFailed
from bot.forge.fake.http import Call, Json, Reply, Routes
from bot.forge.fake.problems import Problem, not_found
from bot.forge.fake.pullshapes import git_commit
from bot.forge.fake.world import User
from bot.forge.values import Permission

ROUTES = Routes()
_READ = Access(Permission.READ, ("contents:read",))
_WRITE = Access(Permission.WRITE, ("contents:write",))
_MAX_ENTRIES = 100_000


@ROUTES.route("GET /repos/{owner}/{repo}/git/blobs/{sha}", _READ)
def blob(call: Call) -> Json:
    git, sha = call.repo.git, call.parts["sha"]
    if git.kind(sha) != "blob":
        raise not_found()
    content = git.blob(sha)
    return {
        "sha": sha,
        "node_id": node_id("Blob", call.repo.id),
        "size": len(content),
        "url": _url(call, "blobs", sha),
        "content": base64.encodebytes(content).decode("ascii"),
        "encoding": "base64",
    }


@ROUTES.route("POST /repos/{owner}/{repo}/git/blobs", _WRITE)
def create_blob(call: Call) -> Reply:
    text = call.text("content") or ""
    if call.text("encoding") == "base64":
        try:
            content = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise Problem(422, "content is not valid Base64") from error
    else:
        content = text.encode()
    sha = call.repo.git.write_blob(content)
    return Reply(201, {"sha": sha, "url": _url(call, "blobs", sha)})


@ROUTES.route("GET /repos/{owner}/{repo}/git/trees/{sha}", _READ)
def tree(call: Call) -> Json:
    git = call.repo.git
    sha = git.resolve(f"{git.commit_of(call.parts['sha']) or call.parts['sha']}^{{tree}}")
    if sha is None:
        raise not_found()
    return _tree(call, sha, git.tree(sha, recursive="recursive" in call.request.query))


@ROUTES.route("POST /repos/{owner}/{repo}/git/trees", _WRITE)
def create_tree(call: Call) -> Reply:
    git, entries = call.repo.git, call.request.json().get("tree")
    if not isinstance(entries, list) or not entries:
        raise Problem(422, "Invalid tree info")
    changes = [_change(call, entry) for entry in entries]
    base = call.text("base_tree")
    found = None if base is None else git.resolve(f"{base}^{{tree}}")
    if base is not None and found is None:
        raise Problem(422, "base_tree is not a valid tree oid")
    try:
        sha = git.write_tree(found, changes)
    except GitFailed as error:
        raise Problem(422, "GitRPC::BadObjectState") from error
    return Reply(201, _tree(call, sha, git.tree(sha)))


@ROUTES.route("GET /repos/{owner}/{repo}/git/commits/{sha}", _READ)
def commit(call: Call) -> Json:
    if call.repo.git.kind(call.parts["sha"]) != "commit":
        raise not_found()
    return git_commit(call.shapes, call.repo, call.repo.git.commit(call.parts["sha"]))


@ROUTES.route("POST /repos/{owner}/{repo}/git/commits", _WRITE)
def create_commit(call: Call) -> Reply:
    git, send = call.repo.git, call.request.json()
    message, wanted = call.text("message", required=True), call.text("tree", required=True)
    parents = [str(sha) for sha in send.get("parents", [])]
    if git.kind(str(wanted)) != "tree":
        raise Problem(422, "Tree SHA does not exist")
    if any(git.kind(sha) != "commit" for sha in parents):
        raise Problem(422, "Parent SHA does not exist or is not a commit object")
    author = _person(call, send.get("author"))
    committer = _person(call, send["committer"]) if send.get("committer") else author
    sha = git.write_commit(str(wanted), parents, str(message), author, committer)
    return Reply(201, git_commit(call.shapes, call.repo, git.commit(sha)))


@ROUTES.route("GET /repos/{owner}/{repo}/git/ref/{ref...}", _READ)
def ref(call: Call) -> Json:
    if not call.repo.git.branches():
        raise Problem(409, "Git Repository is empty.")
    return _ref(call, f"refs/{call.parts['ref']}")


@ROUTES.route("POST /repos/{owner}/{repo}/git/refs", _WRITE)
def create_ref(call: Call) -> Reply:
    git = call.repo.git
    name, sha = str(call.text("ref", required=True)), str(call.text("sha", required=True))
    if not name.startswith("refs/") or name.count("/") < 2 or not git.is_ref(name):
        raise Problem(422, "Reference name is not valid")
    if git.resolve(name) is not None:
        raise Problem(422, "Reference already exists")
    if git.kind(sha) != "commit":
        raise Problem(422, "Object does not exist")
    git.set_ref(name, sha, "")
    call.actions.pushed(call.repo, _pusher(call))
    return Reply(201, _ref(call, name))


@ROUTES.route("PATCH /repos/{owner}/{repo}/git/refs/{ref...}", _WRITE)
def update_ref(call: Call) -> Json:
    git, name = call.repo.git, f"refs/{call.parts['ref']}"
    sha, old = str(call.text("sha", required=True)), git.resolve(name)
    if old is None:
        raise Problem(422, "Reference does not exist")
    if git.kind(sha) != "commit":
        raise Problem(422, "Object does not exist")
    if call.request.json().get("force") is not True and not git.is_ancestor(old, sha):
        raise Problem(422, "Update is not a fast forward")
    git.set_ref(name, sha, old)
    call.actions.pushed(call.repo, _pusher(call))
    return _ref(call, name)


@ROUTES.route("DELETE /repos/{owner}/{repo}/git/refs/{ref...}", _WRITE)
def delete_ref(call: Call) -> Reply:
    name = f"refs/{call.parts['ref']}"
    if call.repo.git.resolve(name) is None:
        raise Problem(422, "Reference does not exist")
    call.repo.git.delete_ref(name)
    call.actions.pushed(call.repo, _pusher(call))
    return Reply(204)


def _pusher(call: Call) -> User:
    return call.actor.user or call.repo.owner


def _change(call: Call, entry: Any) -> tuple[str, str, str | None]:
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        raise Problem(422, "Invalid tree info")
    mode, path = str(entry.get("mode", "100644")), entry["path"]
    if path.startswith("/") or ".." in path.split("/") or ".git" in path.split("/"):
        raise Problem(422, "tree.path contains a malformed path component")
    if isinstance(entry.get("content"), str):
        return mode, path, call.repo.git.write_blob(entry["content"].encode())
    sha = entry.get("sha")
    if sha is not None and call.repo.git.kind(str(sha)) is None:
        raise Problem(422, f"tree.sha {sha} is not a valid {entry.get('type', 'blob')}")
    return mode, path, None if sha is None else str(sha)


def _person(call: Call, given: Any) -> Person:
    user, now = _pusher(call), call.world.now()
    if not given:
        return Person(user.login, f"{user.id}+{user.login}@users.noreply.github.com", now)
    if not isinstance(given, dict) or not given.get("name") or not given.get("email"):
        raise Problem(422, 'Invalid request.\n\n"name", "email" weren\'t supplied.')
    at = datetime.fromisoformat(given["date"]).astimezone(UTC) if given.get("date") else now
    return Person(str(given["name"]), str(given["email"]), at)


def _ref(call: Call, name: str) -> Json:
    sha = call.repo.git.resolve(name)
    if sha is None:
        raise not_found()
    return {
        "ref": name,
        "node_id": node_id("Ref", call.repo.id),
        "url": _url(call, "refs", name.removeprefix("refs/")),
        "object": {"type": "commit", "sha": sha, "url": _url(call, "commits", sha)},
    }


def _tree(call: Call, sha: str, entries: list[Entry]) -> Json:
    shown = [_entry(call, entry) for entry in entries[:_MAX_ENTRIES]]
    return {
        "sha": sha,
        "url": _url(call, "trees", sha),
        "tree": shown,
        "truncated": len(entries) > _MAX_ENTRIES,
    }


def _entry(call: Call, entry: Entry) -> Json:
    size = {} if entry.size is None else {"size": entry.size}
    kind = {"tree": "trees", "blob": "blobs"}.get(entry.kind)
    url = {} if kind is None else {"url": _url(call, kind, entry.sha)}
    return {
        "path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha, **size, **url
    }  # fmt: skip


def _url(call: Call, kind: str, name: str) -> str:
    return f"{call.shapes.api}/repos/{call.repo.full_name}/git/{kind}/{name}"

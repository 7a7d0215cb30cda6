"""The loopback GitHub's routes alone: what a developer's own tools do, and what GitHub refuses."""

from __future__ import annotations

import base64
from typing import Any

import jwt
import pytest

from bot.forge.fake import LoopbackGitHub
from tests.bot.forge.scenes import CALC, REPO
from tests.bot.forge.test_fake import ask

BASE = f"/repos/{REPO}"


def test_a_developer_works_through_the_api_alone(github: LoopbackGitHub) -> None:
    token = github.token("alice")

    def call(method: str, path: str, send: object = None) -> Any:
        status, body, _ = ask(github, method, BASE + path, token, send)
        assert status < 300, (method, path, body)
        return body

    main = call("GET", "/git/ref/heads/main")["object"]["sha"]
    tree = call("GET", f"/git/commits/{main}")["tree"]["sha"]
    blob = call("POST", "/git/blobs", {"content": "1\n", "encoding": "utf-8"})["sha"]
    assert base64.b64decode(call("GET", f"/git/blobs/{blob}")["content"]) == b"1\n"
    entries = [
        {"path": "one.py", "mode": "100644", "type": "blob", "sha": blob},
        {"path": "two.py", "mode": "100644", "type": "blob", "content": "2\n"},
    ]
    tree = call("POST", "/git/trees", {"base_tree": tree, "tree": entries})["sha"]
    made = {"message": "Add", "tree": tree, "parents": [main]}
    commit = call("POST", "/git/commits", made)
    assert commit["author"]["name"] == "alice"
    call("POST", "/git/refs", {"ref": "refs/heads/w", "sha": commit["sha"]})
    assert {entry["name"] for entry in call("GET", "/contents/?ref=w")} == {
        "calc.py", "lib", "one.py", "two.py",
    }  # fmt: skip

    issue = call("POST", "/issues", {"title": "Fill", "body": "Please.", "labels": ["bug"]})[
        "number"
    ]
    call("PATCH", f"/issues/{issue}", {"title": "Fill it", "state": "closed"})
    assert call("GET", f"/issues/{issue}")["state"] == "closed"
    assert [label["name"] for label in call("GET", "/labels")] == ["bug"]
    pull = call("POST", "/pulls", {"title": "Add", "head": "w", "base": "main"})["number"]
    asked = {
        "body": "Why?",
        "path": "one.py",
        "line": 1,
        "side": "RIGHT",
        "commit_id": commit["sha"],
    }
    first = call("POST", f"/pulls/{pull}/comments", asked)["id"]
    call("POST", f"/pulls/{pull}/comments/{first}/replies", {"body": "Because."})
    assert [c["body"] for c in call("GET", f"/pulls/{pull}/comments")] == ["Why?", "Because."]
    comment = call("POST", f"/issues/{pull}/comments", {"body": "x"})["id"]
    call("POST", f"/issues/comments/{comment}/reactions", {"content": "heart"})
    [reaction] = call("GET", f"/issues/comments/{comment}/reactions")
    assert reaction["content"] == "heart"
    call("DELETE", f"/issues/comments/{comment}")
    call("DELETE", "/git/refs/heads/w")
    assert call("GET", f"/pulls/{pull}")["state"] == "closed"


REFUSED: list[tuple[str, str, object, int]] = [
    ("POST", "/git/blobs", {"content": "!", "encoding": "base64"}, 422),
    ("POST", "/git/trees", {"tree": []}, 422),
    ("POST", "/git/trees", {"tree": [{"path": "/etc", "content": "x"}]}, 422),
    ("POST", "/git/trees", {"tree": [{"path": "a/../b", "content": "x"}]}, 422),
    ("POST", "/git/trees", {"tree": [{"path": ".git/config", "content": "x"}]}, 422),
    ("POST", "/git/trees", {"tree": [{"path": "a", "sha": "1" * 40}]}, 422),
    ("POST", "/git/trees", {"base_tree": "1" * 40, "tree": [{"path": "a", "content": ""}]}, 422),
    ("POST", "/git/commits", {"message": "x", "tree": "1" * 40, "parents": []}, 422),
    ("POST", "/git/refs", {"ref": "heads/x", "sha": "1" * 40}, 422),
    ("POST", "/git/refs", {"ref": "refs/heads/a..b", "sha": "1" * 40}, 422),
    ("POST", "/git/refs", {"ref": "refs/heads/new", "sha": "1" * 40}, 422),
    ("PATCH", "/git/refs/heads/none", {"sha": "1" * 40}, 422),
    ("PATCH", "/git/refs/heads/main", {"sha": "1" * 40}, 422),
    ("DELETE", "/git/refs/heads/none", None, 422),
    ("GET", "/git/blobs/" + "1" * 40, None, 404),
    ("GET", "/git/trees/" + "1" * 40, None, 404),
    ("GET", "/git/commits/" + "1" * 40, None, 404),
    ("GET", "/git/ref/heads/none", None, 404),
    ("GET", "/git/ref/--all", None, 404),
    ("GET", "/commits/none", None, 422),
    ("GET", "/contents/calc.py?ref=none", None, 404),
    ("GET", "/issues/x", None, 404),
    ("GET", "/issues/99", None, 404),
    ("GET", "/issues?page=x", None, 422),
    ("GET", "/issues/comments?since=yesterday", None, 422),
    ("GET", "/pulls/1", None, 404),
    ("GET", "/nothing", None, 404),
    ("POST", "/issues", {"title": " "}, 422),
    ("POST", "/issues", {}, 422),
    ("POST", "/issues/1/labels", {"labels": "bug"}, 422),
    ("POST", "/issues/1/reactions", {"content": "cheers"}, 422),
    ("DELETE", "/issues/1/labels/none", None, 404),
    ("POST", "/pulls", {"title": "x", "head": "none", "base": "main"}, 422),
    ("POST", "/pulls", {"title": "x", "head": "main", "base": "none"}, 422),
    ("POST", "/pulls", {"title": "x", "head": "main", "base": "main"}, 422),
    ("POST", "/pulls", {"title": "x", "head": "nobody:main", "base": "main"}, 422),
    ("POST", "/check-runs", {"name": "x", "head_sha": "1" * 40}, 403),
    ("PATCH", "/check-runs/1", {}, 403),
]


def test_what_github_refuses_is_refused_in_its_words(github: LoopbackGitHub) -> None:
    github.open_issue(REPO, "Fill", by="alice")
    token = github.token("alice")
    for method, path, send, status in REFUSED:
        answer = ask(github, method, BASE + path, token, send)
        assert answer[0] == status, (method, path, send, answer)
        assert answer[1]["message"]
    assert github.read(REPO, "main", "calc.py") == CALC.encode()
    assert github.world.repositories[REPO].git.branches().keys() == {"main"}


def test_a_branch_is_moved_forward_and_back_only_by_force(github: LoopbackGitHub) -> None:
    old = ask(github, "GET", f"{BASE}/git/ref/heads/main", github.token("alice"))[1]["object"][
        "sha"
    ]
    github.push(REPO, "main", {"a": "1"}, by="alice")
    path, token = f"{BASE}/git/refs/heads/main", github.token("alice")
    status, body, _ = ask(github, "PATCH", path, token, {"sha": old, "force": False})
    assert (status, body["message"]) == (422, "Update is not a fast forward")
    assert ask(github, "PATCH", path, token, {"sha": old, "force": True})[0] == 200


@pytest.mark.parametrize(
    "wish",
    [
        {"repositories": ["other"]},
        {"repositories": "calc"},
        {"permissions": {"workflows": "write"}},
        {"permissions": {"metadata": "write"}},
        {"permissions": {"contents": "everything"}},
    ],
)
def test_an_installation_token_is_never_for_more_than_was_granted(
    github: LoopbackGitHub, keys: tuple[str, str], wish: dict[str, Any]
) -> None:
    app = github.app("supercharge", on=[REPO], keys=keys)
    [installation] = github.world.installations
    now = int(github.world.now().timestamp())
    token = jwt.encode({"iat": now - 60, "exp": now + 300, "iss": str(app.id)}, app.key, "RS256")
    path = f"/app/installations/{installation}/access_tokens"
    assert ask(github, "POST", path, token, wish)[0] == 422
    assert ask(github, "POST", path, token, {"repositories": ["calc"]})[0] == 201


@pytest.mark.parametrize(
    ("claims", "status"),
    [({"exp": -120}, 401), ({"exp": 3600}, 401), ({"iss": "7"}, 404), ({"iss": "x"}, 404)],
)
def test_a_web_token_that_is_not_good_is_refused(
    github: LoopbackGitHub, keys: tuple[str, str], claims: dict[str, Any], status: int
) -> None:
    app = github.app("supercharge", on=[REPO], keys=keys)
    now = int(github.world.now().timestamp())
    ends = now + claims.get("exp", 300)
    said = {"iat": now - 240, "exp": ends, "iss": claims.get("iss", str(app.id))}
    assert ask(github, "GET", "/app", jwt.encode(said, app.key, "RS256"))[0] == status

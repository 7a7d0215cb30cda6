"""Payloads with what GitHub's have and this project reads, to be changed by a test."""

from __future__ import annotations

import json
import uuid
from typing import Any

from webhooks.signature import sign

SECRET = "It's a Secret to Everybody"
SHA = "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c"
OTHER_SHA = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def account(login: str = "octocat", *, kind: str = "User", id: int = 7) -> dict[str, Any]:  # noqa: A002
    return {"login": login, "id": id, "type": kind}


def repository(full_name: str = "octo/calc", *, id: int = 42) -> dict[str, Any]:  # noqa: A002
    return {
        "id": id,
        "full_name": full_name,
        "private": True,
        "default_branch": "main",
        "fork": False,
    }


def issue(*, on_pull: bool = False) -> dict[str, Any]:
    link = {"pull_request": {"url": "https://api.github.com/repos/octo/calc/pulls/12"}}
    return {
        "number": 12,
        "title": "Add factorial",
        "body": "See `calc.py`.",
        "state": "open",
        "user": account("author", id=8),
        "labels": [{"id": 1, "name": "supercharge"}, {"id": 2, "name": "bug"}],
        **(link if on_pull else {}),
    }


def pull() -> dict[str, Any]:
    return {
        "number": 12,
        "title": "Add factorial",
        "body": None,
        "state": "open",
        "user": account("author", id=8),
        "merged": False,
        "draft": True,
        "head": {"ref": "add-factorial", "sha": SHA, "repo": repository()},
        "base": {"ref": "main", "sha": OTHER_SHA, "repo": repository()},
    }


def common(action: str) -> dict[str, Any]:
    return {
        "action": action,
        "repository": repository(),
        "sender": account(),
        "installation": {"id": 99},
    }


def comment(
    body: str = "/supercharge", *, action: str = "created", on_pull: bool = True
) -> dict[str, Any]:
    return {
        **common(action),
        "issue": issue(on_pull=on_pull),
        "comment": {"id": 1001, "body": body, "user": account()},
    }


def review_comment() -> dict[str, Any]:
    where = {"path": "calc.py", "line": 3, "side": "RIGHT", "commit_id": SHA}
    return {
        **common("created"),
        "pull_request": pull(),
        "comment": {"id": 1002, "body": "/supercharge", "user": account(), **where},
    }


def review(state: str = "changes_requested") -> dict[str, Any]:
    said = {"id": 1003, "body": "Handle zero.", "state": state, "commit_id": SHA}
    return {**common("submitted"), "pull_request": pull(), "review": said}


def labeled_issue() -> dict[str, Any]:
    return {**common("labeled"), "issue": issue(), "label": {"id": 1, "name": "supercharge"}}


def labeled_pull() -> dict[str, Any]:
    label = {"id": 1, "name": "supercharge"}
    return {**common("labeled"), "pull_request": pull(), "label": label}


def changed_pull(action: str = "synchronize") -> dict[str, Any]:
    return {**common(action), "pull_request": pull()}


def installation(action: str = "created") -> dict[str, Any]:
    return {
        "action": action,
        "installation": {"id": 99, "account": account("octo", kind="Organization", id=5)},
        "sender": account(),
        "repositories": [{"id": 42, "full_name": "octo/calc", "private": False}],
    }


def installation_repositories() -> dict[str, Any]:
    return {
        **installation("added"),
        "repositories": None,
        "repositories_added": [{"id": 43, "full_name": "octo/new", "private": True}],
        "repositories_removed": [{"id": 44, "full_name": "octo/old", "private": True}],
    }


def ping() -> dict[str, Any]:
    return {"zen": "Keep it logically awesome.", "hook_id": 30, "hook": {"type": "App"}}


KNOWN: dict[str, list[dict[str, Any]]] = {
    "issue_comment": [comment(), comment(on_pull=False)],
    "pull_request_review_comment": [review_comment()],
    "pull_request_review": [review()],
    "issues": [labeled_issue()],
    "pull_request": [labeled_pull(), changed_pull()],
    "installation": [installation(), installation("deleted")],
    "installation_repositories": [installation_repositories()],
    "ping": [ping()],
}


def as_body(payload: object) -> bytes:
    return json.dumps(payload).encode()


def headers(event: str, body: bytes, *, delivery: str | None = None) -> dict[str, str]:
    """What GitHub sends with `body`, signed."""
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
        "X-Hub-Signature-256": sign(SECRET, body),
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/044aadd",
    }

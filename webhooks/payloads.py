"""From the bytes of a delivery to one of `webhooks.events`. Pure; never raises but MalformedPayload.

A field that decides something must be there and have GitHub's form. One that only informs may be
missing (`private`, `draft`, a title), since servers that speak GitHub's language differ in those.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from webhooks import events
from webhooks.events import Action

_MAX_ID = 2**63 - 1
_FULL_NAME = re.compile(r"(?!\.{1,2}/)[\w.-]{1,100}/(?!\.{1,2}\Z)[\w.-]{1,100}", re.ASCII)
_LOGIN = re.compile(r"[\w.-]{1,100}(\[bot\])?", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?", re.ASCII)
_REF = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]{1,255}")
_PATH = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,4096}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_E = TypeVar("_E", bound=StrEnum)


class MalformedPayload(ValueError):
    """The body is not what its event's name promises; the text says where, in one line."""


def parse_event(name: str, delivery_id: str, body: bytes) -> events.Event:
    """The event that `body` tells of; `name` and `delivery_id` are the headers' values.

    Raises MalformedPayload when the body is not a JSON object, or not one of this event.
    """
    payload = _Fields(_decode(body), name)
    if name == "ping":
        return events.Ping(delivery_id=delivery_id, name=name, hook_id=payload.id("hook_id"))
    action = payload.text("action")
    actions, build = EVENTS.get(name, _NONE)
    if action not in actions:
        return events.Unknown(delivery_id=delivery_id, name=name, action=action)
    return build(payload, {"delivery_id": delivery_id, "name": name, "action": Action(action)})


def _decode(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError as error:
        raise MalformedPayload("the body is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise MalformedPayload("the body is not UTF-8") from error
    except ValueError as error:  # also an integer of more digits than Python reads
        raise MalformedPayload("the body is not JSON") from error
    if not isinstance(value, dict):
        raise MalformedPayload("the body is not a JSON object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True, slots=True)
class _Fields:
    """One object of the payload, read with the name of what is wrong at hand."""

    values: Mapping[str, Any]
    where: str

    def object(self, key: str) -> _Fields:
        found = self.maybe(key)
        return self.fail(key, "is missing") if found is None else found

    def maybe(self, key: str) -> _Fields | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, dict):
            self.fail(key, "must be an object")
        return None if value is None else _Fields(value, f"{self.where}.{key}")

    def objects(self, key: str) -> list[_Fields]:
        value = self.values.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.fail(key, "must be a list of objects")
        return [_Fields(item, f"{self.where}.{key}[{n}]") for n, item in enumerate(value)]

    def id(self, key: str) -> int:
        value = self.maybe_id(key)
        return self.fail(key, "is missing") if value is None else value

    def maybe_id(self, key: str) -> int | None:
        value = self.values.get(key)
        # `True` is an int in Python, not in JSON.
        if value is not None and (type(value) is not int or not 0 < value <= _MAX_ID):
            self.fail(key, "must be a positive number")
        return None if value is None else int(value)

    def text(self, key: str) -> str:
        """Free text; the empty one where there is none."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            self.fail(key, "must be a text")
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value or "")

    def form(self, key: str, pattern: re.Pattern[str], what: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.fail(key, f"must be {what}")
        return str(value)

    def one_of(self, key: str, kind: type[_E]) -> _E:
        value = self.values.get(key)
        found = next((member for member in kind if member.value == value), None)
        return self.fail(key, f"must be one of {', '.join(kind)}") if found is None else found

    def flag(self, key: str) -> bool:
        return self.values.get(key) is True

    def fail(self, key: str, problem: str) -> NoReturn:
        raise MalformedPayload(f"{self.where}.{key} {problem}")


def _account(found: _Fields) -> events.Account:
    login = found.form("login", _LOGIN, "a login")
    is_bot = found.text("type") == "Bot" or login.endswith("[bot]")
    return events.Account(id=found.id("id"), login=login, is_bot=is_bot)


def _author(found: _Fields) -> events.Account | None:
    user = found.maybe("user")
    return None if user is None else _account(user)


def _name(found: _Fields) -> events.RepositoryName:
    return events.RepositoryName(
        id=found.id("id"),
        full_name=found.form("full_name", _FULL_NAME, "owner/name"),
        private=found.flag("private"),
    )


def _repository(found: _Fields) -> events.Repository:
    name = _name(found)
    return events.Repository(
        id=name.id,
        full_name=name.full_name,
        private=name.private,
        default_branch=found.form("default_branch", _REF, "a branch"),
        fork=found.flag("fork"),
    )


def _branch(found: _Fields) -> events.Branch:
    repository = found.maybe("repo")
    return events.Branch(
        repository=None if repository is None else _repository(repository),
        ref=found.form("ref", _REF, "a branch"),
        sha=found.form("sha", _SHA, "a commit's hash"),
    )


def _issue(found: _Fields) -> events.Issue:
    return events.Issue(
        number=found.id("number"),
        title=found.text("title"),
        body=found.text("body"),
        author=_author(found),
        open=found.text("state") == "open",
        labels=tuple(label.text("name") for label in found.objects("labels")),
        is_pull_request=found.maybe("pull_request") is not None,
    )


def _pull(found: _Fields) -> events.Pull:
    return events.Pull(
        number=found.id("number"),
        title=found.text("title"),
        body=found.text("body"),
        author=_author(found),
        open=found.text("state") == "open",
        # A review's payload has only the date.
        merged=found.flag("merged") or bool(found.text("merged_at")),
        draft=found.flag("draft"),
        head=_branch(found.object("head")),
        base=_branch(found.object("base")),
    )


def _in_repository(payload: _Fields, head: dict[str, Any]) -> dict[str, Any]:
    installation = payload.maybe("installation")
    return {
        **head,
        "repository": _repository(payload.object("repository")),
        "sender": _account(payload.object("sender")),
        "installation_id": None if installation is None else installation.id("id"),
    }


def _issue_comment(payload: _Fields, head: dict[str, Any]) -> events.Event:
    comment = payload.object("comment")
    return events.IssueComment(
        **_in_repository(payload, head),
        issue=_issue(payload.object("issue")),
        comment_id=comment.id("id"),
        body=comment.text("body"),
    )


def _review_comment(payload: _Fields, head: dict[str, Any]) -> events.Event:
    comment = payload.object("comment")
    return events.PullRequestReviewComment(
        **_in_repository(payload, head),
        pull=_pull(payload.object("pull_request")),
        comment_id=comment.id("id"),
        body=comment.text("body"),
        path=comment.form("path", _PATH, "a file's path"),
        line=comment.maybe_id("line"),
        on_base=comment.text("side") == "LEFT",
        commit=comment.form("commit_id", _SHA, "a commit's hash"),
    )


def _review(payload: _Fields, head: dict[str, Any]) -> events.Event:
    review = payload.object("review")
    return events.PullRequestReview(
        **_in_repository(payload, head),
        pull=_pull(payload.object("pull_request")),
        review_id=review.id("id"),
        body=review.text("body"),
        state=review.one_of("state", events.ReviewState),
        commit=review.form("commit_id", _SHA, "a commit's hash"),
    )


def _issue_labeled(payload: _Fields, head: dict[str, Any]) -> events.Event:
    issue, label = _issue(payload.object("issue")), payload.object("label").text("name")
    return events.IssueLabeled(**_in_repository(payload, head), issue=issue, label=label)


def _pull_request(payload: _Fields, head: dict[str, Any]) -> events.Event:
    pull, common = _pull(payload.object("pull_request")), _in_repository(payload, head)
    if head["action"] in _LABELING:
        label = payload.object("label").text("name")
        return events.PullRequestLabeled(**common, pull=pull, label=label)
    return events.PullRequest(**common, pull=pull)


def _installation(payload: _Fields, head: dict[str, Any]) -> events.Event:
    installation, action = payload.object("installation"), head["action"]
    # `installation` lists what it covers, as of its action; `installation_repositories` what changed.
    covered = tuple(map(_name, payload.objects("repositories")))
    gone = action in (Action.DELETED, Action.SUSPEND)
    return events.Installation(
        **head,
        installation_id=installation.id("id"),
        account=_account(installation.object("account")),
        sender=_account(payload.object("sender")),
        added=(() if gone else covered) + tuple(map(_name, payload.objects("repositories_added"))),
        removed=(covered if gone else ())
        + tuple(map(_name, payload.objects("repositories_removed"))),
    )


_LABELING = frozenset({Action.LABELED, Action.UNLABELED})
_COMMENTING = frozenset({Action.CREATED, Action.EDITED, Action.DELETED})
_PULLING = frozenset({Action.OPENED, Action.REOPENED, Action.SYNCHRONIZE, Action.CLOSED})
_REVIEWING = frozenset({Action.SUBMITTED, Action.EDITED, Action.DISMISSED})
_INSTALLING = frozenset(
    {
        Action.CREATED,
        Action.DELETED,
        Action.SUSPEND,
        Action.UNSUSPEND,
        Action.NEW_PERMISSIONS_ACCEPTED,
    }
)

_Build = Callable[[_Fields, dict[str, Any]], events.Event]
_NONE: tuple[frozenset[Action], _Build] = (frozenset(), _installation)
EVENTS: Mapping[str, tuple[frozenset[Action], _Build]] = {
    "issue_comment": (_COMMENTING, _issue_comment),
    "pull_request_review_comment": (_COMMENTING, _review_comment),
    "pull_request_review": (_REVIEWING, _review),
    "issues": (_LABELING, _issue_labeled),
    "pull_request": (_PULLING | _LABELING, _pull_request),
    "installation": (_INSTALLING, _installation),
    "installation_repositories": (frozenset({Action.ADDED, Action.REMOVED}), _installation),
}

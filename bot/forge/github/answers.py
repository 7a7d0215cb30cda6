"""GitHub's JSON as the port's values. Pure.

A field that decides something must be there; one that only informs may be missing, since servers that
speak GitHub's language differ in those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from bot.forge.errors import Unavailable
from bot.forge.values import (
    Account,
    ChangedFile,
    Comment,
    Delivery,
    FileStatus,
    Issue,
    Labelling,
    Permission,
    PullRequest,
    Repository,
    Review,
    ReviewComment,
    ReviewState,
    Side,
    State,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One JSON object of an answer; `where` names the call, for the error's text."""

    values: Mapping[str, Any]
    where: str

    @classmethod
    def of(cls, value: object, where: str) -> Answer:
        """Raises Unavailable for anything but an object: then this is not GitHub that answers."""
        if not isinstance(value, dict):
            raise Unavailable(f"{where}: the answer is not GitHub's; check github.base_url")
        return cls(value, where)

    def maybe(self, key: str) -> Answer | None:
        value = self.values.get(key)
        return None if value is None else Answer.of(value, f"{self.where}: {key}")

    def object(self, key: str) -> Answer:
        found = self.maybe(key)
        return self._missing(key) if found is None else found

    def objects(self, key: str) -> list[Answer]:
        value = self.values.get(key) or []
        if not isinstance(value, list):
            self._missing(key)
        return [Answer.of(item, f"{self.where}: {key}") for item in value]

    def number(self, key: str) -> int:
        value = self.values.get(key)
        return value if type(value) is int else self._missing(key)

    def maybe_number(self, key: str) -> int | None:
        value = self.values.get(key)
        return value if type(value) is int else None

    def text(self, key: str) -> str:
        value = self.values.get(key)
        return value if isinstance(value, str) else self._missing(key)

    def maybe_text(self, key: str) -> str | None:
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def flag(self, key: str) -> bool:
        return self.values.get(key) is True

    def time(self, key: str) -> datetime:
        try:
            time = datetime.fromisoformat(self.text(key))
        except ValueError:
            self._missing(key)
        return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)

    def _missing(self, key: str) -> NoReturn:
        raise Unavailable(f"{self.where}: GitHub's answer has no usable {key!r}")


def account(found: Answer) -> Account:
    login = found.text("login")
    is_bot = found.maybe_text("type") == "Bot" or login.endswith("[bot]")
    return Account(id=found.number("id"), login=login, is_bot=is_bot)


def _author(found: Answer) -> Account | None:
    user = found.maybe("user")
    return None if user is None else account(user)


def repository(found: Answer) -> Repository:
    return Repository(
        full_name=found.text("full_name"),
        default_branch=found.text("default_branch"),
        # What does not say that it is public is treated as if it were not.
        private=found.values.get("private") is not False,
        fork=found.flag("fork"),
    )


_COARSE = {
    Permission.NONE: "none",
    Permission.READ: "read",
    Permission.TRIAGE: "read",
    Permission.WRITE: "write",
    Permission.MAINTAIN: "write",
    Permission.ADMIN: "admin",
}
"""The old word, of four, that GitHub gives beside each of the six roles."""


def permission(found: Answer) -> Permission:
    """The role where it fits the old word beside it, else (custom roles, old servers) the old word."""
    role = Permission.of(found.maybe_text("role_name"))
    coarse = found.maybe_text("permission")
    return (
        role if role is not Permission.NONE and _COARSE[role] == coarse else Permission.of(coarse)
    )


def issue(found: Answer) -> Issue:
    return Issue(
        number=found.number("number"),
        title=found.maybe_text("title") or "",
        body=found.maybe_text("body") or "",
        author=_author(found),
        state=State.OPEN if found.text("state") == "open" else State.CLOSED,
        labels=_labels(found),
        is_pull_request=found.maybe("pull_request") is not None,
        url=found.maybe_text("html_url") or "",
        created_at=found.time("created_at"),
    )


def _labels(found: Answer) -> tuple[str, ...]:
    """GitHub's description lets a label be a bare name, too."""
    given = found.values.get("labels")
    items = given if isinstance(given, list) else []
    names = [item.get("name") if isinstance(item, dict) else item for item in items]
    return tuple(name for name in names if isinstance(name, str))


def pull_request(found: Answer) -> PullRequest:
    is_open = found.text("state") == "open"
    merged = found.flag("merged") or bool(found.maybe_text("merged_at"))
    return PullRequest(
        number=found.number("number"),
        title=found.maybe_text("title") or "",
        body=found.maybe_text("body") or "",
        author=_author(found),
        state=State.OPEN if is_open else State.MERGED if merged else State.CLOSED,
        draft=found.flag("draft"),
        head=_side(found.object("head")),
        base=_side(found.object("base")),
        url=found.maybe_text("html_url") or "",
    )


def _side(found: Answer) -> Side:
    repo = found.maybe("repo")
    return Side(
        repository=None if repo is None else repo.text("full_name"),
        ref=found.text("ref"),
        sha=found.text("sha"),
    )


def changed_file(found: Answer) -> ChangedFile:
    status = found.maybe_text("status") or ""
    return ChangedFile(
        path=found.text("filename"),
        status=FileStatus(status) if status in set(FileStatus) else FileStatus.CHANGED,
        patch=found.maybe_text("patch"),
        sha=found.maybe_text("sha"),
        previous_path=found.maybe_text("previous_filename"),
    )


def comment(found: Answer) -> Comment:
    return Comment(
        id=found.number("id"),
        issue=_last_number(found, "issue_url"),
        body=found.maybe_text("body") or "",
        author=_author(found),
        created_at=found.time("created_at"),
        updated_at=found.time("updated_at"),
        url=found.maybe_text("html_url") or "",
    )


def review_comment(found: Answer) -> ReviewComment:
    return ReviewComment(
        id=found.number("id"),
        pull=_last_number(found, "pull_request_url"),
        body=found.maybe_text("body") or "",
        author=_author(found),
        path=found.text("path"),
        line=found.maybe_number("line"),
        commit=found.text("commit_id"),
        in_reply_to=found.maybe_number("in_reply_to_id"),
        created_at=found.time("created_at"),
        updated_at=found.time("updated_at"),
        url=found.maybe_text("html_url") or "",
    )


def review(found: Answer, pull: int) -> Review | None:
    """A review; None while its writer has not submitted it."""
    said = found.text("state").lower()
    if said == "pending":
        return None
    return Review(
        id=found.number("id"),
        pull=pull,
        body=found.maybe_text("body") or "",
        author=_author(found),
        state=ReviewState(said) if said in set(ReviewState) else ReviewState.COMMENTED,
        commit=found.maybe_text("commit_id") or "",
        submitted_at=found.time("submitted_at"),
        url=found.maybe_text("html_url") or "",
    )


def labelling(found: Answer) -> Labelling | None:
    """An issue's event, where it is that of a label which was put on."""
    if found.maybe_text("event") != "labeled":
        return None
    by = found.maybe("actor")
    return Labelling(
        id=found.number("id"),
        label=found.object("label").text("name"),
        by=None if by is None else account(by),
        at=found.time("created_at"),
    )


def _last_number(found: Answer, key: str) -> int:
    number = found.text(key).rstrip("/").rpartition("/")[2]
    if not (number.isascii() and number.isdigit()):
        raise Unavailable(f"{found.where}: GitHub's answer has no usable {key!r}")
    return int(number)


def delivery(found: Answer) -> Delivery:
    return Delivery(
        id=found.number("id"),
        guid=found.text("guid"),
        event=found.text("event"),
        action=found.maybe_text("action") or "",
        delivered_at=found.time("delivered_at"),
        status_code=found.maybe_number("status_code") or 0,
        redelivery=found.flag("redelivery"),
    )

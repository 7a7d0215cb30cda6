"""Issues, their labels and comments, and reactions to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import unquote

from bot.forge.fake.access import Access
from bot.forge.fake.http import Call, Json, Page, Reply, Routes, visible
from bot.forge.fake.problems import Problem, invalid, not_found
from bot.forge.fake.world import Comment, Issue, Reacted, ReviewComment, User
from bot.forge.values import Permission

ROUTES = Routes()
_READ = Access(Permission.READ, ("issues:read", "pull_requests:read"))
_SPEAK = Access(Permission.READ, ("issues:write", "pull_requests:write"), somebody=True)
_TRIAGE = Access(Permission.TRIAGE, ("issues:write", "pull_requests:write"), somebody=True)
_ISSUE = "/repos/{owner}/{repo}/issues/{number}"
_COMMENT = "/repos/{owner}/{repo}/issues/comments/{id}"

T = TypeVar("T", Comment, ReviewComment, Issue)


@ROUTES.route("GET /repos/{owner}/{repo}/issues", _READ)
def list_issues(call: Call) -> Page:
    query = call.request.query
    wanted = {name.lower() for name in query.get("labels", "").split(",") if name}
    state = query.get("state", "open")
    found = [
        issue
        for issue in since(query, call.repo.issues.values())
        if wanted <= {label.name.lower() for label in issue.labels}
        and state in ("all", "open" if issue.closed_at is None else "closed")
    ]
    ordered = in_order(query, found, default="desc")
    return Page([call.shapes.issue(call.repo, issue) for issue in visible(ordered)])


@ROUTES.route("POST /repos/{owner}/{repo}/issues", _SPEAK)
def create_issue(call: Call) -> Reply:
    title, body = str(call.text("title", required=True)), call.text("body") or ""
    labels = _labels(call) if call.repo.role(call.actor.user) >= Permission.TRIAGE else []
    made = call.actions.open_issue(call.repo, speaker(call), title, body, labels)
    return Reply(201, call.shapes.issue(call.repo, made))


@ROUTES.route("GET /repos/{owner}/{repo}/issues/comments", _READ)
def list_repository_comments(call: Call) -> Page:
    query = call.request.query
    found = in_order(query, since(query, call.repo.comments.values()), default="asc")
    return Page([call.shapes.comment(call.repo, comment) for comment in visible(found)])


@ROUTES.route(f"GET {_COMMENT}", _READ)
def get_comment(call: Call) -> Json:
    return call.shapes.comment(call.repo, _comment(call))


@ROUTES.route(f"PATCH {_COMMENT}", _SPEAK)
def edit_comment(call: Call) -> Json:
    comment = _own(call, _comment(call))
    call.actions.edit_comment(call.repo, comment, speaker(call), call.text("body") or "")
    return call.shapes.comment(call.repo, comment)


@ROUTES.route(f"DELETE {_COMMENT}", _SPEAK)
def delete_comment(call: Call) -> Reply:
    call.actions.delete_comment(call.repo, _own(call, _comment(call)), speaker(call))
    return Reply(204)


@ROUTES.route(f"POST {_COMMENT}/reactions", _SPEAK)
def react_to_comment(call: Call) -> Reply:
    return reaction(call, _comment(call).reactions)


@ROUTES.route(f"GET {_COMMENT}/reactions", _READ)
def list_comment_reactions(call: Call) -> Page:
    return Page([call.shapes.reaction(reacted) for reacted in _comment(call).reactions])


@ROUTES.route(f"GET {_ISSUE}", _READ)
def get_issue(call: Call) -> Json:
    return call.shapes.issue(call.repo, issue_of(call))


@ROUTES.route(f"PATCH {_ISSUE}", _SPEAK)
def edit_issue(call: Call) -> Json:
    issue = issue_of(call)
    if issue.user is not call.actor.user and not moderates(call):
        raise Problem(403, "Must have admin rights to Repository.")
    state = call.text("state")
    title, body = call.text("title"), call.text("body")
    call.actions.edit_issue(call.repo, issue, speaker(call), title=title, body=body, state=state)
    return call.shapes.issue(call.repo, issue)


@ROUTES.route(f"GET {_ISSUE}/events", _READ)
def list_events(call: Call) -> Page:
    return Page([call.shapes.labelled(call.repo, event) for event in issue_of(call).labelled])


@ROUTES.route(f"GET {_ISSUE}/comments", _READ)
def list_comments(call: Call) -> Page:
    issue = issue_of(call)
    found = [c for c in call.repo.comments.values() if c.issue is issue]
    kept = visible(since(call.request.query, found))
    return Page([call.shapes.comment(call.repo, comment) for comment in kept])


@ROUTES.route(f"POST {_ISSUE}/comments", _SPEAK)
def create_comment(call: Call) -> Reply:
    made = call.actions.comment(call.repo, issue_of(call), speaker(call), call.text("body") or "")
    return Reply(201, call.shapes.comment(call.repo, made))


@ROUTES.route(f"POST {_ISSUE}/reactions", _SPEAK)
def react_to_issue(call: Call) -> Reply:
    return reaction(call, issue_of(call).reactions)


@ROUTES.route(f"POST {_ISSUE}/labels", _TRIAGE)
def add_labels(call: Call) -> Reply:
    issue = issue_of(call)
    call.actions.add_labels(call.repo, issue, _labels(call), speaker(call))
    return Reply(200, [call.shapes.label(call.repo, label) for label in issue.labels])


@ROUTES.route(f"DELETE {_ISSUE}/labels/{{name}}", _TRIAGE)
def remove_label(call: Call) -> Reply:
    issue = issue_of(call)
    call.actions.remove_label(call.repo, issue, unquote(call.parts["name"]), speaker(call))
    return Reply(200, [call.shapes.label(call.repo, label) for label in issue.labels])


# -- what other routes need too ------------------------------------------------------------------------


def issue_of(call: Call) -> Issue:
    """The issue that the path's {number} names."""
    issue = call.repo.issues.get(call.number("number"))
    if issue is None:
        raise not_found()
    return issue


def speaker(call: Call) -> User:
    """The account that does what is asked for."""
    if call.actor.user is None:
        raise Problem(401, "Requires authentication")
    return call.actor.user


def reaction(call: Call, reactions: list[Reacted]) -> Reply:
    """201 for a new reaction, 200 for one that was there."""
    content = call.request.json().get("content")
    reacted, new = call.actions.react(reactions, speaker(call), content)
    return Reply(201 if new else 200, call.shapes.reaction(reacted))


def since(query: Mapping[str, str], found: Iterable[T]) -> list[T]:
    """Those that were updated at or after the query's time."""
    given = query.get("since")
    if not given:
        return list(found)
    try:
        time = datetime.fromisoformat(given)
    except ValueError as error:
        raise invalid("Issue", "since", "invalid") from error
    time = time.replace(tzinfo=time.tzinfo or UTC)
    return [item for item in found if item.updated_at >= time]


def in_order(query: Mapping[str, str], found: Iterable[T], *, default: str) -> list[T]:
    """By creation or update, as the query asks."""
    by_update = query.get("sort") == "updated"
    key: Callable[[T], tuple[datetime, int]] = lambda item: (  # noqa: E731
        item.updated_at if by_update else item.created_at, item.id
    )  # fmt: skip
    return sorted(found, key=key, reverse=query.get("direction", default) == "desc")


def _comment(call: Call) -> Comment:
    comment = call.repo.comments.get(call.number("id"))
    if comment is None:
        raise not_found()
    return comment


def _own(call: Call, comment: Comment) -> Comment:
    if comment.user is not call.actor.user and not moderates(call):
        raise Problem(403, "Must have admin rights to Repository.")
    return comment


def moderates(call: Call) -> bool:
    """Whether the actor may change what others wrote."""
    return (
        call.actor.installation is not None or call.repo.role(call.actor.user) >= Permission.WRITE
    )


def _labels(call: Call) -> list[str]:
    names = call.request.json().get("labels") or []
    if not isinstance(names, list):
        raise Problem(422, "Invalid request.\n\nlabels is not an array.")
    return [str(n["name"] if isinstance(n, dict) else n) for n in names]

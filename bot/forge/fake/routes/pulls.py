"""Pull requests, their files, and comments on their lines."""

from __future__ import annotations

from bot.forge.fake.access import Access
from bot.forge.fake.events import pull_of
from bot.forge.fake.http import Call, Json, Page, Reply, Routes, visible
from bot.forge.fake.problems import Problem, invalid, not_found
from bot.forge.fake.pullshapes import changed_file, full_pull, review_shape, simple_pull
from bot.forge.fake.routes.issues import in_order, issue_of, moderates, reaction, since, speaker
from bot.forge.fake.world import Repo, ReviewComment
from bot.forge.values import Permission

ROUTES = Routes()
_READ = Access(Permission.READ, ("pull_requests:read",))
_SPEAK = Access(Permission.READ, ("pull_requests:write",), somebody=True)
_PULL = "/repos/{owner}/{repo}/pulls/{number}"
_COMMENT = "/repos/{owner}/{repo}/pulls/comments/{id}"


@ROUTES.route("GET /repos/{owner}/{repo}/pulls", _READ)
def list_pulls(call: Call) -> Page:
    query = call.request.query
    state, head, base = query.get("state", "open"), query.get("head", ""), query.get("base", "")
    found = []
    for issue in in_order(query, call.repo.issues.values(), default="desc"):
        pull = issue.pull
        if pull is None or state not in ("all", "open" if issue.closed_at is None else "closed"):
            continue
        owner = call.repo.owner if pull.head_repo is None else pull.head_repo.owner
        if head and head.lower() != f"{owner.login}:{pull.head_ref}".lower():
            continue
        if not base or base == pull.base_ref:
            found.append(issue)
    kept = visible(found)
    return Page([simple_pull(call.shapes, call.repo, i, pull_of(i)) for i in kept])


@ROUTES.route("POST /repos/{owner}/{repo}/pulls", _SPEAK)
def create_pull(call: Call) -> Reply:
    title, head = str(call.text("title", required=True)), str(call.text("head", required=True))
    base, draft = str(call.text("base", required=True)), call.request.json().get("draft") is True
    head_repo, branch = _head(call, head)
    if head_repo.role(call.actor.user) < Permission.WRITE and call.actor.installation is None:
        raise Problem(403, "Must have push access to the head repository.")
    made = call.actions.open_pull(
        call.repo, speaker(call), title=title, body=call.text("body") or "",
        head_repo=head_repo, head=branch, base=base, draft=draft,
    )  # fmt: skip
    return Reply(201, full_pull(call.shapes, call.repo, made, pull_of(made)))


@ROUTES.route("GET /repos/{owner}/{repo}/pulls/comments", _READ)
def list_review_comments(call: Call) -> Page:
    query = call.request.query
    found = in_order(query, since(query, call.repo.review_comments.values()), default="asc")
    return Page([call.shapes.review_comment(call.repo, c) for c in visible(found)])


@ROUTES.route(f"GET {_COMMENT}", _READ)
def get_review_comment(call: Call) -> Json:
    return call.shapes.review_comment(call.repo, _comment(call))


@ROUTES.route(f"POST {_COMMENT}/reactions", _SPEAK)
def react_to_review_comment(call: Call) -> Reply:
    return reaction(call, _comment(call).reactions)


@ROUTES.route(f"GET {_PULL}", _READ)
def get_pull(call: Call) -> Json:
    issue = issue_of(call)
    return full_pull(call.shapes, call.repo, issue, pull_of(issue))


@ROUTES.route(f"PATCH {_PULL}", _SPEAK)
def edit_pull(call: Call) -> Json:
    issue = issue_of(call)
    pull = pull_of(issue)
    if issue.user is not call.actor.user and not moderates(call):
        raise Problem(403, "Must have write access to the repository.")
    title, body, state = call.text("title"), call.text("body"), call.text("state")
    call.actions.edit_issue(call.repo, issue, speaker(call), title=title, body=body, state=state)
    return full_pull(call.shapes, call.repo, issue, pull)


@ROUTES.route(f"GET {_PULL}/files", _READ)
def list_files(call: Call) -> Page:
    pull = pull_of(issue_of(call))
    found = call.repo.git.differences(pull.base_sha, pull.head_sha)
    return Page([changed_file(call.shapes, call.repo, pull.head_sha, d) for d in found])


@ROUTES.route(f"GET {_PULL}/reviews", _READ)
def list_reviews(call: Call) -> Page:
    issue = issue_of(call)
    return Page(
        [review_shape(call.shapes, call.repo, issue, made) for made in pull_of(issue).reviews]
    )


@ROUTES.route(f"GET {_PULL}/comments", _READ)
def list_pull_comments(call: Call) -> Page:
    issue = issue_of(call)
    found = [c for c in call.repo.review_comments.values() if c.issue is issue]
    kept = visible(since(call.request.query, found))
    return Page([call.shapes.review_comment(call.repo, comment) for comment in kept])


@ROUTES.route(f"POST {_PULL}/comments", _SPEAK)
def create_review_comment(call: Call) -> Reply:
    line = call.request.json().get("line")
    made = call.actions.review_comment(
        call.repo, issue_of(call), speaker(call), call.text("body") or "",
        path=str(call.text("path", required=True)),
        line=line if isinstance(line, int) else None,
        side=call.text("side") or "RIGHT",
    )  # fmt: skip
    return Reply(201, call.shapes.review_comment(call.repo, made))


@ROUTES.route(f"POST {_PULL}/comments/{{id}}/replies", _SPEAK)
def reply(call: Call) -> Reply:
    above = _comment(call)
    if above.issue is not issue_of(call):
        raise not_found()
    made = call.actions.review_comment(
        call.repo, above.issue, speaker(call), call.text("body") or "",
        path=above.path, line=above.line, side=above.side, reply_to=above.reply_to or above.id,
    )  # fmt: skip
    return Reply(201, call.shapes.review_comment(call.repo, made))


def _comment(call: Call) -> ReviewComment:
    comment = call.repo.review_comments.get(call.number("id"))
    if comment is None:
        raise not_found()
    return comment


def _head(call: Call, head: str) -> tuple[Repo, str]:
    """The repository and the branch that "branch" or "owner:branch" stands for."""
    owner, colon, branch = head.rpartition(":")
    if not colon or owner.lower() == call.repo.owner.login.lower():
        return call.repo, branch
    for repo in call.world.repositories.values():
        if repo.fork_of is call.repo and repo.owner.login.lower() == owner.lower():
            return repo, branch
    raise invalid("PullRequest", "head", "invalid")

"""The loopback GitHub itself: who may do what, what webhooks are told, what can be made to go wrong."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.serving import make_server

from bot.forge.fake import FaultKind, LoopbackGitHub
from bot.forge.fake.gitrepo import ENVIRONMENT
from bot.forge.values import Permission
from tests.bot.forge.scenes import CALC, REPO, Opens
from webhooks.app import create_app
from webhooks.events import Event, Installation, IssueComment, PullRequestReviewComment

SECRET = "It's a Secret to Everybody"

Answered = tuple[int, Any, dict[str, str]]


def ask(
    github: LoopbackGitHub, method: str, path: str, token: str = "", send: object = None,
    **headers: str,
) -> Answered:  # fmt: skip
    """One plain request: the status, the JSON and the headers of its answer."""
    body = None if send is None else json.dumps(send).encode()
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(
        github.api + path, data=body, headers={**sent, **headers}, method=method
    )
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read()
        return answer.status, json.loads(text) if text else None, dict(answer.headers)


# -- who may do what ---------------------------------------------------------------------------------


def test_an_outsider_can_comment_on_what_is_public_and_not_write(github: LoopbackGitHub) -> None:
    github.repository("octo/open", {"a": "1"})
    number = github.open_issue("octo/open", "Fill", by="octo")
    token, base = github.token("mallory"), "/repos/octo/open"
    said = {"body": "/supercharge"}
    assert ask(github, "POST", f"{base}/issues/{number}/comments", token, said)[0] == 201
    blob = {"content": "x", "encoding": "utf-8"}
    assert ask(github, "POST", f"{base}/git/blobs", token, blob)[0] == 403
    labels = {"labels": ["supercharge"]}
    assert ask(github, "POST", f"{base}/issues/{number}/labels", token, labels)[0] == 403
    assert ask(github, "GET", f"{base}/collaborators/octo/permission", token)[0] == 403


def test_nobody_can_edit_what_another_one_wrote(github: LoopbackGitHub) -> None:
    github.repository("octo/open", {"a": "1"})
    number = github.open_issue("octo/open", "Fill", by="octo")
    comment = github.comment("octo/open", number, "mine", by="octo")
    path, token = f"/repos/octo/open/issues/comments/{comment}", github.token("mallory")
    assert ask(github, "PATCH", path, token, {"body": "theirs"})[0] == 403
    assert github.comments("octo/open", number)[0].body == "mine"


def test_what_is_private_is_not_there_for_others(github: LoopbackGitHub) -> None:
    for token in ("", github.token("mallory")):
        assert ask(github, "GET", f"/repos/{REPO}", token)[0] == 404
        assert ask(github, "GET", f"/repos/{REPO}/contents/calc.py", token)[0] == 404


def test_a_wrong_token_is_refused_everywhere(github: LoopbackGitHub) -> None:
    for path in ("/user", f"/repos/{REPO}", "/rate_limit"):
        assert ask(github, "GET", path, "ghp_wrong")[0] == 401


def test_nobody_in_particular_may_read_what_is_public_and_say_nothing(
    github: LoopbackGitHub,
) -> None:
    github.repository("octo/open", {"a": "1"})
    number = github.open_issue("octo/open", "Fill", by="octo")
    path = f"/repos/octo/open/issues/{number}/comments"
    assert ask(github, "GET", path)[0] == 200
    assert ask(github, "POST", path, send={"body": "hi"})[0] == 401


def test_an_installation_sees_only_what_it_was_given(github: LoopbackGitHub, opened: Opens) -> None:
    github.repository("octo/secret", {"a": "1"}, private=True)
    opened("app").branch_sha(REPO, "main")
    [token] = [v for v, t in github.world.tokens.items() if t.installation]
    assert ask(github, "GET", f"/repos/{REPO}", token)[0] == 200
    assert ask(github, "GET", "/repos/octo/secret", token)[0] == 404
    assert ask(github, "GET", "/user", token)[0] == 403


# -- the form of lists and answers ---------------------------------------------------------------------


def test_a_list_comes_in_pages_with_links(github: LoopbackGitHub) -> None:
    token = github.token("alice")
    number = github.open_issue(REPO, "Fill", by="alice")
    made = [github.comment(REPO, number, f"{n}", by="alice") for n in range(5)]
    path, seen = f"/repos/{REPO}/issues/{number}/comments?per_page=2", []
    while path:
        _, page, headers = ask(github, "GET", path, token)
        seen.append([comment["id"] for comment in page])
        links = dict(
            reversed(part.split("; rel=")) for part in headers.get("Link", "").split(", ") if part
        )
        path = links.get('"next"', "").strip("<>").removeprefix(github.api)
    assert seen == [made[0:2], made[2:4], made[4:]]


def test_an_unchanged_answer_is_a_304_and_free(github: LoopbackGitHub) -> None:
    token = github.token("alice")
    _, _, headers = ask(github, "GET", f"/repos/{REPO}", token)
    again = {"If-None-Match": headers["ETag"]}
    before = github.rest.used
    assert ask(github, "GET", f"/repos/{REPO}", token, **again)[:2] == (304, None)
    assert github.rest.used == before
    github.open_issue(REPO, "Fill", by="alice")
    assert ask(github, "GET", f"/repos/{REPO}", token, **again)[0] == 200


@pytest.mark.parametrize("send", [b"{", b"[]", b'{"body": 7}', b'{"body": ""}', b"\xff"])
def test_a_body_that_cannot_be_is_refused(github: LoopbackGitHub, send: bytes) -> None:
    number = github.open_issue(REPO, "Fill", by="alice")
    request = urllib.request.Request(
        f"{github.api}/repos/{REPO}/issues/{number}/comments",
        data=send,
        headers={"Authorization": f"token {github.token('alice')}"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    with caught.value:
        assert caught.value.code in (400, 422)
    assert github.comments(REPO, number) == []


# -- faults --------------------------------------------------------------------------------------------


def test_with_one_seed_the_same_requests_fail(tmp_path: Path) -> None:
    def failures(folder: Path) -> list[int]:
        with LoopbackGitHub(folder, seed=7) as github:
            github.faults.server_error_rate = 0.5
            return [ask(github, "GET", "/rate_limit")[0] for _ in range(12)]

    first = failures(tmp_path / "a")
    assert first == failures(tmp_path / "b")
    assert set(first) == {200, 502}


def test_a_fault_hits_only_what_it_was_planned_for(github: LoopbackGitHub) -> None:
    token = github.token("alice")
    github.faults.plan(FaultKind.SECONDARY_LIMIT, method="GET", path="/user$", retry_after_s=9)
    assert ask(github, "GET", f"/repos/{REPO}", token)[0] == 200
    status, body, headers = ask(github, "GET", "/user", token)
    assert (status, headers["Retry-After"]) == (403, "9")
    assert "secondary rate limit" in body["message"]
    assert ask(github, "GET", "/user", token)[0] == 200


def test_what_is_new_can_be_missing_from_lists_for_a_while(github: LoopbackGitHub) -> None:
    token = github.token("alice")
    number = github.open_issue(REPO, "Fill", by="alice")
    github.faults.lists_behind = 2
    made = github.comment(REPO, number, "new", by="alice")
    path = f"/repos/{REPO}/issues/{number}/comments"
    assert [len(ask(github, "GET", path, token)[1]) for _ in range(3)] == [0, 0, 1]
    assert ask(github, "GET", f"/repos/{REPO}/issues/comments/{made}", token)[0] == 200


# -- webhooks ------------------------------------------------------------------------------------------


@dataclass
class Endpoint:
    """Our own web side, which keeps what it took."""

    url: str = ""
    taken: list[Event] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def accept(self, event: Event, raw: bytes) -> bool:
        self.ids.append(event.delivery_id)
        new = event.delivery_id not in {known.delivery_id for known in self.taken}
        self.taken += [event] if new else []
        return new


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    app: Flask = create_app(secrets=[SECRET], accept=made.accept)
    server = make_server("127.0.0.1", 0, app, threaded=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/webhook"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hooked(github: LoopbackGitHub, endpoint: Endpoint, keys: tuple[str, str]) -> LoopbackGitHub:
    """With an App whose webhook is our endpoint."""
    github.app("supercharge", on=[REPO], keys=keys, hook_url=endpoint.url, secret=SECRET)
    return github


def test_our_endpoint_takes_every_event_that_the_people_cause(
    hooked: LoopbackGitHub, endpoint: Endpoint
) -> None:
    issue = hooked.open_issue(REPO, "Fill", "Please.", by="alice", labels=["supercharge"])
    comment = hooked.comment(REPO, issue, "/supercharge", by="alice")
    hooked.edit_comment(REPO, comment, "/supercharge help", by="alice")
    hooked.delete_comment(REPO, comment, by="alice")
    hooked.close_issue(REPO, issue, by="alice")
    pull = hooked.open_pull(REPO, "Add", by="alice", head="add", files={"calc.py": "1\n"})
    hooked.label(REPO, pull, "supercharge", by="alice")
    hooked.comment(REPO, pull, "/supercharge", by="alice")
    hooked.review_comment(REPO, pull, "/supercharge", by="alice", path="calc.py", line=1)
    hooked.review(REPO, pull, "Handle zero.", by="alice")
    hooked.push(REPO, "add", {"calc.py": "2\n"}, by="alice")
    hooked.close_issue(REPO, pull, by="alice")
    [installation] = hooked.world.installations.values()
    hooked.uninstall(installation)
    hooked.comment(REPO, pull, "nobody is told", by="alice")
    hooked.wait_delivered()

    told = [(attempt.event, attempt.payload["action"]) for attempt in hooked.courier.attempts]
    assert told == [
        ("installation", "created"),
        ("issues", "opened"), ("issues", "labeled"), ("issue_comment", "created"),
        ("issue_comment", "edited"), ("issue_comment", "deleted"), ("issues", "closed"),
        ("pull_request", "opened"), ("pull_request", "labeled"), ("issue_comment", "created"),
        ("pull_request_review_comment", "created"), ("pull_request_review", "submitted"),
        ("pull_request", "synchronize"), ("pull_request", "closed"), ("installation", "deleted"),
    ]  # fmt: skip
    assert {attempt.status_code for attempt in hooked.courier.attempts} == {202}
    # Opening and closing an issue is of no use to the bot, and recognised as that.
    assert [event.name for event in endpoint.taken] == [
        name for name, action in told if (name, action) not in {("issues", "opened"), ("issues",
        "closed")}
    ]  # fmt: skip
    on_pull = next(e for e in endpoint.taken if isinstance(e, PullRequestReviewComment))
    assert (on_pull.path, on_pull.line, on_pull.body) == ("calc.py", 1, "/supercharge")
    assert on_pull.installation_id == installation.id
    assert isinstance(endpoint.taken[0], Installation)


def test_a_repositorys_own_webhook_is_told_without_an_app(
    github: LoopbackGitHub, endpoint: Endpoint
) -> None:
    github.hook(REPO, endpoint.url, SECRET)
    github.repository("octo/other", {"a": "1"})
    github.open_issue("octo/other", "Not told", by="octo")
    number = github.open_issue(REPO, "Fill", by="alice")
    github.comment(REPO, number, "/supercharge", by="alice")
    github.wait_delivered()
    [event] = endpoint.taken
    assert isinstance(event, IssueComment)
    assert (event.issue.number, event.installation_id) == (number, None)


def test_given_another_secret_then_the_endpoint_refuses(
    github: LoopbackGitHub, endpoint: Endpoint
) -> None:
    github.hook(REPO, endpoint.url, "another secret")
    github.open_issue(REPO, "Fill", by="alice", labels=["supercharge"])
    github.wait_delivered()
    assert {attempt.status_code for attempt in github.courier.attempts} == {403}
    assert endpoint.taken == []


def test_a_delivery_can_come_twice_under_one_id(hooked: LoopbackGitHub, endpoint: Endpoint) -> None:
    number = hooked.open_issue(REPO, "Fill", by="alice")
    hooked.wait_delivered()
    endpoint.ids.clear()
    hooked.faults.duplicate_deliveries = True
    hooked.comment(REPO, number, "/supercharge", by="alice")
    hooked.wait_delivered()
    assert len(endpoint.ids) == 2
    assert len(set(endpoint.ids)) == 1


def test_deliveries_can_come_late_and_in_the_wrong_order(
    hooked: LoopbackGitHub, endpoint: Endpoint
) -> None:
    number = hooked.open_issue(REPO, "Fill", by="alice")
    hooked.faults.hold_deliveries = True
    for body in ("first", "second"):
        hooked.comment(REPO, number, body, by="alice")
    hooked.wait_delivered()
    assert not any(isinstance(event, IssueComment) for event in endpoint.taken)
    hooked.release()
    hooked.wait_delivered()
    comments = [event for event in endpoint.taken if isinstance(event, IssueComment)]
    assert [event.body for event in comments] == ["second", "first"]


# -- git over HTTP -------------------------------------------------------------------------------------


def git(*arguments: str, at: Path, token: str = "") -> subprocess.CompletedProcess[str]:
    """git as a developer runs it, with the token as password."""
    secret = base64.b64encode(f"x-access-token:{token}".encode()).decode("ascii")
    options = ["-c", f"http.extraHeader=Authorization: Basic {secret}"] if token else []
    who = {
        f"GIT_{role}_{part}": "a@b"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    return subprocess.run(
        ["git", *options, *arguments], cwd=at, env={**ENVIRONMENT, **who},
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_developer_clones_pushes_and_the_pull_request_follows(
    hooked: LoopbackGitHub, endpoint: Endpoint, tmp_path: Path
) -> None:
    number = hooked.open_pull(REPO, by="alice", head="f", files={"calc.py": "1\n"})
    url, token, at = f"{hooked.url}/{REPO}.git", hooked.token("alice"), tmp_path / "clone"
    cloned = git("clone", "--quiet", "--branch", "f", url, str(at), at=tmp_path, token=token)
    assert cloned.returncode == 0, cloned.stderr
    assert (at / "calc.py").read_text(encoding="utf-8") == "1\n"

    # More than git sends in one piece, and nothing that it could make smaller.
    (at / "calc.py").write_bytes(random.Random(0).randbytes(2_000_000))
    git("commit", "--quiet", "--all", "--message", "More", at=at)
    pushed = git("push", "--quiet", "origin", "f", at=at, token=token)

    assert pushed.returncode == 0, pushed.stderr
    head = git("rev-parse", "HEAD", at=at).stdout.strip()
    assert getattr(hooked.issue(REPO, number).pull, "head_sha", None) == head
    hooked.wait_delivered()
    assert hooked.courier.attempts[-1].payload["action"] == "synchronize"


def test_who_may_only_read_cannot_push_and_a_stranger_cannot_clone(
    github: LoopbackGitHub, tmp_path: Path
) -> None:
    github.set_role(REPO, "reader", Permission.READ)
    url, at = f"{github.url}/{REPO}.git", tmp_path / "clone"
    cloned = git("clone", "--quiet", url, str(at), at=tmp_path, token=github.token("reader"))
    assert cloned.returncode == 0, cloned.stderr
    pushed = git("push", "origin", "HEAD:refs/heads/x", at=at, token=github.token("reader"))
    assert "403" in pushed.stderr
    for token in ("", github.token("stranger"), "ghp_wrong"):
        assert git("ls-remote", url, at=tmp_path, token=token).returncode != 0


def test_what_is_public_can_be_cloned_by_anybody(github: LoopbackGitHub, tmp_path: Path) -> None:
    github.repository("octo/open", {"calc.py": CALC})
    url = f"{github.url}/octo/open.git"
    assert git("clone", "--quiet", url, str(tmp_path / "clone"), at=tmp_path).returncode == 0


# -- pages ---------------------------------------------------------------------------------------------


@pytest.fixture
def browse(github: LoopbackGitHub) -> Callable[[str], str]:
    def get(path: str) -> str:
        with urllib.request.urlopen(github.url + quote(path), timeout=30) as answer:
            return str(answer.read().decode("utf-8"))

    return get


def test_a_pull_request_has_a_page_that_shows_it_and_runs_nothing(
    github: LoopbackGitHub, browse: Callable[[str], str]
) -> None:
    github.repository("octo/open", {"calc.py": CALC})
    number = github.open_pull(
        "octo/open", "<script>1</script>", "Body & evidence", by="octo", head="f",
        files={"calc.py": "def add(a, b):\n    return a + b\n"},
    )  # fmt: skip
    github.comment("octo/open", number, "Well <b>done</b>", by="octo")
    page = browse(f"/octo/open/pull/{number}")
    assert "&lt;script&gt;1" in page
    assert "<script" not in page
    assert "Body &amp; evidence" in page
    assert "+    return a + b" in page
    assert "Well &lt;b&gt;done" in page
    assert f"/octo/open/pull/{number}" in browse("/octo/open")


@pytest.mark.parametrize("path", ["/", f"/{REPO}", "/octo/open/pull/9", "/a/b/c/d"])
def test_there_is_no_page_for_what_is_private_or_not_there(
    github: LoopbackGitHub, browse: Callable[[str], str], path: str
) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        browse(path)
    with caught.value:
        assert caught.value.code == 404

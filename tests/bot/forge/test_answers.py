"""GitHub's JSON becomes values: held against the examples that GitHub itself gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.forge.base import Account, FileStatus, Permission, Repository, State
from bot.forge.github import answers
from bot.forge.github.answers import Answer
from tests import octokit

REPO = "/repos/{owner}/{repo}"


def shown(path: str) -> list[Answer]:
    """Every object that GitHub shows as an answer to a GET of the path."""
    found = []
    for example in octokit.api().examples("GET", path):
        found += example if isinstance(example, list) else [example]
    assert found
    return [Answer.of(value, path) for value in found]


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/user", answers.account),
        (REPO, answers.repository),
        (f"{REPO}/pulls", answers.pull_request),
        (f"{REPO}/pulls/{{pull_number}}", answers.pull_request),
        (f"{REPO}/pulls/{{pull_number}}/files", answers.changed_file),
        (f"{REPO}/issues", answers.issue),
        (f"{REPO}/issues/{{issue_number}}", answers.issue),
        (f"{REPO}/issues/comments", answers.comment),
        (f"{REPO}/issues/comments/{{comment_id}}", answers.comment),
        (f"{REPO}/issues/{{issue_number}}/comments", answers.comment),
        (f"{REPO}/pulls/comments", answers.review_comment),
        (f"{REPO}/pulls/comments/{{comment_id}}", answers.review_comment),
        ("/app/hook/deliveries", answers.delivery),
    ],
)
def test_every_example_of_github_is_read(path: str, read: Callable[[Answer], Any]) -> None:
    for example in shown(path):
        assert read(example) is not None


def test_what_is_read_is_what_is_written() -> None:
    assert answers.account(shown("/user")[0]) == Account(1, "octocat")
    hello = answers.repository(shown(REPO)[0])
    assert hello == Repository("octocat/Hello-World", "master", private=False, fork=False)
    pull = answers.pull_request(shown(f"{REPO}/pulls/{{pull_number}}")[0])
    assert (pull.number, pull.title, pull.state) == (1347, "Amazing new feature", State.OPEN)
    assert (pull.head.ref, pull.base.ref) == ("new-topic", "master")
    assert (pull.head.repository, pull.from_fork) == ("octocat/Hello-World", False)
    file = answers.changed_file(shown(f"{REPO}/pulls/{{pull_number}}/files")[0])
    assert (file.path, file.status) == ("file1.txt", FileStatus.ADDED)
    assert (file.patch or "").startswith("@@ ")
    issue = answers.issue(shown(f"{REPO}/issues/{{issue_number}}")[0])
    assert (issue.number, issue.labels, issue.is_pull_request) == (1347, ("bug",), True)
    comment = answers.comment(shown(f"{REPO}/issues/comments/{{comment_id}}")[0])
    assert (comment.id, comment.issue, comment.body) == (1, 1347, "Me too")
    on_line = answers.review_comment(shown(f"{REPO}/pulls/comments/{{comment_id}}")[0])
    assert (on_line.pull, on_line.path, on_line.line) == (1, "file1.txt", 2)
    assert on_line.in_reply_to == 8
    first, *_ = map(answers.delivery, shown("/app/hook/deliveries"))
    assert (first.id, first.guid) == (12345678, "0b989ba4-242f-11e5-81e1-c7b6966d2516")
    assert (first.event, first.action, first.status_code, first.ok) == (
        "issues",
        "opened",
        200,
        True,
    )


def test_the_example_of_an_administrator_is_one() -> None:
    path = f"{REPO}/collaborators/{{username}}/permission"
    assert answers.permission(shown(path)[0]) is Permission.ADMIN

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks import deliveries as d
from webhooks.events import (
    Account,
    Action,
    Event,
    Installation,
    IssueComment,
    IssueLabeled,
    Ping,
    PullRequest,
    PullRequestLabeled,
    PullRequestReview,
    PullRequestReviewComment,
    Repository,
    RepositoryName,
    ReviewState,
    Unknown,
)
from webhooks.payloads import MalformedPayload, parse_event


def parse(name: str, payload: object) -> Event:
    return parse_event(name, d.DELIVERY, d.as_body(payload))


def test_a_comment_on_a_pull_request_carries_all_that_a_handler_needs() -> None:
    event = parse("issue_comment", d.comment("/supercharge"))
    assert isinstance(event, IssueComment)
    assert (event.delivery_id, event.name) == (d.DELIVERY, "issue_comment")
    assert event.action is Action.CREATED
    assert event.repository == Repository(42, "octo/calc", True, "main", False)
    assert event.sender == Account(7, "octocat", is_bot=False)
    assert event.installation_id == 99
    assert (event.comment_id, event.body) == (1001, "/supercharge")
    assert (event.issue.number, event.issue.is_pull_request, event.issue.open) == (12, True, True)
    assert event.issue.labels == ("supercharge", "bug")


def test_a_comment_on_an_issue_is_told_from_one_on_a_pull_request() -> None:
    event = parse("issue_comment", d.comment(on_pull=False))
    assert isinstance(event, IssueComment)
    assert not event.issue.is_pull_request
    assert event.issue.body == "See `calc.py`."


@pytest.mark.parametrize("action", ["created", "edited", "deleted"])
def test_every_action_on_a_comment_is_told(action: str) -> None:
    event = parse("issue_comment", d.comment(action=action))
    assert isinstance(event, IssueComment)
    assert event.action.value == action


def test_a_review_comment_says_where_it_is() -> None:
    event = parse("pull_request_review_comment", d.review_comment())
    assert isinstance(event, PullRequestReviewComment)
    assert (event.path, event.line, event.commit, event.on_base) == ("calc.py", 3, d.SHA, False)
    assert (event.pull.number, event.pull.head.ref, event.pull.base.ref) == (
        12,
        "add-factorial",
        "main",
    )


def test_an_outdated_review_comment_has_no_line() -> None:
    payload = d.review_comment()
    payload["comment"]["line"] = None
    event = parse("pull_request_review_comment", payload)
    assert isinstance(event, PullRequestReviewComment)
    assert event.line is None


@pytest.mark.parametrize("state", list(ReviewState))
def test_a_review_says_what_the_reviewer_thinks(state: ReviewState) -> None:
    event = parse("pull_request_review", d.review(state.value))
    assert isinstance(event, PullRequestReview)
    assert (event.state, event.body, event.review_id) == (state, "Handle zero.", 1003)


def test_a_label_on_an_issue_comes_from_its_sender_not_from_the_author() -> None:
    event = parse("issues", d.labeled_issue())
    assert isinstance(event, IssueLabeled)
    assert event.label == "supercharge"
    assert event.sender.login == "octocat"
    assert event.issue.author == Account(8, "author", is_bot=False)


def test_a_label_on_a_pull_request_is_an_event_of_its_own() -> None:
    event = parse("pull_request", d.labeled_pull())
    assert isinstance(event, PullRequestLabeled)
    assert (event.label, event.pull.number) == ("supercharge", 12)


@pytest.mark.parametrize("action", ["opened", "reopened", "synchronize", "closed"])
def test_a_changed_pull_request_is_told(action: str) -> None:
    event = parse("pull_request", d.changed_pull(action))
    assert isinstance(event, PullRequest)
    assert event.action.value == action
    assert (event.pull.head.sha, event.pull.base.sha) == (d.SHA, d.OTHER_SHA)
    assert event.pull.draft
    assert not event.pull.from_fork
    assert event.pull.body == ""


@pytest.mark.parametrize("head", [None, d.repository("stranger/calc", id=43)])
def test_a_head_elsewhere_or_gone_is_a_fork(head: dict[str, Any] | None) -> None:
    payload = d.changed_pull()
    payload["pull_request"]["head"]["repo"] = head
    event = parse("pull_request", payload)
    assert isinstance(event, PullRequest)
    assert event.pull.from_fork


def test_an_installation_tells_what_it_covers() -> None:
    event = parse("installation", d.installation())
    assert isinstance(event, Installation)
    assert (event.installation_id, event.account.login) == (99, "octo")
    assert event.added == (RepositoryName(42, "octo/calc", False),)
    assert event.removed == ()


def test_an_installation_that_goes_takes_its_repositories_away() -> None:
    event = parse("installation", d.installation("deleted"))
    assert isinstance(event, Installation)
    assert event.added == ()
    assert [r.full_name for r in event.removed] == ["octo/calc"]


def test_an_installation_may_see_other_repositories() -> None:
    event = parse("installation_repositories", d.installation_repositories())
    assert isinstance(event, Installation)
    assert [r.full_name for r in event.added] == ["octo/new"]
    assert [r.full_name for r in event.removed] == ["octo/old"]


def test_a_ping_is_a_ping() -> None:
    assert parse("ping", d.ping()) == Ping(delivery_id=d.DELIVERY, name="ping", hook_id=30)


@pytest.mark.parametrize(
    ("name", "payload", "action"),
    [
        ("check_suite", {"action": "completed"}, "completed"),
        ("push", {"ref": "refs/heads/main"}, ""),
        ("nobody_knows", {}, ""),
        ("issue_comment", {"action": "pinned"}, "pinned"),
        ("issues", {"action": "opened"}, "opened"),
        ("pull_request", {"action": "auto_merge_enabled"}, "auto_merge_enabled"),
    ],
)
def test_what_is_of_no_use_is_recognised_and_not_looked_into(
    name: str, payload: dict[str, str], action: str
) -> None:
    assert parse(name, payload) == Unknown(delivery_id=d.DELIVERY, name=name, action=action)


@pytest.mark.parametrize(
    ("login", "kind"), [("dependabot[bot]", "Bot"), ("Copilot", "Bot"), ("ci[bot]", "User")]
)
def test_a_bot_is_known_by_its_type_or_its_name(login: str, kind: str) -> None:
    event = parse("issue_comment", {**d.comment(), "sender": d.account(login, kind=kind)})
    assert isinstance(event, IssueComment)
    assert event.sender.is_bot


def test_an_author_who_is_gone_is_nobody() -> None:
    payload = d.comment()
    payload["issue"]["user"] = None
    event = parse("issue_comment", payload)
    assert isinstance(event, IssueComment)
    assert event.issue.author is None


def test_text_that_no_database_takes_is_replaced() -> None:
    event = parse("issue_comment", d.comment("a\x00b\ud800c"))
    assert isinstance(event, IssueComment)
    assert event.body == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"


def test_without_an_app_there_is_no_installation() -> None:
    payload = d.comment()
    del payload["installation"]
    event = parse("issue_comment", payload)
    assert isinstance(event, IssueComment)
    assert event.installation_id is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"payload=%7B%7D", "not JSON"),
        (b"{", "not JSON"),
        (b'{"action": NaN}', "not JSON"),
        (b'{"a": -Infinity}', "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"1e999", "not a JSON object"),
    ],
    ids=range(14),
)
def test_a_body_that_is_no_json_object_is_malformed(body: bytes, reason: str) -> None:
    for name in ("issue_comment", "push"):
        with pytest.raises(MalformedPayload, match=reason):
            parse_event(name, d.DELIVERY, body)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("repository", None, "issue_comment.repository is missing"),
        ("repository", [], "issue_comment.repository must be an object"),
        ("repository.full_name", "octo/../etc", "full_name must be owner/name"),
        ("repository.full_name", "octo/..", "full_name must be owner/name"),
        ("repository.full_name", "../calc", "full_name must be owner/name"),
        ("repository.full_name", "octo/calc\n", "full_name must be owner/name"),
        ("repository.default_branch", "a b", "default_branch must be a branch"),
        ("repository.id", True, "repository.id must be a positive number"),
        ("repository.id", 1.0, "repository.id must be a positive number"),
        ("repository.id", "42", "repository.id must be a positive number"),
        ("repository.id", 2**63, "repository.id must be a positive number"),
        ("sender.login", "octo cat", "sender.login must be a login"),
        ("installation.id", None, "installation.id is missing"),
        ("issue.number", 0, "issue.number must be a positive number"),
        ("issue.labels", {"a": 1}, "issue.labels must be a list of objects"),
        ("issue.labels", [1], "issue.labels must be a list of objects"),
        ("issue.pull_request", "yes", "issue.pull_request must be an object"),
        ("comment.body", 3, "comment.body must be a text"),
        ("action", ["created"], "action must be a text"),
    ],
)
def test_a_wrong_field_is_named_in_one_line(path: str, value: object, reason: str) -> None:
    payload = d.comment()
    *parents, last = path.split(".")
    holder = payload
    for parent in parents:
        holder = holder[parent]
    holder[last] = value
    with pytest.raises(MalformedPayload) as caught:
        parse("issue_comment", payload)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_hash_that_is_none_and_a_review_that_says_nothing_known_are_malformed() -> None:
    payload = d.review_comment()
    payload["comment"]["commit_id"] = "HEAD"
    with pytest.raises(MalformedPayload, match="must be a commit's hash"):
        parse("pull_request_review_comment", payload)
    with pytest.raises(MalformedPayload, match="must be one of approved, changes_requested"):
        parse("pull_request_review", d.review("shrugged"))


def _places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place inside a payload."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield (*path, key)
        yield from _places(inner, (*path, key))


SAMPLES = [(name, payload) for name, payloads in d.KNOWN.items() for payload in payloads]
ODD: list[object] = [None, True, -1, 2**70, 1.5, "", "x\n", [], [None], {}, {"id": 1}]


@pytest.mark.parametrize(("name", "payload"), SAMPLES, ids=range(len(SAMPLES)))
def test_any_place_may_be_missing_or_odd_and_nothing_else_is_raised(
    name: str, payload: dict[str, Any]
) -> None:
    assert not isinstance(parse(name, payload), Unknown)
    for *parents, last in _places(payload):
        for value in (KeyError, *ODD):
            changed: Any = copy.deepcopy(payload)
            holder = changed
            for key in parents:
                holder = holder[key]
            if value is KeyError:
                del holder[last]
            else:
                holder[last] = value
            try:
                event = parse(name, changed)
            except MalformedPayload as error:
                assert "\n" not in str(error)  # noqa: PT017
            else:
                assert hash(event) is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.sampled_from([*d.KNOWN, "push"]), st.binary() | JSON.map(json.dumps).map(str.encode))
def test_any_body_is_an_event_or_malformed(name: str, body: bytes) -> None:
    try:
        event = parse_event(name, d.DELIVERY, body)
    except MalformedPayload:
        return
    assert isinstance(event, Event)


def test_events_cannot_be_changed() -> None:
    event = parse("ping", d.ping())
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.delivery_id = "other"  # type: ignore[misc]

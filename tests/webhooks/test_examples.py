"""GitHub's own example payloads, sent to our endpoint as GitHub would send them."""

from __future__ import annotations

from collections import Counter

import pytest
from flask.testing import FlaskClient

from tests import octokit
from tests.webhooks import deliveries as d
from webhooks.app import create_app
from webhooks.events import Event

KNOWN = {
    "installation", "installation_repositories", "issue_comment", "issues", "ping", "pull_request",
    "pull_request_review", "pull_request_review_comment",
}  # fmt: skip
"""The events that this bot has a use for, in some of their actions."""


@pytest.fixture
def taken() -> list[Event]:
    return []


@pytest.fixture
def client(taken: list[Event]) -> FlaskClient:
    def accept(event: Event, raw: bytes) -> bool:
        taken.append(event)
        return True

    return create_app(secrets=[d.SECRET], accept=accept).test_client()


def test_every_example_payload_is_taken_or_recognised_as_of_no_use(
    client: FlaskClient, taken: list[Event]
) -> None:
    answers: Counter[tuple[int, str]] = Counter()
    examples = octokit.examples()
    for event, payload in examples:
        body = d.as_body(payload)
        before = len(taken)
        response = client.post("/webhook", data=body, headers=d.headers(event, body))
        answers[response.status_code, response.text] += 1
        assert response.status_code == 202, (event, payload.get("action"), response.text)
        if len(taken) > before:
            assert event in KNOWN
            assert taken[-1].name == event
    assert len(examples) == 329
    assert sum(answers.values()) == 329
    assert len(taken) == answers[202, "accepted\n"] > 0


def test_each_event_that_the_bot_knows_has_an_example_that_is_taken(
    client: FlaskClient, taken: list[Event]
) -> None:
    for event, payload in octokit.examples():
        body = d.as_body(payload)
        client.post("/webhook", data=body, headers=d.headers(event, body))
    assert {event.name for event in taken} == KNOWN

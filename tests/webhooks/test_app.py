from __future__ import annotations

import http.client
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from tests.webhooks import deliveries as d
from webhooks.app import MAX_BODY, StoreUnavailable, create_app
from webhooks.events import Event, IssueComment
from webhooks.signature import NoSecret, sign


class Memory:
    """A store that remembers; it can be made to be away."""

    def __init__(self) -> None:
        self.stored: dict[str, tuple[Event, bytes]] = {}
        self.away = False

    def accept(self, event: Event, raw: bytes) -> bool:
        self.ready()
        new = event.delivery_id not in self.stored
        self.stored.setdefault(event.delivery_id, (event, raw))
        return new

    def ready(self) -> None:
        if self.away:
            raise StoreUnavailable("the database is locked")


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def app(memory: Memory) -> Flask:
    def metrics() -> str:
        memory.ready()
        return f"stored {len(memory.stored)}\n"

    return create_app(secrets=[d.SECRET], accept=memory.accept, ready=memory.ready, metrics=metrics)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


BODY = d.as_body(d.comment())


def refused(response: TestResponse, status: int, words: str) -> None:
    """It says what is wrong in one line of plain text, and shows no trace."""
    assert response.status_code == status, response.text
    assert response.mimetype == "text/plain"
    assert words in response.text
    assert response.text.count("\n") == 1
    assert "Traceback" not in response.text


def test_a_signed_delivery_is_stored_as_it_came_and_accepted(
    client: FlaskClient, memory: Memory
) -> None:
    response = client.post(
        "/webhook", data=BODY, headers=d.headers("issue_comment", BODY, delivery=d.DELIVERY)
    )
    assert (response.status_code, response.text) == (202, "accepted\n")
    event, raw = memory.stored[d.DELIVERY]
    assert isinstance(event, IssueComment)
    assert raw == BODY


def test_the_same_delivery_again_is_known(client: FlaskClient, memory: Memory) -> None:
    for words, delivery in [
        ("accepted", d.DELIVERY),
        ("already received", d.DELIVERY),
        ("already received", d.DELIVERY.upper()),
    ]:
        signed = d.headers("issue_comment", BODY, delivery=delivery)
        response = client.post("/webhook", data=BODY, headers=signed)
        assert (response.status_code, response.text) == (202, f"{words}\n")
    assert len(memory.stored) == 1


def test_the_signature_is_over_the_bytes_not_over_their_meaning(
    client: FlaskClient, memory: Memory
) -> None:
    respelt = json.dumps(json.loads(BODY), indent=1).encode()
    response = client.post("/webhook", data=respelt, headers=d.headers("issue_comment", BODY))
    refused(response, 403, "the signature does not fit")
    assert memory.stored == {}


@pytest.mark.parametrize(
    ("header", "value", "status", "words"),
    [
        ("X-Hub-Signature-256", None, 403, "X-Hub-Signature-256 is missing"),
        ("X-Hub-Signature-256", sign("wrong", BODY), 403, "does not fit"),
        ("X-Hub-Signature-256", "sha256=é", 403, "must be sha256="),
        ("X-Hub-Signature-256", "sha1=00", 403, "must be sha256="),
        ("X-GitHub-Event", None, 400, "X-GitHub-Event"),
        ("X-GitHub-Event", "Issue Comment<script>", 400, "X-GitHub-Event"),
        ("X-GitHub-Delivery", None, 400, "X-GitHub-Delivery"),
        ("X-GitHub-Delivery", "1", 400, "X-GitHub-Delivery"),
        ("Content-Type", None, 415, "application/json"),
        ("Content-Type", "application/x-www-form-urlencoded", 415, "application/json"),
        ("Content-Type", "text/plain", 415, "application/json"),
    ],
)
def test_a_wrong_header_is_named_and_nothing_is_stored(
    client: FlaskClient,
    memory: Memory,
    header: str,
    value: str | None,
    status: int,
    words: str,
) -> None:
    changed = d.headers("issue_comment", BODY)
    if value is None:
        del changed[header]
    else:
        changed[header] = value
    refused(client.post("/webhook", data=BODY, headers=changed), status, words)
    assert memory.stored == {}


def test_a_charset_beside_the_content_type_is_fine(client: FlaskClient) -> None:
    signed = {
        **d.headers("issue_comment", BODY),
        "Content-Type": "application/json; charset=utf-8",
    }
    assert client.post("/webhook", data=BODY, headers=signed).status_code == 202


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"not json", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"action": NaN}', "not JSON"),
        (b'{"action": ' + b"1" * 100_000 + b"}", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"action": "created"}', "issue_comment.comment is missing"),
        (b'{"action": 1}', "issue_comment.action must be a text"),
    ],
    ids=range(9),
)
def test_a_signed_body_that_makes_no_sense_is_a_400_in_one_line(
    client: FlaskClient, memory: Memory, body: bytes, words: str
) -> None:
    refused(
        client.post("/webhook", data=body, headers=d.headers("issue_comment", body)), 400, words
    )
    assert memory.stored == {}


def test_nothing_is_parsed_before_the_signature_is_good(client: FlaskClient) -> None:
    body = b"[" * 100_000
    signed = {
        **d.headers("issue_comment", body),
        "X-Hub-Signature-256": sign("wrong", body),
    }
    refused(client.post("/webhook", data=body, headers=signed), 403, "does not fit")


@pytest.mark.parametrize("name", ["push", "check_suite", "never_heard_of"])
def test_an_event_of_no_use_is_accepted_and_not_stored(
    client: FlaskClient, memory: Memory, name: str
) -> None:
    body = b'{"action": "completed"}'
    response = client.post("/webhook", data=body, headers=d.headers(name, body))
    assert (response.status_code, response.text) == (202, "nothing to do for this event\n")
    assert memory.stored == {}


@pytest.mark.parametrize("name", list(d.KNOWN))
def test_every_known_event_is_stored(client: FlaskClient, memory: Memory, name: str) -> None:
    for payload in d.KNOWN[name]:
        body = d.as_body(payload)
        assert client.post("/webhook", data=body, headers=d.headers(name, body)).status_code == 202
    assert len(memory.stored) == len(d.KNOWN[name])


def test_ten_mebibytes_are_taken_and_a_byte_more_is_not(memory: Memory) -> None:
    client = create_app(secrets=[d.SECRET], accept=memory.accept).test_client()
    body = BODY + b" " * (MAX_BODY - len(BODY))
    signed = d.headers("issue_comment", body)
    assert client.post("/webhook", data=body, headers=signed).status_code == 202
    body += b" "
    refused(
        client.post("/webhook", data=body, headers=d.headers("issue_comment", body)),
        413,
        "too large",
    )
    assert len(memory.stored) == 1


def test_while_the_store_is_away_the_sender_is_told_when_to_come_again(
    client: FlaskClient, memory: Memory
) -> None:
    memory.away = True
    response = client.post("/webhook", data=BODY, headers=d.headers("issue_comment", BODY))
    refused(response, 503, "try again later")
    assert int(response.headers["Retry-After"]) > 0
    assert "database" not in response.text
    refused(client.get("/readyz"), 503, "try again later")
    refused(client.get("/metrics"), 503, "try again later")
    assert client.get("/healthz").status_code == 200
    memory.away = False
    assert client.get("/readyz").status_code == 200
    response = client.post("/webhook", data=BODY, headers=d.headers("issue_comment", BODY))
    assert response.status_code == 202


def test_whoever_watches_the_bot_is_told_how_it_is_doing(client: FlaskClient) -> None:
    response = client.get("/metrics")
    assert (response.status_code, response.text) == (200, "stored 0\n")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_bug_in_the_store_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    def accept(event: Event, raw: bytes) -> bool:
        raise ZeroDivisionError("a bug with a secret in it")

    client = create_app(secrets=[d.SECRET], accept=accept).test_client()
    with caplog.at_level(logging.ERROR):
        response = client.post("/webhook", data=BODY, headers=d.headers("issue_comment", BODY))
    refused(response, 500, "internal error")
    assert "a bug with a secret in it" in caplog.text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_reaches_the_webhook(client: FlaskClient, method: str) -> None:
    response = client.open("/webhook", method=method)
    refused(response, 405, "does not take that method")
    assert "POST" in response.headers["Allow"]


def test_elsewhere_there_is_nothing(client: FlaskClient) -> None:
    refused(client.post("/", data=BODY), 404, "/webhook")


@pytest.mark.parametrize("secrets", [[], [""], ["good", " "]])
def test_without_a_secret_there_is_no_app(secrets: list[str], memory: Memory) -> None:
    with pytest.raises(NoSecret):
        create_app(secrets=secrets, accept=memory.accept)


def test_two_apps_share_nothing() -> None:
    one, two = Memory(), Memory()
    apps = [create_app(secrets=["1"], accept=one.accept)]
    apps += [create_app(secrets=["2"], accept=two.accept)]
    signed = {**d.headers("issue_comment", BODY), "X-Hub-Signature-256": sign("2", BODY)}
    answers = [app.test_client().post("/webhook", data=BODY, headers=signed) for app in apps]
    assert [a.status_code for a in answers] == [403, 202]
    assert (len(one.stored), len(two.stored)) == (0, 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    body=st.binary(),
    event=st.text(max_size=20),
    delivery=st.text(max_size=40) | st.just(d.DELIVERY),
    signature=st.text(max_size=80) | st.none(),
)
def test_whatever_comes_unsigned_is_a_4xx_and_leaves_nothing(
    client: FlaskClient,
    memory: Memory,
    body: bytes,
    event: str,
    delivery: str,
    signature: str | None,
) -> None:
    values = {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery}
    values |= {} if signature is None else {"X-Hub-Signature-256": signature}
    sendable = {k: v for k, v in values.items() if not set(v) & {"\r", "\n"}}
    sent = {"Content-Type": "application/json", **sendable}
    response = client.post("/webhook", data=body, headers=sent)
    assert 400 <= response.status_code < 500
    assert response.text.count("\n") == 1
    assert memory.stored == {}


@contextmanager
def served(app: Flask) -> Iterator[http.client.HTTPConnection]:
    """The app behind a real socket."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", server.server_port)) as connection:
            yield connection
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(connection: http.client.HTTPConnection) -> tuple[int, str]:
    response = connection.getresponse()
    return response.status, response.read().decode()


def test_over_a_real_connection_a_delivery_is_stored_once(app: Flask, memory: Memory) -> None:
    signed = d.headers("issue_comment", BODY, delivery=d.DELIVERY)
    with served(app) as connection:
        connection.request("GET", "/readyz")
        assert _answer(connection) == (200, "ready\n")
        connection.request("POST", "/webhook", BODY, signed)
        assert _answer(connection) == (202, "accepted\n")
        connection.request("POST", "/webhook", BODY, signed)
        assert _answer(connection) == (202, "already received\n")
        connection.request("POST", "/webhook", BODY + b" ", signed)
        status, words = _answer(connection)
        assert status == 403, words
    assert memory.stored[d.DELIVERY][1] == BODY


def test_over_a_real_connection_a_body_in_chunks_is_bounded_too(memory: Memory) -> None:
    app = create_app(secrets=[d.SECRET], accept=memory.accept, max_body=len(BODY))
    signed = d.headers("issue_comment", BODY)
    with served(app) as connection:
        parts = [BODY[:100], BODY[100:]]
        connection.request("POST", "/webhook", iter(parts), signed, encode_chunked=True)
        assert _answer(connection) == (202, "accepted\n")
        connection.request("POST", "/webhook", iter([*parts, b" "]), signed, encode_chunked=True)
        assert _answer(connection) == (413, "the body is too large\n")
    assert len(memory.stored) == 1

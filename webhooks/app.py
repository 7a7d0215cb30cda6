"""The web side: proves, types and hands on a delivery, and answers 202 before any work starts.

    POST /webhook   202 stored, known already, or of no use here; 4xx with one line; 503 try again
    GET  /healthz   200 while the process answers
    GET  /readyz    200 while deliveries can be stored, else 503
    GET  /metrics   how the bot is doing, in Prometheus' text format

The order matters. A delivery's headers are looked at, its body is read as far as it may be long, its
signature is verified over the raw bytes, and only then is it parsed; what fails at any step leaves
nothing behind. The answers are plain text, and never hold what the sender wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from webhooks.events import Event, Unknown
from webhooks.payloads import MalformedPayload, parse_event
from webhooks.signature import HEADER, BadSignature, Verifier

MAX_BODY = 10 * 1024 * 1024
"""Bytes. GitHub sends at most 25 MiB, but nothing of that size is a command."""

RETRY_AFTER_S = 30
"""What a sender is told to wait while the store is away."""

_EVENT_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class Refused(Exception):
    """The request is not answered with more than a status and a line."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class StoreUnavailable(Exception):
    """Deliveries cannot be stored now. The text is for the log."""


def create_app(
    *,
    secrets: Sequence[str],
    accept: Callable[[Event, bytes], bool],
    ready: Callable[[], None] = lambda: None,
    metrics: Callable[[], str] = lambda: "",
    max_body: int = MAX_BODY,
) -> Flask:
    """The WSGI application.

    `secrets`: the webhook's secret, or the one in force and the one before it; raises NoSecret without.
    `accept`: stores a verified event with its raw body, durably, and does nothing else; returns whether
    the delivery is new. It is not called for an `Unknown`. `ready` returns if the store answers,
    `metrics` what is told of it. All raise StoreUnavailable; all are called from many threads at once.
    """
    verifier = Verifier(secrets)
    app = Flask("webhooks", static_folder=None)
    # A body in chunks is cut at this length without a word: one more byte tells that it was longer.
    app.config["MAX_CONTENT_LENGTH"] = max_body + 1

    @app.post("/webhook")
    def webhook() -> Response:
        name, delivery_id, body = _delivery(verifier, max_body)
        try:
            event = parse_event(name, delivery_id, body)
        except MalformedPayload as error:
            raise Refused(400, str(error)) from error
        if isinstance(event, Unknown):
            return _line(202, "nothing to do for this event")
        return _line(202, "accepted" if accept(event, body) else "already received")

    @app.get("/healthz")
    def healthz() -> Response:
        return _line(200, "ok")

    @app.get("/readyz")
    def readyz() -> Response:
        ready()
        return _line(200, "ready")

    @app.get("/metrics")
    def tell_metrics() -> Response:
        return Response(metrics(), content_type="text/plain; version=0.0.4; charset=utf-8")

    @app.errorhandler(StoreUnavailable)
    def store_unavailable(error: StoreUnavailable) -> Response:
        app.logger.warning("not ready to store deliveries: %s", error)
        response = _line(503, "deliveries cannot be stored now; try again later")
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response

    @app.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        return _line(error.status, str(error))

    # Also for a bug, which Flask has logged with its trace by then.
    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        response = _line(error.code or 500, _WORDS.get(error.code or 500, error.name.lower()))
        if allowed := getattr(error, "valid_methods", None):
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    return app


def _delivery(verifier: Verifier, max_body: int) -> tuple[str, str, bytes]:
    """The event's name, the delivery's id and the body of the request, which is GitHub's."""
    name = request.headers.get("X-GitHub-Event", "")
    if not _EVENT_NAME.fullmatch(name):
        raise Refused(400, "the header X-GitHub-Event is missing or is not an event's name")
    delivery_id = request.headers.get("X-GitHub-Delivery", "").lower()
    if not _UUID.fullmatch(delivery_id):
        raise Refused(400, "the header X-GitHub-Delivery is missing or is not a UUID")
    if request.mimetype != "application/json":
        raise Refused(
            415, "set the webhook's content type to application/json, the only one read here"
        )
    body = request.get_data(cache=False)
    if len(body) > max_body:
        raise RequestEntityTooLarge
    try:
        verifier.verify(body, request.headers.get(HEADER))
    except BadSignature as error:
        raise Refused(403, str(error)) from error
    return name, delivery_id, body


def _line(status: int, words: str) -> Response:
    return Response(f"{words}\n", status=status, content_type="text/plain; charset=utf-8")


_WORDS = {
    400: "the request is broken",
    404: "there is nothing here; deliveries go to /webhook",
    405: "this address does not take that method",
    413: "the body is too large",
    500: "internal error; the log has it",
}

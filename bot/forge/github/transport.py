"""One call to GitHub's REST API, and what becomes of its failure.

PyGithub's requester carries it: connections, credentials, time-outs. A call that is safe to repeat
is tried a few times when GitHub is down; nothing sleeps for a rate limit, which is the caller's to
schedule.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from github import Auth, Github
from github.Requester import Requester
from requests.utils import parse_header_links
from urllib3.exceptions import ReadTimeoutError
from urllib3.util import Retry

from bot.forge.errors import (
    Conflict,
    Forbidden,
    ForgeError,
    Invalid,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from bot.forge.github.answers import Answer
from bot.forge.settings import GitHubSettings

PER_PAGE = 100
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_SAFE_TO_REPEAT = ("GET", "HEAD", "PUT", "PATCH", "DELETE")
"""A PATCH of ours sets values and never counts, so that twice is the same as once."""
_SAME_AGAIN = re.compile(r"/git/(?:blobs|trees|commits)$|/reactions$|/labels$|/access_tokens$")
"""What a POST makes there goes by its content, is a set, or is thrown away: twice does no harm."""
_DEFAULT_WAIT_S = 60.0
"""What GitHub asks for after a secondary limit that names no time."""
_MAX_KEPT = 512


@dataclass(frozen=True, slots=True)
class Response:
    """A status under 400, the headers in lower case, and the parsed body, None where it is empty."""

    status: int
    headers: Mapping[str, str]
    body: Any
    where: str

    def answer(self) -> Answer:
        """The body as the one object that it must be."""
        return Answer.of(self.body, self.where)

    def answers(self, key: str | None = None) -> list[Answer]:
        """The body, or its list named `key`, as objects."""
        if key is not None:
            return self.answer().objects(key)
        if not isinstance(self.body, list):
            raise Unavailable(f"{self.where}: the answer is not GitHub's; check github.base_url")
        return [Answer.of(item, self.where) for item in self.body]


class Transport:
    """Calls with a credential given each time. Safe to share between threads."""

    def __init__(self, settings: GitHubSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._idle: dict[bool, list[Requester]] = {False: [], True: []}
        self._kept: OrderedDict[str, tuple[str, Any]] = OrderedDict()

    def call(
        self,
        auth: Auth.Auth,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        send: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Sends one request. Raises a ForgeError for every answer that is not what was asked for."""
        where = f"{verb} {path.partition('?')[0]}"
        sent = {**_HEADERS, **(headers or {})}
        auth.authentication(sent)
        try:
            with self._borrowed(repeats=_is_safe_to_repeat(verb, path)) as requester:
                status, got, text = requester.requestJson(verb, path, {**(query or {})}, sent, send)
            body = json.loads(text) if text else None
        except requests.RequestException as error:
            raise Unavailable(f"{where}: {_out_of_reach(error)}") from error
        except ValueError as error:
            raise Unavailable(f"{where}: the answer is not JSON; check github.base_url") from error
        except RuntimeError as error:  # a redirection to another host or scheme
            raise Unavailable(f"{where}: {error}") from error
        response = Response(status, got, body, where)
        if status == 304 or status < 300:
            return response
        raise failure(response, now=time.time())

    def kept(self, auth: Auth.Auth, path: str) -> Response:
        """A GET with the ETag of the last answer: an unchanged one costs no quota."""
        with self._lock:
            etag, body = self._kept.get(path, ("", None))
        response = self.call(auth, "GET", path, headers={"If-None-Match": etag} if etag else None)
        if response.status == 304:
            return Response(200, response.headers, body, response.where)
        if etag := response.headers.get("etag", ""):
            with self._lock:
                self._kept[path] = (etag, response.body)
                self._kept.move_to_end(path)
                while len(self._kept) > _MAX_KEPT:
                    self._kept.popitem(last=False)
        return response

    def close(self) -> None:
        """Closes all connections that no call is using."""
        with self._lock:
            idle = [requester for kept in self._idle.values() for requester in kept]
            self._idle = {False: [], True: []}
        for requester in idle:
            requester.close()

    @contextmanager
    def _borrowed(self, *, repeats: bool) -> Iterator[Requester]:
        """A requester for one call: PyGithub keeps the state of a running one on its connection."""
        with self._lock:
            idle = self._idle[repeats]
            requester = idle.pop() if idle else None
        requester = requester or self._open(repeats=repeats)
        try:
            yield requester
        finally:
            with self._lock:
                self._idle[repeats].append(requester)

    def _open(self, *, repeats: bool) -> Requester:
        settings = self.settings
        # Its debug lines hold whole requests and answers, so tokens too.
        logging.getLogger(Requester.__module__).setLevel(logging.INFO)
        return Github(
            base_url=settings.base_url.rstrip("/"),
            timeout=settings.timeout_s,
            user_agent="supercharge-bot",
            per_page=PER_PAGE,
            retry=Retry(
                total=settings.retries,
                status_forcelist=(500, 502, 503, 504),
                # A connection that never came about is tried again all the same.
                allowed_methods=None if repeats else _SAFE_TO_REPEAT,
                backoff_factor=0.25,
                backoff_jitter=0.25,
                raise_on_status=False,
                respect_retry_after_header=False,
            ),
            seconds_between_requests=None,
            seconds_between_writes=None,
        ).requester


def _is_safe_to_repeat(verb: str, path: str) -> bool:
    return verb in _SAFE_TO_REPEAT or _SAME_AGAIN.search(path) is not None


def _out_of_reach(error: requests.RequestException) -> str:
    # A time-out after the last of several tries comes as a lost connection that has it inside.
    inside = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(error, requests.Timeout) or isinstance(inside, ReadTimeoutError):
        return "GitHub did not answer in time"
    # The reason inside, "…: Connection refused", says it; around it is what a log's reader cannot use.
    return f"GitHub cannot be reached: {str(inside or error).rpartition('): ')[2]}"


def next_page(response: Response) -> str | None:
    """The path and query of a list's next page, or None on its last."""
    header = response.headers.get("link", "")
    links = parse_header_links(header) if header else []
    return next((str(link["url"]) for link in links if link.get("rel") == "next"), None)


def failure(response: Response, *, now: float) -> ForgeError:
    """The error that an answer stands for; `now` are seconds since the epoch."""
    status, where = response.status, response.where
    said = _words(response.body)
    text = f"{where}: {said}" if said else f"{where}: GitHub answered {status}"
    if status == 429 or (status == 403 and _is_limit(response, said)):
        return RateLimited(text, retry_after_s=_wait_s(response.headers, now))
    if status == 404 and said == "Integration not found":  # an App's id that GitHub does not know
        return Unauthorized(text)
    if status < 400 or status in {404, 410}:  # moved, for good: nobody asked for it under that name
        return NotFound(text)
    if status >= 500 or status == 408:
        return Unavailable(text)
    kinds: Mapping[int, type[ForgeError]] = {401: Unauthorized, 403: Forbidden, 409: Conflict}
    return kinds.get(status, Invalid)(text)


def _words(body: object) -> str:
    """GitHub's message, with the first of the details that it gives."""
    if not isinstance(body, dict):
        return ""
    message, errors = body.get("message"), body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    if isinstance(first, dict):
        first = first.get("message") or " ".join(
            str(first[key]) for key in ("resource", "field", "code") if key in first
        )
    return ": ".join(str(part) for part in (message, first) if part)


def _is_limit(response: Response, said: str) -> bool:
    headers = response.headers
    return (
        "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in said.lower()
    )


def _wait_s(headers: Mapping[str, str], now: float) -> float:
    """Seconds until GitHub wants to hear from us again; at least one."""
    after = headers.get("retry-after", "")
    if after.isascii() and after.isdigit():
        return max(1.0, float(after))
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit():
        return max(1.0, float(reset) - now)
    return _DEFAULT_WAIT_S

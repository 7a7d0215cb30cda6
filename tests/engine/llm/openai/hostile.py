"""A server that does what real ones do on bad days, as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "mind"


@dataclass
class Request:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Hostile:
    """Its `answers` are given to POSTs one after the other, the last one again and again."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    served: list[dict[str, Any]] = field(default_factory=lambda: [{"id": MODEL}])
    models_status: int = 200
    hung_up: threading.Event = field(default_factory=threading.Event)
    """Set when a client closed its connection while it was written to."""
    go_on: threading.Event = field(default_factory=threading.Event)
    """What waits goes on when it is set."""


def event(*texts: str, reason: str | None = None, **more: Any) -> str:
    """One event of a stream: a piece for each choice, `None` for those that get none."""
    choices = [
        {"index": n, "text": text, "finish_reason": reason, "logprobs": None}
        for n, text in enumerate(texts)
    ]
    return f"data: {json.dumps({'choices': choices, **more})}\n\n"


DONE = "data: [DONE]\n\n"


def chat_event(text: str, reason: str | None = None) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return f"data: {json.dumps({'choices': [choice]})}\n\n"


def stream(*events: str) -> Answer:
    """A stream of these; it is broken off where the last of them is not `DONE`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        if events[-1:] != (DONE,):
            handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        for text in events:
            handler.wfile.write(text.encode())

    return answer


def status(code: int, message: str = "no", error: str = "", **headers: str) -> Answer:
    """An error's status, in OpenAI's form."""
    body = json.dumps({"error": {"message": message, "code": error or None}}).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def plain(text: str, content_type: str = "application/json") -> Answer:
    """Any text with a good status."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(text.encode())))
        handler.end_headers()
        handler.wfile.write(text.encode())

    return answer


@contextmanager
def hostile_server() -> Iterator[Hostile]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if there.models_status != 200:
                status(there.models_status, f"bad key {self.headers.get('Authorization')}")(self)
            else:
                plain(json.dumps({"data": there.served}))(self)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                headers = {name.lower(): value for name, value in self.headers.items()}
                there.requests.append(Request(self.path, headers, json.loads(body)))
                answer = there.answers.pop(0) if len(there.answers) > 1 else there.answers[0]
            try:
                answer(self)
            except ConnectionError:
                there.hung_up.set()

    lock = threading.Lock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    there = Hostile(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield there
    finally:
        there.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()

"""The socket: one HTTP server for the REST API, git, and pages for people. Listens on loopback only."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bot.forge.fake import pages, smarthttp
from bot.forge.fake.http import Request
from bot.forge.fake.problems import Problem
from bot.forge.fake.rest import Rest, Silence

API = "/api/v3"
"""Where the REST API is, as on GitHub Enterprise Server."""


class Server(ThreadingHTTPServer):
    """Serves from threads of its own until closed."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int = 0) -> None:
        """Port 0 takes a free one."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.rest: Rest | None = None
        self.closing = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        # The interval is how long closing may take; a new connection is seen at once.
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.02,), name="loopback", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self, rest: Rest) -> None:
        self.rest = rest
        self._thread.start()

    def close(self) -> None:
        """Ends all connections and threads."""
        self.closing.set()
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # Head and body go out apart: the second would wait for the first to be acknowledged, 40 ms.
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _handle(self) -> None:
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body(headers)
        try:
            if url.path.startswith(f"{API}/"):
                self._rest(Request(
                    self.command, url.path.removeprefix(API),
                    dict(parse_qsl(url.query, keep_blank_values=True)), headers, body,
                ))  # fmt: skip
            elif (git := smarthttp.git_path(url.path)) is not None:
                self._git(*git, url.query, headers, body)
            else:
                self._page(url.path)
        except Problem as problem:
            self._send(problem.status, dict(problem.headers), f"{problem.message}\n".encode())

    def _rest(self, request: Request) -> None:
        assert self.server.rest is not None
        try:
            reply = self.server.rest.answer(request)
        except Silence:
            self.server.closing.wait()
            self.close_connection = True
            return
        content = b"" if reply.body is None else json.dumps(reply.body).encode()
        kind = {"Content-Type": "application/json; charset=utf-8"}
        self._send(reply.status, {**kind, **reply.headers}, content)

    def _git(
        self, full_name: str, service: str, query: str, headers: dict[str, str], body: bytes
    ) -> None:
        rest = self.server.rest
        assert rest is not None
        pushes = "git-receive-pack" in (service, query.removeprefix("service="))
        actor = rest.actor(headers)
        with rest.world.lock:
            repo = smarthttp.repository_for(rest.world, full_name, actor, pushes=pushes)
        login = "" if actor.user is None else actor.user.login
        answer = smarthttp.serve(repo, service, self.command, query, headers, body, login)
        if service == "git-receive-pack" and actor.user is not None:
            with rest.world.lock:
                rest.actions.pushed(repo, actor.user)
        self._send(*answer)

    def _page(self, path: str) -> None:
        rest = self.server.rest
        assert rest is not None
        with rest.world.lock:
            page = pages.page(rest.world, path)
        self._send(200, {"Content-Type": "text/html; charset=utf-8"}, page.encode())

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(content)

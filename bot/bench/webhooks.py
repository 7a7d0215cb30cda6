"""`supercharge bench webhooks`: signed deliveries at a steady rate, and none that got its 202 is lost.

The web side and a worker are real processes on one database. Deliveries go out at fixed times, whether
earlier ones were answered or not, so a slow answer does not slow the load down. Half way through the
second run the web process is ended and started again, its socket held as `serve` and systemd hold it:
what gets no answer in ten seconds counts as not taken, and GitHub would show it as failed. In the end
every delivery that was answered 202 must be in the database.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot import listening
from bot.bench.machine import machine
from bot.store import open_store
from engine.errors import PartUnavailable

RATE = 200
"""Deliveries per second."""
CLIENTS = 32
START_S = 60.0
ANSWER_S = 10.0
"""GitHub's own patience."""


@dataclass(slots=True)
class Tally:
    """What came of the deliveries: their ids once answered 202, seconds to that, and what failed."""

    taken: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    unanswered: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def run(quick: bool = False) -> dict[str, Any]:
    """Measure for a minute (quick: ten seconds). Times are seconds from sending to the answer."""
    length = 10 if quick else 60
    told = machine()
    with tempfile.TemporaryDirectory(prefix="supercharge-bench-") as name:
        bench = _Bench(Path(name))
        worker = bench.start("worker")
        web = bench.start("web")
        try:
            bench.wait()
            bench.wait_for_worker()
            steady = bench.load(length)
            halves = threading.Thread(target=bench.load_into, args=(length,))
            halves.start()
            time.sleep(length / 2)
            web.send_signal(signal.SIGTERM)
            web.wait(timeout=60)
            web = bench.start("web")
            halves.join()
            restarted = bench.tally
            lost = {name: bench.lost(t) for name, t in (("a", steady), ("b", restarted))}
        finally:
            for process in (web, worker):
                process.terminate()
                process.wait(timeout=60)
    return {
        "machine": told,
        "rate": RATE,
        "runs": {
            "steady": _figures(steady, lost["a"]),
            "web process restarted in the middle": _figures(restarted, lost["b"]),
        },
    }


def report(result: dict[str, Any], console: Console) -> None:
    """A row per run."""
    table = Table(title=f"{result['rate']} deliveries per second", caption=result["machine"])
    for name in (
        "",
        "sent",
        "202",
        "not taken",
        "lost after a 202",
        "p50, ms",
        "p99, ms",
        "max, ms",
    ):
        table.add_column(name, justify="right" if name else "left")
    for name, row in result["runs"].items():
        counts = (str(row[key]) for key in ("sent", "taken", "not_taken", "lost"))
        times = (f"{1000 * row[key]:.1f}" for key in ("p50_s", "p99_s", "max_s"))
        table.add_row(name, *counts, *times)
    console.print(table)


def _figures(tally: Tally, lost: int) -> dict[str, Any]:
    seconds = sorted(tally.seconds)
    if not seconds:
        raise PartUnavailable("no delivery was taken", remedy="supercharge doctor")
    not_taken = tally.refused + tally.unanswered
    return {
        "sent": len(seconds) + not_taken,
        "taken": len(seconds),
        "not_taken": not_taken,
        "lost": lost,
        "p50_s": seconds[len(seconds) // 2],
        "p99_s": seconds[len(seconds) * 99 // 100],
        "max_s": seconds[-1],
    }


class _Bench:
    def __init__(self, folder: Path) -> None:
        self._url = f"sqlite:///{folder / 'bench.db'}"
        self._secret = secrets.token_hex(16)
        self._numbers = itertools.count(1)
        self.tally = Tally()
        self._listener = listening.listen("127.0.0.1", 0)
        self._port = int(self._listener.getsockname()[1])
        self._environment = {
            **os.environ,
            "SUPERCHARGE_DATABASE_URL": self._url,
            "SUPERCHARGE_WEBHOOK_SECRET": self._secret,
            # Nobody is asked for anything: what is delivered here holds no command.
            "SUPERCHARGE_GITHUB_BASE_URL": f"http://127.0.0.1:{self._port}/nowhere",
            "SUPERCHARGE_GITHUB_TOKEN": "none",
        }

    def start(self, command: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "bot", command]
        kept = self._listener.fileno()
        if command == "web":
            words += ["--fd", str(kept)]
        return subprocess.Popen(
            words,
            env=self._environment,
            pass_fds=[kept] if command == "web" else (),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=1)
                connection.request("GET", "/healthz")
                connection.getresponse().read()
            except OSError:
                time.sleep(0.1)
            else:
                return
            finally:
                connection.close()
        raise PartUnavailable("the web process did not start", remedy="supercharge web")

    def wait_for_worker(self) -> None:
        """Until the worker has handled deliveries: its start is no part of what is measured."""
        self.load(1)
        deadline = time.monotonic() + START_S
        with open_store(self._url) as store:
            while time.monotonic() < deadline:
                if not store.count_unhandled_deliveries():
                    return
                time.sleep(0.1)
        raise PartUnavailable("the worker did not start", remedy="supercharge worker")

    def load_into(self, length: int) -> None:
        self.tally = self.load(length)

    def load(self, length: int) -> Tally:
        """Send for so many seconds, each delivery at its time."""
        tally, count = Tally(), itertools.count()
        start = time.monotonic() + 0.2
        threads = [
            threading.Thread(target=self._send, args=(tally, count, start, length * RATE))
            for _ in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return tally

    def _send(self, tally: Tally, count: itertools.count[int], start: float, end: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_S)
        while (index := next(count)) < end:
            delivery, body = str(uuid.uuid4()), self._body()
            headers = self._headers(delivery, body)
            time.sleep(max(0.0, start + index / RATE - time.monotonic()))
            sent = time.monotonic()
            try:
                connection.request("POST", "/webhook", body, headers)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                with tally.lock:
                    tally.unanswered += 1
                continue
            with tally.lock:
                if answer.status == 202:
                    tally.taken.append(delivery)
                    tally.seconds.append(time.monotonic() - sent)
                else:
                    tally.refused += 1
        connection.close()

    def lost(self, tally: Tally) -> int:
        """How many that were answered 202 are not in the database."""
        with open_store(self._url) as store:
            known: set[str] = set()
            for first in range(0, len(tally.taken), 500):
                known |= store.known_deliveries(tally.taken[first : first + 500])
        return len(set(tally.taken) - known)

    def _headers(self, delivery: str, body: bytes) -> dict[str, str]:
        digest = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/json",
            "X-GitHub-Event": "issue_comment",
            "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": f"sha256={digest}",
        }

    def _body(self) -> bytes:
        """A comment that has to be stored and looked at, and asks for nothing: it only quotes."""
        user = {"login": "ada", "id": 7, "type": "User"}
        payload = {
            "action": "created",
            "issue": {
                "number": 1,
                "title": "Words",
                "body": "x" * 4000,
                "state": "open",
                "user": user,
                "labels": [],
            },
            "comment": {
                "id": next(self._numbers),
                "body": "> /supercharge\n\nis what I would write",
                "user": user,
            },
            "repository": {
                "id": 1,
                "full_name": "ada/playground",
                "private": False,
                "default_branch": "main",
                "fork": False,
            },
            "sender": user,
        }
        return json.dumps(payload).encode()

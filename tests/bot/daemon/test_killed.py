"""A worker is killed at every stage of a request: there is one pull request all the same."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from bot.requests import RequestStatus
from bot.store.queries import RequestFilter

REPO = "octo/shop"
REPLIES = {
    "You review Python functions": [" 0.9"],
    "def test_double": [
        "2) == 4\n    assert double(3) == 6\n    assert double(0) == 0\n",
        "5) == 10\n    assert double(-1) == -2\n    assert double(10) == 20\n",
    ],
    "": ["\n    return 2 * n\n", "\n    return n * 2\n", "\n    return n\n"],
}
LONGEST_S = 120.0

POINTS = {
    "the eyes are there": ("POST", r"/comments/\d+/reactions$", 1),
    "the commit is made": ("POST", r"/git/commits$", 1),
    "the branch is made": ("POST", r"/git/refs$", 1),
    "the pull request is opened": ("POST", r"/pulls$", 1),
    "the last word is said": ("POST", r"/issues/\d+/comments$", 2),
    "the rocket is there": ("POST", r"/comments/\d+/reactions$", 2),
}
"""The n-th request of its kind has been done by GitHub, and its answer never arrives."""


class Workers:
    """Real worker processes, one at a time. The first is killed at its point, the second lives on."""

    def __init__(self, scene: Any, folder: Path, point: str) -> None:
        method, path, self._left = POINTS[point]
        self._is_it = lambda r: r.method == method and re.search(path, r.path)
        self.killed = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        script = folder / "script.json"
        script.write_text(json.dumps({"replies": REPLIES}))
        github = scene.github_settings
        self._environment = {
            **os.environ,
            "SUPERCHARGE_MODEL_BACKEND": "scripted",
            "SUPERCHARGE_MODEL_MODEL": str(script),
            "SUPERCHARGE_SANDBOX_ENGINE": "bubblewrap",
            "SUPERCHARGE_SEARCH_CANDIDATES": "12",
            "SUPERCHARGE_SEARCH_TESTS": "6",
            "SUPERCHARGE_DATABASE_URL": scene.services.settings.database.url,
            "SUPERCHARGE_GITHUB_BASE_URL": github.base_url,
            "SUPERCHARGE_GITHUB_APP_ID": str(github.app_id),
            "SUPERCHARGE_GITHUB_APP_KEY_FILE": str(github.app_key_file),
            "SUPERCHARGE_WORKER_LEASE_S": "1",
            "SUPERCHARGE_SCHEDULER_TICK_S": "0.2",
        }
        scene.github.observe(exchange=self._watch)

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bot", "worker"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=30)

    def wait_killed(self) -> None:
        assert self.killed.wait(LONGEST_S), "it never came to that point"
        assert self._process is not None
        assert self._process.wait() == -signal.SIGKILL

    def _watch(self, exchange: Any) -> None:
        if self.killed.is_set() or not self._is_it(exchange.request):
            return
        self._left -= 1
        if not self._left and self._process is not None:
            self._process.kill()
            self.killed.set()


@pytest.mark.parametrize("point", POINTS)
def test_when_a_worker_is_killed_after(scene, tmp_path, point):
    workers = Workers(scene, tmp_path, point)
    number = scene.pull_with_stub()
    comment = scene.comment(number, "/supercharge")
    scene.github.wait_delivered()

    workers.start()
    workers.wait_killed()
    workers.start()
    try:
        request = _told(scene)
    finally:
        workers.stop()

    assert request.status is RequestStatus.PR_OPENED
    assert len(scene.own_pulls()) == 1
    assert len(scene.said(number)) == 1
    assert len(scene.status(number)) == 1
    assert sorted(scene.github.reactions(REPO, comment)) == ["eyes", "rocket"]
    assert len(scene.store.list_requests()) == 1


def _told(scene: Any) -> Any:
    """The one request, once its requester was told of its end."""
    tick, waited = threading.Event(), 0.0
    while waited < LONGEST_S:
        [*requests] = scene.store.list_requests(RequestFilter(repository=REPO))
        if requests and requests[0].status.is_end and requests[0].told is requests[0].status:
            return requests[0]
        tick.wait(0.2)
        waited += 0.2
    pytest.fail(f"no end within {LONGEST_S} s: {requests}")

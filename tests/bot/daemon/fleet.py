"""The whole bot as processes: a web side and workers over one database, and a loopback GitHub.

Everything goes in over the webhook and comes out at GitHub, so any process may be killed at any moment.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bot.forge.fake.courier import Attempt
from bot.forge.fake.loopback import LoopbackGitHub
from bot.forge.values import Permission
from bot.requests import Request, RequestStatus
from bot.retry import ParkReason
from bot.store.store import Store
from tests.bot.daemon.processes import LONGEST_S, ForkServer, Process

REPO = "octo/shop"
ROBOT = "supercharge[bot]"
REPLIES = {
    "You review Python functions": [" 0.9"],
    "def test_double": [
        "2) == 4\n    assert double(3) == 6\n    assert double(0) == 0\n",
        "5) == 10\n    assert double(-1) == -2\n    assert double(10) == 20\n",
    ],
    "": [
        "\n    return 2 * n\n",
        "\n    return n * 2\n",
        "\n    return n + n\n",
        "\n    return n\n",
    ],
}
FILES = {
    "README.md": "shop\n",
    "pyproject.toml": '[project]\nname = "shop"\n',
    "shop/__init__.py": "",
    "tests/.keep": "",
    ".github/supercharge.yml": "max_open_prs: 1000\nmax_requests_per_user_day: 1000\n",
}
ISSUE = '''### File

shop/m{number:03}.py

### Stub

```python
def double(n):
    """Return twice n."""
    ...
```
'''
LEASE_S = 2.0
SETTINGS = {
    "SUPERCHARGE_MODEL_BACKEND": "scripted",
    "SUPERCHARGE_SANDBOX_ENGINE": "bubblewrap",
    "SUPERCHARGE_SANDBOX_MEMORY_MB": "512",
    "SUPERCHARGE_SANDBOX_TMPFS_MB": "32",
    "SUPERCHARGE_SEARCH_CANDIDATES": "8",
    "SUPERCHARGE_SEARCH_TESTS": "4",
    "SUPERCHARGE_SEARCH_CODE_BATCH": "8",
    "SUPERCHARGE_SEARCH_TEST_BATCH": "4",
    "SUPERCHARGE_SEARCH_THRESHOLD": "0.6",
    "SUPERCHARGE_WORKER_LEASE_S": str(LEASE_S),
    "SUPERCHARGE_SCHEDULER_TICK_S": "0.5",
    "SUPERCHARGE_WEBHOOK_SECRET": "known to both",
}


IN_A_HURRY = {
    "SUPERCHARGE_PARK_FIRST_S": "0.5",
    "SUPERCHARGE_PARK_CAP_S": "2",
    "SUPERCHARGE_PARK_FLOOR_S": "0.1",
}
"""Outages in tests are short: nobody wants to wait for minutes."""


class Fleet:
    """Starts and ends the processes. `settings` are more environment variables."""

    def __init__(
        self,
        forks: ForkServer,
        github: LoopbackGitHub,
        folder: Path,
        url: str,
        keys: tuple[str, str],
        *,
        settings: Mapping[str, str] = {},
        replies: Mapping[str, list[str]] = REPLIES,
        seconds_per_reply: float = 0.02,
    ) -> None:
        self.github, self.url, self.folder = github, url, folder
        self._forks = forks
        self.port = _free_port()
        github.repository(REPO, FILES, roles={"ada": Permission.WRITE})
        app = github.app(
            "supercharge",
            on=[REPO],
            hook_url=f"http://127.0.0.1:{self.port}/webhook",
            secret=SETTINGS["SUPERCHARGE_WEBHOOK_SECRET"],
            keys=keys,
        )
        key_file, script = folder / "app.pem", folder / "script.json"
        key_file.write_text(app.key)
        script.write_text(json.dumps({"replies": replies, "seconds_per_reply": seconds_per_reply}))
        self.environment = {
            **SETTINGS,
            "SUPERCHARGE_MODEL_MODEL": str(script),
            "SUPERCHARGE_DATABASE_URL": url,
            "SUPERCHARGE_GITHUB_BASE_URL": github.api,
            "SUPERCHARGE_GITHUB_APP_ID": str(app.id),
            "SUPERCHARGE_GITHUB_APP_KEY_FILE": str(key_file),
            "SUPERCHARGE_WEB_PORT": str(self.port),
            "TMPDIR": str(folder / "tmp"),
            **settings,
        }
        (folder / "tmp").mkdir()
        self.processes: dict[str, Process] = {}

    def start(self, name: str, command: str = "worker") -> Process:
        """Start a process by the name of the one that it replaces."""
        log = self.folder / f"{name}.log"
        process = self._forks.start(name, command, environment=self.environment, log=log)
        self.processes[name] = process
        return process

    def start_web(self) -> Process:
        """The web side, once it takes deliveries."""
        process, began = self.start("web", "web"), time.monotonic()
        while time.monotonic() - began < LONGEST_S and process.is_running:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return process
            except OSError:
                pause(0.01)
            finally:
                connection.close()
        raise AssertionError(f"the web side does not answer: {process.said()}")

    def of(self, worker: str | None) -> Process | None:
        """The running process whose worker has that name in the store."""
        found = re.search(r"-(\d+)-[0-9a-f]{8}-", worker or "")
        pid = int(found[1]) if found else 0
        return next((p for p in self.processes.values() if p.pid == pid), None)

    def check_alive(self) -> None:
        """Fail where a process ended by itself."""
        for process in self.processes.values():
            if not process.killed and not process.is_running:
                raise AssertionError(f"{process.name} ended by itself: {process.said()}")

    def told(self, issue: int) -> Attempt:
        """The last delivery that told of her command there."""
        with self.github.world.lock:
            return next(
                attempt
                for attempt in reversed(self.github.courier.attempts)
                if attempt.event == "issue_comment"
                and attempt.payload["issue"]["number"] == issue
                and attempt.payload["sender"]["login"] == "ada"
            )

    def tell_again(self, issue: int) -> None:
        """GitHub makes that delivery once more, under the same id."""
        told = self.told(issue)
        with self.github.world.lock:
            self.github.courier.send(told.hook, told.event, told.payload, told.guid)

    def stop(self) -> None:
        """End all processes in good order."""
        for process in self.processes.values():
            if process.is_running:
                process.stop()

    def open(self, number: int) -> int:
        """An issue of ada's with a stub; the issue's number."""
        return self.github.open_issue(REPO, "Double", ISSUE.format(number=number), by="ada")

    def ask(self, issue: int) -> int:
        """Her command; the comment's id."""
        return self.github.comment(REPO, issue, "/supercharge", by="ada")

    def wait(self, until: Callable[[], bool]) -> None:
        """Go on as soon as `until` says so."""
        for _ in range(int(LONGEST_S / 0.02)):
            if until():
                return
            self.check_alive()
            pause(0.02)
        said = [process.said() for process in self.processes.values()]
        raise AssertionError(f"it never came to that: {said}")

    # -- what came of it ---------------------------------------------------------------------------

    def wait_told(
        self, store: Store, count: int, *, about: str = "", longest_s: float = LONGEST_S
    ) -> list[Request]:
        """All `count` requests, once each has ended and its requester was told."""
        began, requests = time.monotonic(), []
        while time.monotonic() - began < longest_s:
            self.check_alive()
            requests = store.list_requests()
            if len(requests) == count and all(is_over(request) for request in requests):
                return requests
            pause(0.1)
        open_ = [f"{r.id} {r.status.value} {r.reason}" for r in requests if not is_over(r)]
        raise AssertionError(
            f"{about} after {longest_s:.0f} s {len(requests)} requests, open: {open_}"
        )

    def check_done_once(self, requests: Iterable[Request], about: str = "") -> None:
        """One pull request and one last word each, and nothing twice."""
        own = [p for p in self.github.pulls(REPO) if p.user.login == ROBOT]
        heads = sorted(pull.pull.head_ref for pull in own if pull.pull)
        requests = list(requests)
        unopened = [
            f"{r.id} on #{r.subject.number} is {r.status.value}: {r.reason}, lost {r.lost_leases}"
            for r in requests
            if r.status is not RequestStatus.PR_OPENED
        ]
        assert unopened == [], f"{about}: {unopened}"
        branches = sorted(str(request.branch) for request in requests)
        assert heads == branches, f"{about}: {set(heads) ^ set(branches)} of {len(heads)} heads"
        for request in requests:
            where = f"{about} {request.id} on #{request.subject.number}"
            assert request.status is RequestStatus.PR_OPENED, f"{where}: {request.reason}"
            said = [
                comment
                for comment in self.github.comments(REPO, request.subject.number)
                if comment.user.login == ROBOT
            ]
            shown = ["supercharge:status" in comment.body for comment in said]
            assert sorted(shown) == [False, True], where
            reactions = sorted(self.github.reactions(REPO, int(request.trigger.id)))
            assert reactions == ["eyes", "rocket"], where
            assert self.commits(str(request.branch)) == 1, where

    def commits(self, branch: str) -> int:
        """How many commits a branch has more than main."""
        with self.github.world.lock:
            git = self.github.repo(REPO).git
            return git.commits("main", branch)


def is_over(request: Request) -> bool:
    return request.status.is_end and request.told is request.status


def ended(store: Store) -> int:
    return sum(request.status.is_end for request in store.list_requests())


def is_busy(store: Store) -> bool:
    """Whether a search is in the middle of something."""
    running = [
        request
        for request in store.list_requests()
        if request.status is RequestStatus.RUNNING and request.pool_id
    ]
    return any(store.get_pool(str(request.pool_id)).size > 2 for request in running)


def has_parked(store: Store, part: ParkReason) -> bool:
    """Whether a request ever waited for that part."""
    return any(
        turn.parked is part
        for request in store.list_requests()
        for turn in store.attempts_of(request.id)
    )


def pause(seconds: float) -> None:
    """Look again a little later: what is waited for is another process's."""
    threading.Event().wait(seconds)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

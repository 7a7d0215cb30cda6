"""`supercharge demo`: the whole bot for real, on a GitHub of its own on this machine.

A loopback GitHub with a sample repository, the daemon as its two processes, the configured model and
sandbox; somebody comments `/supercharge` on a pull request, and one watches what comes of it.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.forge.fake.loopback import LoopbackGitHub
from bot.forge.fake.world import Issue
from bot.forge.values import Permission
from bot.proof import Counts
from bot.requests import Request
from bot.store import open_store
from bot.store.store import Store
from engine.errors import PartUnavailable

REPOSITORY = "ada/playground"
PERSON = "ada"
BRANCH = "words"
STUB = '''\
"""Words."""


def is_palindrome(s: str) -> bool:
    """Return True if the string s reads the same forwards and backwards, False otherwise."""
    raise NotImplementedError
'''
FILES = {
    "README.md": "# Playground\n",
    "pyproject.toml": '[project]\nname = "playground"\nversion = "0.1.0"\n',
    "playground/__init__.py": "",
    "tests/__init__.py": "",
}
TICK_S = 0.5
TELL_EVERY_S = 4.0
START_S = 60.0


class DemoFailed(PartUnavailable):
    """The demonstration did not come to its end; the text says where it stopped."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demonstration came to: a pull request, or None and the bot's last words."""

    pull: Issue | None
    url: str
    diff: str
    words: str
    seconds: float


def run(
    *,
    config: Path | None,
    tell: Callable[[str], None],
    minutes: float = 10.0,
    linger: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Play it through; `tell` is given a line for everything that happens.

    `linger` is called at the end, while the pages can still be looked at. Raises DemoFailed.
    """
    with tempfile.TemporaryDirectory(prefix="supercharge-demo-") as name:
        folder = Path(name)
        with LoopbackGitHub(folder / "github") as github:
            outcome = _play(github, folder, config, tell, minutes)
            linger(outcome)
    return outcome


def lines(outcome: Outcome) -> Iterator[str]:
    """What came of it, for a terminal: the pull request's title, body and diff, and where to look."""
    if outcome.pull is None:
        yield f"\nno pull request after {outcome.seconds:.0f} s; the bot says:\n\n{outcome.words}"
        return
    yield f"\na pull request after {outcome.seconds:.0f} s: #{outcome.pull.number} {outcome.pull.title}"
    yield f"\n{outcome.pull.body}"
    yield f"--- its diff ---\n{outcome.diff}"
    yield f"\nits page: {outcome.url}"


def _play(
    github: LoopbackGitHub,
    folder: Path,
    config: Path | None,
    tell: Callable[[str], None],
    minutes: float,
) -> Outcome:
    started = time.monotonic()
    secret, port = secrets.token_hex(16), _free_port()
    github.repository(REPOSITORY, FILES, roles={PERSON: Permission.ADMIN})
    hook = f"http://127.0.0.1:{port}/webhook"
    app = github.app("supercharge", on=[REPOSITORY], hook_url=hook, secret=secret, owner=PERSON)
    key = folder / "app.pem"
    key.touch(mode=0o600)
    key.write_text(app.key, encoding="ascii")
    database = f"sqlite:///{folder / 'bot.db'}"
    environment = {
        "SUPERCHARGE_GITHUB_BASE_URL": github.api,
        "SUPERCHARGE_GITHUB_APP_ID": str(app.id),
        "SUPERCHARGE_GITHUB_APP_KEY_FILE": str(key),
        "SUPERCHARGE_WEBHOOK_SECRET": secret,
        "SUPERCHARGE_DATABASE_URL": database,
        "SUPERCHARGE_WEB_PORT": str(port),
    }
    tell(f"a GitHub of its own at {github.url}, with the repository {REPOSITORY}")
    with _daemon(environment, config, folder / "daemon.log") as daemon:
        _wait_for(port, daemon)
        tell(f"the bot takes deliveries at {hook}")
        number = github.open_pull(
            REPOSITORY,
            "Words",
            by=PERSON,
            head=BRANCH,
            files={"playground/words.py": STUB},
        )
        tell(f"{PERSON} opens #{number}, with the stub playground/words.py::is_palindrome")
        github.comment(REPOSITORY, number, "/supercharge", by=PERSON)
        tell(f"{PERSON} comments on #{number}: /supercharge\n")
        with open_store(database) as store:
            words = _watch(github, store, number, daemon, tell, started + minutes * 60)
    own = [pull for pull in github.pulls(REPOSITORY) if pull.number != number]
    pull = own[0] if own else None
    shown = pull.number if pull else number
    return Outcome(
        pull=pull,
        url=f"{github.url}/{REPOSITORY}/pull/{shown}",
        diff=github.diff(REPOSITORY, shown),
        words=words,
        seconds=time.monotonic() - started,
    )


def _watch(
    github: LoopbackGitHub,
    store: Store,
    number: int,
    daemon: subprocess.Popen[bytes],
    tell: Callable[[str], None],
    deadline: float,
) -> str:
    """Tell what happens until the bot has had its last word, and return that."""
    last, last_at = "", 0.0
    while time.monotonic() < deadline:
        if daemon.poll() is not None:
            raise DemoFailed("the bot ended", remedy="supercharge doctor")
        found = store.list_requests()
        said = [c.body for c in github.comments(REPOSITORY, number) if c.user.login != PERSON]
        words = [body for body in said if "supercharge:status" not in body]
        now = time.monotonic()
        status = found[0].status.value.replace("_", " ") if found else ""
        if found and (not last.startswith(f"  {status}") or now - last_at >= TELL_EVERY_S):
            line = _standing(store, found[0])
            if line != last:
                tell(line)
            last, last_at = line, now
        if words:
            return words[-1]
        time.sleep(TICK_S)
    raise DemoFailed("the time is up", remedy="supercharge doctor; a busy machine needs longer")


def _standing(store: Store, request: Request) -> str:
    state = f"  {request.status.value.replace('_', ' ')}"
    if request.pool_id is None:
        return state
    pool = store.load_pool(request.pool_id)
    counts = Counts.of(pool)
    if not pool.candidates:
        return f"{state}: the model is asked"
    return (
        f"{state}: {counts.unique_codes} different codes, {counts.asserts} different asserts"
        f" ({counts.live_asserts} live), {counts.pairs} pairs run, {counts.passing} passing"
    )


@contextmanager
def _daemon(
    environment: Mapping[str, str], config: Path | None, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """The bot as its processes, with this configuration; stopped at the end."""
    given = ("--config", str(config.resolve())) if config else ()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", *given, "serve"],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        except DemoFailed as error:
            words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
            raise DemoFailed(" | ".join([str(error), *words]), remedy=error.remedy) from error
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, daemon: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if daemon.poll() is not None:
            raise DemoFailed("the bot did not start", remedy="supercharge doctor")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise DemoFailed("the bot did not listen in time", remedy="supercharge doctor")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])

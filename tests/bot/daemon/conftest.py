"""The whole bot on one machine: a loopback GitHub, real webhooks over HTTP, a real store and sandbox.

Only the model is scripted. A test reads as a dialogue: somebody comments, the bot works, one looks at
what came of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
import waitress
from waitress import wasyncore

from bot.arrivals import Arrivals
from bot.forge.fake.keys import new_key
from bot.forge.fake.loopback import LoopbackGitHub
from bot.forge.github import open_github
from bot.forge.settings import GitHubSettings
from bot.forge.values import Permission
from bot.inbox import Inbox
from bot.runner import Runner
from bot.services import Services
from bot.settings import DatabaseSettings, SearchSettings, Settings, WebhookSettings
from bot.store import open_store
from bot.store.store import Store
from bot.web import application
from engine.llm.base import Prompt
from engine.llm.scripted import Line, Reply, ScriptedModel
from engine.sandbox import Project, SandboxSettings, open_sandbox
from engine.sandbox.base import Sandbox
from tests.bot.daemon.processes import ForkServer

REPO = "octo/shop"
FILES = {"README.md": "shop\n", "pyproject.toml": '[project]\nname = "shop"\n', "tests/.keep": ""}
SECRET = "it is a secret to everybody"
STUB = 'def double(n):\n    """Return twice n."""\n    raise NotImplementedError\n'
RIGHT = Reply("\n    return 2 * n\n", logprob=-0.1)
WRONG = Reply("\n    return n\n", logprob=-0.9)
ASSERTS = (
    "2) == 4\n    assert double(3) == 6\n    assert double(0) == 0\n",
    "5) == 10\n    assert double(-1) == -2\n    assert double(10) == 20\n",
)


@dataclass
class Mind:
    """What the scripted model answers; a test may change it while the bot runs."""

    codes: Sequence[Line] = (RIGHT, RIGHT, WRONG)
    tests: Sequence[Line] = ASSERTS
    judge: Sequence[Line] = (" 0.9",)

    def __call__(self, prompt: Prompt) -> Sequence[Line]:
        end = prompt.text.rstrip()
        if end.endswith("Score:"):
            return self.judge
        return self.tests if end.endswith("assert double(") else self.codes


@dataclass
class Scene:
    """Everything, and short words for what people do and see."""

    github: LoopbackGitHub
    services: Services
    store: Store
    mind: Mind
    inbox: Inbox
    runner: Runner
    github_settings: GitHubSettings

    def comment(self, number: int, body: str, *, by: str = "ada") -> int:
        return self.github.comment(REPO, number, body, by=by)

    def hear(self) -> None:
        """Deliveries arrive, and are handled."""
        self.github.wait_delivered()
        while self.inbox.work():
            self.github.wait_delivered()

    def work(self) -> None:
        """All that is heard is done, request by request."""
        self.hear()
        while self.runner.work():
            self.hear()

    def pull_with_stub(self, files: dict[str, str | bytes] | None = None, **more: str) -> int:
        """A pull request of ada's that adds stubs."""
        return self.github.open_pull(
            REPO, by="ada", head="feature", files=files or {"shop/sums.py": STUB}, **more
        )

    def said(self, number: int) -> list[str]:
        """What the bot has said there, but for the status comment."""
        return [c.body for c in self._own(number) if "supercharge:status" not in c.body]

    def status(self, number: int) -> list[str]:
        """The bot's status comments there."""
        return [c.body for c in self._own(number) if "supercharge:status" in c.body]

    def own_pulls(self) -> list[int]:
        """The numbers of the bot's pull requests."""
        bot = self.services.forge.me().login
        return [p.number for p in self.github.pulls(REPO) if p.user.login == bot]

    def _own(self, number: int) -> list:
        bot = self.services.forge.me().login
        return [c for c in self.github.comments(REPO, number) if c.user.login == bot]


class Clock:
    """Moves only when it is told to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="session")
def app_keys() -> tuple[str, str]:
    return new_key()


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    """Starts daemon processes in a moment."""
    with ForkServer() as server:
        yield server


@pytest.fixture
def scene(tmp_path: Path, app_keys: tuple[str, str]) -> Iterator[Scene]:
    database = DatabaseSettings(url=f"sqlite:///{tmp_path / 'bot.db'}")
    settings = Settings(
        webhook=WebhookSettings(secret=SECRET),
        database=database,
        search=SearchSettings(candidates=12, tests=6, code_batch=6, test_batch=3, minutes=2.0),
    )
    with open_store(database.store_url()) as store, LoopbackGitHub(tmp_path / "github") as github:
        arrivals = Arrivals(store)
        app = application(settings, store, arrivals)
        server = waitress.create_server(app, port=0, threads=4, asyncore_loop_timeout=1)
        thread = threading.Thread(target=server.run)
        thread.start()
        arrivals.__enter__()
        roles = {"ada": Permission.WRITE, "mallory": Permission.READ}
        github.repository(REPO, FILES, roles=roles)
        app = github.app(
            "supercharge",
            on=[REPO],
            hook_url=f"http://127.0.0.1:{server.effective_port}/webhook",
            secret=SECRET,
            keys=app_keys,
        )
        key_file = tmp_path / "app.pem"
        key_file.write_text(app.key)
        reached = GitHubSettings(base_url=github.api, app_id=app.id, app_key_file=key_file)
        forge = open_github(reached)
        services = Services(store, forge, settings)
        mind = Mind()
        runner = Runner(
            services,
            "runner",
            open_model=lambda: ScriptedModel(mind, name="scripted"),
            open_sandbox=_open_sandbox,
        )
        yield Scene(github, services, store, mind, Inbox(services, "inbox"), runner, reached)
        # In its own loop's thread: a socket that is closed under its select is an error there.
        sockets = server._map
        server.trigger.pull_trigger(lambda: wasyncore.close_all(sockets, ignore_all=True))
        thread.join(timeout=10)
        server.task_dispatcher.shutdown()
        arrivals.__exit__(None, None, None)
        forge.close()


def _open_sandbox(project: Project | None) -> Sandbox:
    settings = SandboxSettings(engine="bubblewrap", memory_mb=512, tmpfs_mb=32)
    return open_sandbox(settings, project=project)


@pytest.fixture
def clock(scene: Scene) -> Clock:
    """The scene's time stands still, for everything that asks the services."""
    moving = Clock(scene.services.clock())
    scene.services = replace(scene.services, clock=moving)
    scene.store._clock = moving
    scene.inbox = replace(scene.inbox, services=scene.services)
    scene.runner = replace(scene.runner, services=scene.services)
    return moving

"""A loopback GitHub whose every answer and payload is held against GitHub's own descriptions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.forge.fake import LoopbackGitHub
from bot.forge.fake.keys import new_key
from bot.forge.github import open_github
from bot.forge.github.client import GitHubForge
from bot.forge.settings import GitHubSettings
from bot.forge.values import Permission
from tests.bot.forge.scenes import CALC, REPO, Opens, judged


@pytest.fixture(scope="session")
def keys() -> tuple[str, str]:
    """An App's key pair; making one takes long enough to share it."""
    return new_key()


@pytest.fixture
def github(tmp_path: Path) -> Iterator[LoopbackGitHub]:
    with LoopbackGitHub(tmp_path / "github") as made, judged(made):
        roles = {"alice": Permission.WRITE, "supercharge-bot": Permission.WRITE}
        made.repository(REPO, {"calc.py": CALC, "lib/é x.py": "1\n"}, private=True, roles=roles)
        yield made


@pytest.fixture
def opened(github: LoopbackGitHub, tmp_path: Path, keys: tuple[str, str]) -> Iterator[Opens]:
    """Opens a forge by "token" or "app"; all are closed at the end."""
    forges: list[GitHubForge] = []

    def open_as(kind: str, **more: Any) -> GitHubForge:
        if kind == "app":
            app = github.app("supercharge", on=[REPO], keys=keys)
            (tmp_path / "key.pem").write_text(app.key, encoding="ascii")
            more = {"app_id": app.id, "app_key_file": tmp_path / "key.pem", **more}
        else:
            more = {"token": github.token("supercharge-bot"), **more}
        settings = GitHubSettings(**{"base_url": github.api, "retries": 0, "timeout_s": 30, **more})
        forges.append(open_github(settings))
        return forges[-1]

    yield open_as
    for forge in forges:
        forge.close()


@pytest.fixture(params=["token", "app"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which credential: the contract is the same for both."""
    return str(request.param)


@pytest.fixture
def forge(opened: Opens, kind: str) -> GitHubForge:
    return opened(kind)


@pytest.fixture
def by_token(opened: Opens) -> GitHubForge:
    """For what does not depend on the credential."""
    return opened("token")

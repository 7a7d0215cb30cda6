"""What the tests of the forge have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bot.forge.fake import LoopbackGitHub
from bot.forge.fake.rest import Exchange
from bot.forge.github.client import GitHubForge
from tests import octokit

REPO = "octo/calc"
CALC = "def add(a, b):\n    ...\n"

Opens = Callable[..., GitHubForge]
"""Opens a forge by "token" or "app"."""


@contextmanager
def judged(github: LoopbackGitHub) -> Iterator[None]:
    """Everything that is asked, answered and told meanwhile must be as GitHub describes it."""
    exchanges: list[Exchange] = []
    payloads: list[tuple[str, dict[str, Any]]] = []
    github.observe(exchanges.append, lambda event, payload: payloads.append((event, payload)))
    yield
    judge, other = octokit.api(), octokit.webhooks()
    problems = {problem for exchange in exchanges for problem in judge.problems(exchange)}
    problems |= {p for event, payload in payloads for p in other.problems(event, payload)}
    assert not problems, "\n".join(sorted(problems))

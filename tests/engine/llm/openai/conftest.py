from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from engine.llm.ledger import Ledger
from engine.llm.openai import load, sampling
from engine.llm.openai.model import OpenAIModel
from engine.llm.openai.settings import OpenAISettings
from tests.engine.llm.openai.hostile import MODEL, Hostile, hostile_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    monkeypatch.setattr(sampling, "FIRST_PAUSE_S", 0.0)  # tests wait for nothing
    with hostile_server() as hostile:
        yield hostile


@pytest.fixture
def connect(server: Hostile) -> Iterator[Callable[..., OpenAIModel]]:
    """Opens models of the hostile server, and closes them."""
    opened = []

    def make(
        model: str = MODEL, *, window: int = 1000, ledger: Ledger | None = None, **how: object
    ) -> OpenAIModel:
        there = OpenAISettings(**{"base_url": server.url} | how)
        opened.append(load(there, model, context_window=window, ledger=ledger))
        return opened[-1]

    yield make
    for model in opened:
        model.close()


@pytest.fixture
def free_port() -> int:
    """One on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from engine.llm import LanguageModel, ModelSettings, open_model
from engine.llm.environment import prepare
from engine.llm.openai.settings import OpenAISettings
from engine.llm.scripted import ScriptedModel
from tests.engine.llm.llama_server import llama_server

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

    from engine.llm.transformers import TransformersModel
    from tests.engine.conftest import Nodes

prepare(0)  # before any test module imports torch

SCRIPT = {
    "": [
        "\n    return n * factorial(n - 1)\n",
        "\n    if n <= 1:\n        return 1\n    return n * factorial(n - 1)\n```\nThis is it.",
        "\n    import math\n    return math.factorial(n)\n\ndef helper():\n    pass\n" * 20,
    ]
}
CHOICES = {"": {"0.0": 0.1, "0.5": 0.2, "1.0": 0.6}}


@pytest.fixture(scope="session")
def embedded() -> LanguageModel:
    return open_model(ModelSettings())


@pytest.fixture
def scripted() -> ScriptedModel:
    return ScriptedModel(SCRIPT, choices=CHOICES, chat=True)


@pytest.fixture(scope="session")
def over_ray(ray_nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageModel]:
    """The scripted model again, but on a node of a cluster."""
    ray_nodes.at_least(1)
    path = tmp_path_factory.mktemp("ray") / "script.json"
    words = {"replies": SCRIPT, "choices": CHOICES, "chat": True, "seconds_per_reply": 0.1}
    path.write_text(json.dumps(words), encoding="utf-8")
    model = open_model(
        ModelSettings(backend="ray", ray_backend="scripted", model=str(path), ray_replicas=1)
    )
    yield model
    model.close()


@pytest.fixture(scope="session")
def llama_url() -> Iterator[str]:
    with llama_server() as url:
        yield url


def over_the_wire(url: str, **how: Any) -> LanguageModel:
    """The embedded model behind a real server. A small window: that server writes a few dozen tokens a
    second, and ten where it tells their probabilities.
    """
    there = OpenAISettings(base_url=url, **how)
    return open_model(ModelSettings(backend="openai", context_window=96, openai=there))


@pytest.fixture(scope="session")
def served(llama_url: str) -> Iterator[LanguageModel]:
    model = over_the_wire(llama_url, logprobs=False)
    yield model
    model.close()


@pytest.fixture(scope="session")
def telling_served(llama_url: str) -> Iterator[LanguageModel]:
    model = over_the_wire(llama_url)
    yield model
    model.close()


EMBEDDED = pytest.param("embedded", marks=pytest.mark.model)
SERVED = pytest.param("served", marks=pytest.mark.model)
TELLING_SERVED = pytest.param("telling_served", marks=pytest.mark.model)


@pytest.fixture(params=["scripted", EMBEDDED, SERVED, "over_ray"])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    """Every backend, held to one contract."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["scripted", EMBEDDED, TELLING_SERVED])
def telling(request: pytest.FixtureRequest) -> LanguageModel:
    """Every backend, where it tells tokens and their log-probabilities."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["scripted", EMBEDDED])
def chatty(request: pytest.FixtureRequest) -> LanguageModel:
    """The backends that know the model's own format of a conversation."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def weights() -> LlamaForCausalLM:
    from tests.engine.llm.tiny import tiny_weights

    return tiny_weights()


@pytest.fixture
def tiny(weights: LlamaForCausalLM) -> TransformersModel:
    from engine.llm.transformers import TransformersModel
    from tests.engine.llm.tiny import ByteTokenizer

    return TransformersModel(weights, ByteTokenizer(), name="tiny")

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from engine.llm import LanguageModel, ModelSettings, open_model
from engine.llm.environment import prepare
from engine.llm.openai.settings import OpenAISettings
from engine.llm.scripted import ScriptedModel
from tests.engine.llm.llama_server import llama_server

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

    from engine.llm.transformers import TransformersModel

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
def llama_url() -> Iterator[str]:
    with llama_server() as url:
        yield url


@pytest.fixture(scope="session")
def served(llama_url: str) -> Iterator[LanguageModel]:
    """The embedded model behind a real server; a small window, since it writes ten tokens a second."""
    there = OpenAISettings(base_url=llama_url)
    model = open_model(ModelSettings(backend="openai", context_window=96, openai=there))
    yield model
    model.close()


@pytest.fixture(
    params=[
        "scripted",
        pytest.param("embedded", marks=pytest.mark.model),
        pytest.param("served", marks=pytest.mark.model),
    ]
)
def model(request: pytest.FixtureRequest) -> LanguageModel:
    """Every backend, held to one contract."""
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

"""Over the wire to llama-cpp-python's server: what only a server that is not ours can show."""

import random
from pathlib import Path

import pytest

from engine.errors import ModelUnavailable
from engine.llm import ModelSettings, open_model
from engine.llm.base import FinishReason, Message, Prompt, SamplingParams
from engine.llm.openai.counting import estimate
from engine.llm.openai.settings import OpenAISettings
from tests.engine.llm.llama_server import MODEL

pytestmark = pytest.mark.model

ROOT = Path(__file__).parents[4]


def test_its_model_has_a_name_with_the_place(served, llama_url):
    assert served.name == f"{MODEL} at {llama_url.split('/')[2]}"


def test_a_model_that_it_does_not_have_is_told_with_the_one_that_it_has(llama_url):
    there = OpenAISettings(base_url=llama_url)

    with pytest.raises(ModelUnavailable, match=f"has no model 'gpt-9'; it serves {MODEL}$"):
        open_model(ModelSettings(backend="openai", model="gpt-9", openai=there))


def test_its_own_sampling_defaults_are_off(telling_served, embedded):
    """Greedy, and no penalty for what was there before: each token is the model's own likeliest."""
    prompt = Prompt("1, 1, 1, 1, 1, 1, 1, 1, 1,")
    params = SamplingParams(temperature=0.0, max_tokens=6)

    [there] = telling_served.complete(prompt, params)
    [here] = embedded.complete(prompt, params)

    assert there.text == here.text
    assert there.logprobs == pytest.approx(here.logprobs, abs=0.25)  # 4 bits here, bfloat16 there


def test_choices_are_as_likely_as_the_model_itself_finds_them(telling_served, embedded):
    prompt = Prompt(
        "Rate the answer.\nAnswer: good\nScore: 0.8\nAnswer: bad\nScore: 0.1\nAnswer: fine\nScore:"
    )
    choices = [f" 0.{tenth}" for tenth in range(1, 10)]

    [there] = telling_served.choice_logprobs([prompt], choices)
    [here] = embedded.choice_logprobs([prompt], choices)

    assert there == pytest.approx(here, abs=0.6)


def test_a_chat_goes_through_its_own_endpoint(llama_url):
    there = OpenAISettings(base_url=llama_url, endpoint="chat", logprobs=False)
    model = open_model(ModelSettings(backend="openai", context_window=200, openai=there))
    stub = '```python\ndef add(a, b):\n    """Return a + b."""'
    prompt = Prompt("…", (Message("user", f"Complete this function.\n{stub}\n```"),), stub)

    [reply] = model.complete(prompt, SamplingParams(temperature=0.0, max_tokens=40))
    model.close()

    assert "return a + b" in reply.text
    assert reply.finish_reason in (FinishReason.STOP, FinishReason.LENGTH)


def test_an_estimate_is_rather_too_high_than_too_low(served):
    lines = [
        line
        for path in sorted((ROOT / "engine").glob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    random.Random(0).shuffle(lines)
    texts = ["\n".join(lines[at : at + 20]) for at in range(0, 200, 20)]

    for text in texts:
        assert served.count_tokens(text) <= estimate(text) <= 2 * served.count_tokens(text)

"""What is sent to each kind of server, and what is given up where it is refused."""

import asyncio

import pytest

from engine.llm.base import Message, Prompt, SamplingParams
from engine.llm.openai import sampling
from engine.llm.openai.client import retry_after_s
from engine.llm.openai.dialects import (
    LLAMA_CPP,
    LLAMA_CPP_PYTHON,
    PLAIN,
    VLLM,
    Tokenizer,
    dialect_of,
)
from engine.llm.openai.requests import Refused, chat_body, completion_body, count_request, turns
from engine.llm.openai.sampling import Gate, Manners, pause_s
from engine.llm.openai.settings import Endpoint

ASKED = (Message("system", "Be brief."), Message("user", "Write f."))
PROMPT = Prompt("<user>Write f.<assistant>```python\ndef f():", ASKED, "```python\ndef f():")
FILE = Prompt("def f():", (Message("user", "def f():"),))
MANY = SamplingParams(n=4, stop=tuple("abcdef"), seed=3, max_tokens=9)


def test_a_server_is_told_by_who_owns_its_models():
    assert [dialect_of(owner) for owner in ("vllm", "llamacpp", "me", "openai", "")] == [
        VLLM, LLAMA_CPP, LLAMA_CPP_PYTHON, PLAIN, PLAIN,
    ]  # fmt: skip


def test_a_text_goes_on_character_for_character():
    body = completion_body("m", PROMPT, MANY, VLLM, logprobs=True)

    assert body["prompt"] == PROMPT.text
    assert (body["n"], body["seed"], body["max_tokens"], body["logprobs"]) == (4, 3, 9, 1)
    assert body["stop"] == list("abcdef")
    assert body["repetition_penalty"] == 1.0


def test_a_plain_server_gets_nothing_that_only_others_know():
    body = chat_body("m", PROMPT, MANY, PLAIN, logprobs=False)

    assert body["stop"] == list("abcd")
    assert set(body) == {
        "model", "messages", "max_tokens", "temperature", "top_p", "n", "seed", "stop", "stream",
        "stream_options",
    }  # fmt: skip


def test_a_chat_that_can_goes_on_from_the_begun_reply():
    body = chat_body("m", PROMPT, MANY, VLLM, logprobs=True)

    assert body["messages"][-1] == {"role": "assistant", "content": PROMPT.prefill}
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


def test_a_chat_that_cannot_is_asked_for_the_begin():
    *before, last = turns(PROMPT, PLAIN)

    assert before == [{"role": "system", "content": "Be brief."}]
    assert last["role"] == "user"
    assert last["content"].startswith("Write f.\n")
    assert last["content"].endswith(PROMPT.prefill)


def test_a_file_that_goes_on_is_asked_for_in_words_where_there_is_only_chat():
    [turn] = turns(FILE, PLAIN)

    assert turn["content"].startswith("Go on with this Python file")
    assert "```python\ndef f():\n```" in turn["content"]


@pytest.mark.parametrize(
    ("dialect", "prompt", "chat"),
    [
        (VLLM, PROMPT, True),
        (VLLM, FILE, False),
        (LLAMA_CPP, PROMPT, False),  # it shows its template
        (LLAMA_CPP_PYTHON, PROMPT, False),
        (PLAIN, PROMPT, False),  # until it says no
    ],
)
def test_by_itself_a_prompt_goes_where_its_server_does_best(dialect, prompt, chat):
    assert Manners(Endpoint.AUTO, True).by_chat(prompt, dialect) is chat
    assert Manners(Endpoint.CHAT, True).by_chat(prompt, dialect)
    assert not Manners(Endpoint.COMPLETIONS, True).by_chat(prompt, dialect)


BODY = {"max_tokens": 1, "n": 4, "logprobs": 1, "stop": ["x"], "seed": 1, "temperature": 1.0}


@pytest.mark.parametrize(
    ("message", "given_up"),
    [
        ("logprobs is not supported", "logprobs"),
        ("Unrecognized request argument supplied: 'seed'", "seed"),
        ("'n' is not supported", "n"),
        ("n must be 1", "n"),
        ("Only one completion choice is allowed, n = 1", "n"),
        ("Use 'max_completion_tokens' instead of 'max_tokens'", "max_tokens"),
        ("max_tokens is too large", None),
        ("the request was stopped; nothing can be done", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_what_a_message_names_is_given_up_and_nothing_else(message, given_up):
    refused = Refused().conceded(BODY, message)

    assert (refused and set(refused.keys)) == ({given_up} if given_up else None)
    if refused:
        assert refused.conceded(BODY, message) is None  # not a second time
        assert given_up not in refused.apply(BODY)


def test_every_tokenizer_is_asked_in_its_own_way():
    for tokenizer in Tokenizer:
        if tokenizer is not Tokenizer.NONE:
            path, body = count_request(tokenizer, "m", "abc")
            assert path.startswith("/")
            assert "abc" in body.values()


DAY = "Wed, 21 Oct 2026"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": f"{DAY} 07:28:30 GMT", "date": f"{DAY} 07:28:00 GMT"}, 30.0),
        ({"retry-after": f"{DAY} 07:27:00 GMT", "date": f"{DAY} 07:28:00 GMT"}, 0.0),
        ({"retry-after": f"{DAY} 07:28:30 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_how_long_a_server_asks_to_be_left_alone(headers, seconds):
    assert retry_after_s(headers) == seconds


def test_pauses_double_up_to_a_bound_and_are_the_servers_where_it_says():
    waits = [pause_s(attempt, None, 1.0) for attempt in range(30)]

    assert waits[:3] == [0.5, 1.0, 2.0]
    assert max(waits) == sampling.LONGEST_PAUSE_S
    assert pause_s(0, None, 0.0) == 0.25
    assert 7.0 <= pause_s(9, 7.0, 0.5) <= 7.5


def test_requests_begin_no_faster_than_is_allowed(monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    async def three():
        gate = Gate(8, per_minute=30)
        for _ in range(3):
            async with gate.passed():
                pass

    monkeypatch.setattr(sampling.time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(sampling.asyncio, "sleep", sleep)
    asyncio.run(three())

    assert slept == [2.0, 4.0]

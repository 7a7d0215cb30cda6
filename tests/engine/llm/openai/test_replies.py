"""What servers answer, read into values; and whatever else they answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.llm.openai.replies import (
    BadReply,
    Delta,
    ServedModel,
    Usage,
    read_chunk,
    read_models,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "index", "text", "delta", "content", "logprobs", "tokens", "token", "data",
                 "token_logprobs", "top_logprobs", "logprob", "usage", "prompt_tokens", "id", "meta"]
            ),
            inner,
            max_size=5,
        )
    ),
)  # fmt: skip


@given(JSON)
def test_whatever_is_answered_is_read_or_refused(payload):
    try:
        deltas, usage = read_chunk(payload)
    except BadReply:
        return
    assert all(isinstance(delta, Delta) for delta in deltas)
    assert usage is None or usage.prompt_tokens >= 0
    for delta in deltas:
        assert len(delta.tokens) == len(delta.logprobs) == len(delta.tops)
        assert all(logprob <= 0 for logprob in delta.logprobs)


@given(JSON)
def test_whatever_a_list_of_models_holds_it_is_read_or_refused(payload):
    try:
        models = list(read_models(payload))
    except BadReply:
        return
    assert all(isinstance(model, ServedModel) for model in models)


def test_both_endpoints_tell_tokens_each_in_its_way():
    logprobs = {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": [{"a": -1, "b": -2}]}
    text = {"index": 2, "text": "a", "logprobs": logprobs, "finish_reason": "length"}
    entry = {
        "token": "a",
        "logprob": -1,
        "top_logprobs": [{"token": "a", "logprob": -1}, {"token": "b", "logprob": -2}],
    }
    chat = {"index": 2, "delta": {"content": "a"}, "logprobs": {"content": [entry]}}

    said = Delta(2, "a", ("a",), (-1.0,), ({"a": -1.0, "b": -2.0},), "length")
    assert read_chunk({"choices": [text]}) == ([said], None)
    assert read_chunk({"choices": [chat | {"finish_reason": "length"}]}) == ([said], None)


def test_usage_comes_with_or_without_choices():
    used = {"prompt_tokens": 7, "completion_tokens": 3}

    assert read_chunk({"choices": [], "usage": used}) == ([], Usage(7, 3))
    assert read_chunk({"choices": [], "usage": None}) == ([], None)


@pytest.mark.parametrize(
    ("entry", "window"),
    [
        ({"max_model_len": 4096}, 4096),
        ({"meta": {"n_ctx": 2048}}, 2048),
        ({"meta": None}, 0),
        ({}, 0),
    ],
)
def test_a_models_window_is_where_its_server_tells_it(entry, window):
    assert [m.context_window for m in read_models({"data": [{"id": "m"} | entry]})] == [window]

import threading

import pytest

from engine.errors import ModelUnavailable
from engine.llm.base import FinishReason, Prompt, SamplingParams
from engine.llm.scripted import Reply, ScriptedModel

CODE = Prompt("Write code.")
TEST = Prompt("Write a test.")


def texts(model, prompt, **how):
    return [c.text for c in model.complete(prompt, SamplingParams(**how))]


def test_replies_are_dealt_in_order_and_round_again():
    model = ScriptedModel({"code": ["a", "b", "c"], "test": ["x"]})
    assert texts(model, CODE, n=2) == ["a", "b"]
    assert texts(model, TEST) == ["x"]
    assert texts(model, CODE, n=2) == ["c", "a"]


def test_a_seed_is_the_line_to_begin_at():
    model = ScriptedModel({"": ["a", "b", "c"]})
    assert texts(model, CODE, n=2, seed=2) == ["c", "a"]
    assert texts(model, CODE) == ["a"]


def test_a_script_may_be_a_function_of_the_prompt():
    model = ScriptedModel(lambda prompt: [prompt.text.upper()])
    assert texts(model, TEST) == ["WRITE A TEST."]


def test_a_reply_tells_how_likely_it_was():
    model = ScriptedModel({"": [Reply("a b c", logprob=-0.25)]})
    (completion,) = model.complete(CODE, SamplingParams())
    assert completion.mean_logprob == -0.25
    assert completion.tokens == ("a", " b", " c")
    assert completion.finish_reason is FinishReason.STOP


def test_a_model_that_is_down_raises_where_the_line_would_be():
    model = ScriptedModel({"": ["a", ModelUnavailable("down", remedy="start it")]})
    asked = model.complete(CODE, SamplingParams(n=2))
    assert next(asked).text == "a"
    with pytest.raises(ModelUnavailable, match="down"):
        next(asked)


def test_every_ask_is_recorded():
    model = ScriptedModel({"": ["a"]}, choices={"": {"1": 1.0}})
    params = SamplingParams(n=2)
    list(model.complete(CODE, params))
    model.choice_logprobs([TEST], ["1"])
    assert [(call.prompt, call.params) for call in model.calls] == [(CODE, params), (TEST, None)]


def test_a_prompt_that_is_not_foreseen_is_a_mistake_of_the_script():
    model = ScriptedModel({"code": ["a"], "test": []}, choices={})
    with pytest.raises(LookupError, match="nothing for the prompt"):
        model.complete(Prompt("Other."), SamplingParams())
    with pytest.raises(LookupError, match="empty list"):
        model.complete(TEST, SamplingParams())
    with pytest.raises(LookupError, match="nothing for the prompt"):
        model.choice_logprobs([CODE], ["1"])


def test_without_choices_and_chat_the_model_says_that_it_has_none():
    model = ScriptedModel({"": ["a"]})
    assert model.choice_logprobs([CODE], ["1"]) is None
    assert model.apply_chat_template([]) is None


def test_a_cancel_is_noticed_before_each_reply():
    model, cancel = ScriptedModel({"": ["a"]}), threading.Event()
    asked = model.complete(CODE, SamplingParams(n=3), cancel=cancel)
    first = next(asked)
    cancel.set()
    rest = [c.finish_reason for c in asked]
    assert (first.text, rest) == ("a", [FinishReason.CANCELLED] * 2)

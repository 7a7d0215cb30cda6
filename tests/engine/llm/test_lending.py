"""One model for many: opened once, and closed when nobody has it any more."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import ModelUnavailable
from engine.llm.base import Message, Prompt, SamplingParams
from engine.llm.lending import Lender
from engine.llm.scripted import ScriptedModel


class Counted(ScriptedModel):
    closed = 0

    def close(self):
        self.closed += 1


@pytest.fixture
def opened():
    return []


@pytest.fixture
def lender(opened):
    def open_model():
        opened.append(Counted({"": ["a", "b"]}, choices={"": {"1": 0.5}}, chat=True, name="one"))
        return opened[-1]

    return Lender(open_model)


def test_all_have_the_same_model(lender, opened):
    together = threading.Barrier(4)

    def borrow():
        together.wait()
        return lender.lend()

    with ThreadPoolExecutor(4) as pool:
        models = [done.result() for done in [pool.submit(borrow) for _ in range(4)]]
    assert len(opened) == 1
    prompt, params = Prompt("x"), SamplingParams(n=2)
    assert {tuple(c.text for c in m.complete(prompt, params)) for m in models} == {("a", "b")}
    assert models[0].name == "one"
    assert models[0].context_window == opened[0].context_window
    assert models[0].count_tokens("a b") == 2
    assert models[0].choice_logprobs([prompt], ["1"]) == opened[0].choice_logprobs([prompt], ["1"])
    turn = [Message("user", "x")]
    assert models[0].apply_chat_template(turn) == opened[0].apply_chat_template(turn)


def test_only_the_last_one_closes_it_and_the_next_opens_another(lender, opened):
    first, second = lender.lend(), lender.lend()
    first.close()
    first.close()
    assert opened[0].closed == 0
    second.close()
    assert opened[0].closed == 1
    lender.lend()
    assert len(opened) == 2


def test_a_model_that_does_not_open_is_tried_again():
    tries = iter([ModelUnavailable("away", remedy="wait"), None])

    def open_model():
        if error := next(tries):
            raise error
        return Counted({"": ["a"]})

    lender = Lender(open_model)
    with pytest.raises(ModelUnavailable, match="away"):
        lender.lend()
    assert lender.lend().name == "scripted"

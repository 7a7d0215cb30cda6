"""What every `LanguageModel` promises, for each backend alike."""

import threading

import pytest

from engine.llm import LanguageModel
from engine.llm.base import Completion, FinishReason, Message, Prompt, SamplingParams

PROMPT = Prompt('```python\ndef factorial(n):\n    """Return the factorial of n."""')

WILD = {"temperature": 2.0, "top_p": 1.0}  # no two alike by chance


def ask(model: LanguageModel, cancel: threading.Event | None = None, **how) -> list[Completion]:
    how = {"max_tokens": 8, "seed": 5} | how
    return list(model.complete(PROMPT, SamplingParams(**how), cancel=cancel))


def test_as_many_completions_come_as_were_asked_for(model):
    assert len(ask(model, n=5)) == 5


def test_no_completion_is_longer_than_allowed(telling):
    completions = ask(telling, n=4, max_tokens=3)
    assert all(len(c.tokens) <= 3 for c in completions)
    assert FinishReason.LENGTH in {c.finish_reason for c in completions}


def test_tokens_make_up_the_text_and_each_has_a_log_probability(telling):
    for completion in ask(telling, n=4):
        assert "".join(completion.tokens).startswith(completion.text)
        assert len(completion.logprobs) == len(completion.tokens)
        assert all(logprob <= 1e-6 for logprob in completion.logprobs)
        assert completion.mean_logprob is not None


@pytest.mark.parametrize("stop", ["return", "\n    ", "n", " ", "al("])
def test_a_stop_text_ends_a_completion_and_is_no_part_of_it(model, stop):
    for completion in ask(model, n=4, stop=(stop,)):
        assert stop not in completion.text
        joined = "".join(completion.tokens)
        if stop in joined:
            assert completion.finish_reason is FinishReason.STOP
            assert joined.index(stop) == len(completion.text)


def test_equal_seeds_give_equal_completions(model):
    assert ask(model, n=3, seed=7) == ask(model, n=3, seed=7)


def test_different_seeds_give_different_completions(model):
    assert ask(model, n=3, seed=7, **WILD) != ask(model, n=3, seed=8, **WILD)


def test_without_a_seed_asks_go_on_differently(model):
    assert ask(model, n=2, seed=None, **WILD) != ask(model, n=2, seed=None, **WILD)


def test_a_cancel_before_the_start_leaves_empty_completions(model):
    cancel = threading.Event()
    cancel.set()
    completions = ask(model, cancel, n=3)
    assert [(c.finish_reason, c.text) for c in completions] == [(FinishReason.CANCELLED, "")] * 3


def test_a_cancel_in_the_middle_ends_the_rest(model):
    cancel = threading.Event()
    reasons = []
    prompt, params = PROMPT, SamplingParams(n=6, max_tokens=4000, stop=("\n```", "math."), seed=3)
    for completion in model.complete(prompt, params, cancel=cancel):
        cancel.set()
        reasons.append(completion.finish_reason)
    assert len(reasons) == 6
    assert reasons[0] is not FinishReason.CANCELLED
    assert reasons[-1] is FinishReason.CANCELLED


def test_a_prompt_that_leaves_no_room_is_refused_at_once(model):
    with pytest.raises(ValueError, match=str(model.context_window)):
        model.complete(Prompt("word " * (model.context_window + 1)), SamplingParams())


def test_an_empty_prompt_is_refused(model):
    with pytest.raises(ValueError, match="0 tokens"):
        model.complete(Prompt(""), SamplingParams())


def test_an_abandoned_ask_leaves_the_model_ready(model):
    params = SamplingParams(n=3, max_tokens=8, seed=5)
    next(iter(model.complete(PROMPT, params)))
    assert len(list(model.complete(PROMPT, params))) == 3


def test_choices_have_log_probabilities_in_the_order_asked(telling):
    choices = ["0.0", "0.5", "1.0"]
    prompts = [Prompt("Score, 0.0 to 1.0: "), Prompt("A number: ")]
    there = telling.choice_logprobs(prompts, choices)
    back = telling.choice_logprobs(prompts[:1], choices[::-1])
    assert there is not None
    assert back is not None
    assert [len(row) for row in there] == [3, 3]
    assert all(logprob <= 0 for row in there for logprob in row)
    assert back[0][::-1] == pytest.approx(there[0], abs=0.2)  # bfloat16, batched otherwise


def test_nothing_asked_is_nothing_answered(telling):
    assert telling.choice_logprobs([], ["a"]) == []
    assert telling.choice_logprobs([PROMPT], []) == [[]]


def test_tokens_are_counted(model):
    assert model.count_tokens("") == 0
    assert 1 <= model.count_tokens("def f(x):") <= 9


def test_a_conversation_is_left_open_for_the_assistant(chatty):
    text = chatty.apply_chat_template([Message("system", "Be brief."), Message("user", "Hello?")])
    assert text is not None
    assert text.index("Be brief.") < text.index("Hello?") < text.rindex("assistant")
    assert text.endswith("\n")


def test_a_model_has_a_name(model):
    assert model.name


def test_closing_twice_is_fine(scripted):
    scripted.close()
    scripted.close()

"""From an ask with knobs to its prompt and its sampling."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.stubs import spec_from_prototype
from engine.asks import Interviewer
from engine.candidates import Kind, Origin, Pool
from engine.errors import BadInput
from engine.knobs import Knobs, Part
from engine.llm.scripted import ScriptedModel
from engine.policy import Ask

SPEC = replace(spec_from_prototype("def double(n)", "Return twice n."), callers=("y = double(x)",))
ASK = Ask(Kind.CODE, Origin.SAMPLED, 4, 0.8, 0)
LONG = replace(ASK, knobs=Knobs(max_tokens=1.5))


def interviewer(context_window: int = 8192) -> Interviewer:
    model = ScriptedModel({"": ["x"]}, context_window=context_window)
    return Interviewer(SPEC, model, max_tokens=100)


@pytest.mark.parametrize("kind", list(Kind))
def test_what_an_ask_leaves_out_is_not_in_its_prompt(kind: Kind) -> None:
    ask = replace(ASK, kind=kind)
    short = replace(ask, knobs=Knobs(without=frozenset({Part.CALLERS, Part.EXAMPLES})))

    whole, cut = (interviewer().question(one, Pool()) for one in (ask, short))

    assert "y = double(x)" in whole.prompt.text
    assert "sum_of_squares" in whole.prompt.text
    assert "y = double(x)" not in cut.prompt.text
    assert "sum_of_squares" not in cut.prompt.text
    assert whole.parts == cut.parts == {Part.CALLERS, Part.EXAMPLES}


def test_a_file_that_goes_on_has_no_examples_to_leave_out() -> None:
    question = interviewer().question(replace(ASK, turn=1), Pool())

    assert (question.style, question.parts) == ("completion", {Part.CALLERS})


def test_replies_are_as_long_as_the_ask_says() -> None:
    asked = [interviewer().question(ask, Pool()).params.max_tokens for ask in (ASK, LONG)]

    assert asked == [100, 150]


def test_where_longer_replies_leave_no_room_for_the_stub_then_it_is_asked_as_configured() -> None:
    room = next(n for n in range(100, 500) if fits(n))

    assert interviewer(room).question(LONG, Pool()).params.max_tokens == 100
    with pytest.raises(BadInput, match="the stub alone is longer"):
        interviewer(room - 1).question(LONG, Pool())


def fits(context_window: int) -> bool:
    try:
        interviewer(context_window).question(ASK, Pool())
    except BadInput:
        return False
    return True

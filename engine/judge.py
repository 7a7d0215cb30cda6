"""The model as judge: a score from 0 to 1 for a code, or for a code and its test.

Comments are taken out of what is judged: a candidate's words are data, and a judge believes them
too easily.
"""

from __future__ import annotations

import ast
import math
import re
import threading
from collections.abc import Iterator, Mapping, Sequence

from engine.errors import BadInput
from engine.llm.base import LanguageModel, Prompt, SamplingParams
from engine.llm.routing import Role, route
from engine.prompts import PromptFormat, Template, render
from engine.verdicts import Judgement

ANSWERS = tuple(f" {tenth / 10:.1f}" for tenth in range(11))
"""The answers that the judge chooses among: 0.0, 0.1 … 1.0, as they follow `Score:`."""

AT_ONCE = 16
"""Codes that are judged in one forward pass."""

_SCORE = re.compile(
    r"""[\s`*"'(\[]*
    (?: (?:the\s+)? (?:final\s+|overall\s+)? (?:score|rating) \s* (?:is\b)? \s* [:=]? [\s`*"'(\[]* )?
    ( 0 | 1 | 0?\.[0-9]{1,6} | 0\.[0-9]{1,6} | 1\.0{1,6} )
    [\s`*"')\].]*""",
    re.VERBOSE | re.IGNORECASE,
)


def parse_score(reply: str) -> float | None:
    """The one number from 0 to 1 that `reply` consists of, or None.

    A label (`Score:`), quotes and a full stop may stand around it. A fraction (`1/10`), a percentage,
    a second number or any other word makes the reply unreadable: `Step 1` is not a score of 1.
    """
    match = _SCORE.fullmatch(reply[:200].strip())
    return float(match[1]) if match and len(reply) <= 200 else None


def judge(
    model: LanguageModel,
    *,
    code_id: str,
    code: str,
    test_id: str | None = None,
    test: str | None = None,
    prompt_format: PromptFormat = PromptFormat.AUTO,
    cancel: threading.Event | None = None,
) -> Judgement:
    """Judge `code`, or `code` together with `test`.

    Where the model tells probabilities, the score is the expected value over 0.0 … 1.0 in one
    forward pass (Liu et al. 2023, "G-Eval"). Where not, the reply at temperature 0 must be one strict
    number; an unreadable one is asked again once, then there is no score.
    """
    model = route(model, Role.JUDGE)
    prompt = judge_prompt(model, code=code, test=test, prompt_format=prompt_format)
    told = model.choice_logprobs([prompt], ANSWERS)
    if told is not None:
        score, reply = expected_score(told[0])
        return Judgement(code_id, test_id, score, reply, "probabilities")
    reply = ""
    for temperature in (0.0, 0.7):
        params = SamplingParams(n=1, temperature=temperature, max_tokens=8, stop=("\n",), seed=0)
        reply = next(iter(model.complete(prompt, params, cancel=cancel))).text
        score_read = parse_score(reply)
        if score_read is not None:
            return Judgement(code_id, test_id, score_read, reply, "text")
    return Judgement(code_id, test_id, None, reply, "text")


def judge_codes(
    model: LanguageModel,
    codes: Mapping[str, str],
    *,
    prompt_format: PromptFormat = PromptFormat.AUTO,
    at_once: int = AT_ONCE,
) -> Iterator[Judgement]:
    """Judge many codes, by their ids, `at_once` in each forward pass; yields them in order.

    One that does not fit into the context window has no score.
    """
    model = route(model, Role.JUDGE)
    pending = list(codes.items())
    for start in range(0, len(pending), at_once):
        prompts: dict[str, Prompt | None] = {}
        for code_id, code in pending[start : start + at_once]:
            try:
                prompts[code_id] = judge_prompt(model, code=code, prompt_format=prompt_format)
            except BadInput:
                prompts[code_id] = None
        fitting = [prompt for prompt in prompts.values() if prompt is not None]
        told = model.choice_logprobs(fitting, ANSWERS) if fitting else []
        scores = None if told is None else iter(told)
        for code_id, prompt in prompts.items():
            if prompt is None:
                yield Judgement(code_id, None, None, "", "too long")
            elif scores is not None:
                score, reply = expected_score(next(scores))
                yield Judgement(code_id, None, score, reply, "probabilities")
            else:
                yield judge(
                    model, code_id=code_id, code=codes[code_id], prompt_format=prompt_format
                )


def judge_prompt(
    model: LanguageModel,
    *,
    code: str,
    test: str | None = None,
    prompt_format: PromptFormat = PromptFormat.AUTO,
) -> Prompt:
    if test is None:
        return render(
            Template.JUDGE_CODE, model, prompt_format=prompt_format, room=16, code=_plain(code)
        )
    return render(
        Template.JUDGE_PAIR,
        model,
        prompt_format=prompt_format,
        room=16,
        code=_plain(code),
        test=_plain(test),
    )


def expected_score(logprobs: Sequence[float]) -> tuple[float, str]:
    """The expected score over `ANSWERS` and how it was distributed, as text for the record."""
    top = max(logprobs)
    masses = [math.exp(value - top) for value in logprobs]
    total = sum(masses)
    shares = [mass / total for mass in masses]
    score = sum(share * tenth / 10 for tenth, share in enumerate(shares))
    told = " ".join(f"{tenth / 10:.1f}:{share:.2f}" for tenth, share in enumerate(shares))
    return score, told


def _plain(source: str) -> str:
    """The source without its comments; as it is where it does not parse."""
    try:
        return ast.unparse(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError):
        return source

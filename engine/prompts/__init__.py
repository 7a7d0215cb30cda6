"""Prompts: one template file per ask, rendered with strict variables.

A template is a Jinja file split by lines `== role ==` into turns. It is split before it is
rendered, so nothing that a repository or a model wrote can open a turn of its own. The last turn is
the assistant's and is left open: the model goes on where it ends. A template with the single turn
`== text ==` is a plain text that goes on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from importlib.resources import files

import jinja2
import jinja2.meta

from engine.errors import BadInput
from engine.llm.base import LanguageModel, Message, Prompt
from engine.llm.routing import role_of, route


class Template(StrEnum):
    """The template files, by name."""

    CODE = "code"
    CODE_COMPLETION = "code_completion"
    TEST = "test"
    TEST_COMPLETION = "test_completion"
    IMPROVE_CODE = "improve_code"
    IMPROVE_TEST = "improve_test"
    JUDGE_CODE = "judge_code"
    JUDGE_PAIR = "judge_pair"


class PromptFormat(StrEnum):
    """How turns become text."""

    AUTO = "auto"
    """The model's own chat template where it has one, else the transcript."""
    CHAT = "chat"
    TRANSCRIPT = "transcript"
    """`[|User|]: …` and `[|Coder|]: …`, for models that only continue text."""


_TURN = re.compile(r"^== (\w+) ==\n", re.MULTILINE)
_SPEAKERS = {"user": "[|User|]: ", "assistant": "[|Coder|]: ", "system": ""}


@cache
def _turns(template: Template) -> tuple[tuple[str, jinja2.Template], ...]:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=False
    )
    parts = _TURN.split(_source(template))[1:]
    return tuple(
        (role, environment.from_string(text.removesuffix("\n")))
        for role, text in zip(parts[::2], parts[1::2], strict=True)
    )


def _source(template: Template) -> str:
    return files(__name__).joinpath(f"{template.value}.j2").read_text(encoding="utf-8")


def _check_variables(template: Template, given: set[str]) -> None:
    named = jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(_source(template)))
    if given != named:
        raise TypeError(f"{template.value}.j2 takes {sorted(named)}, got {sorted(given)}")


@cache
def fingerprint() -> str:
    """Hash of all template files: a retry with other prompts is a new chance."""
    texts = [_source(template) for template in Template]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def render(
    template: Template,
    model: LanguageModel,
    *,
    prompt_format: PromptFormat = PromptFormat.AUTO,
    room: int = 256,
    optional: Sequence[str] = (),
    examples: bool = True,
    **variables: str,
) -> Prompt:
    """The prompt for `model`, with at least `room` tokens left to write in its context window.

    Every variable that the template names must be given, an unused one too is an error. Without
    `examples` a dialogue has no worked ones; a text that goes on keeps them. When the
    prompt is too long, it is cut by rule: first the variables named in `optional` are emptied, in
    that order, then the worked examples go, the first before the second. The stub is never cut:
    when it does not fit even so, BadInput says it.
    """
    _check_variables(template, set(variables))
    model = route(model, role_of(template.value))
    # What a tokenizer or a transcript reads as a turn's mark is taken apart in text from outside.
    variables = {k: v.replace("<|", "< |").replace("[|", "[ |") for k, v in variables.items()}
    limit = model.context_window - room
    for attempt in _shortenings(template, optional, variables, examples=examples):
        prompt = _format(attempt, model, prompt_format)
        if model.count_tokens(prompt.text) <= limit:
            return prompt
    raise BadInput(
        f"the stub alone is longer than the model's context of {model.context_window} tokens;"
        " shorten its docstring or use a model with a longer context"
    )


def _shortenings(
    template: Template, optional: Sequence[str], variables: dict[str, str], *, examples: bool
) -> list[list[Message]]:
    """The rendered turns, whole first, then ever shorter."""
    versions = [variables]
    for name in optional:
        versions.append({**versions[-1], name: ""})
    turns = _turns(template)
    rendered = [[Message(role, text.render(v)) for role, text in turns] for v in versions]
    # Turns are: system, then a pair per worked example, then the ask and the open answer.
    if not examples and len(turns) > 1:
        return [messages[:1] + messages[-2:] for messages in rendered]
    shortest = rendered[-1]
    without = []
    for dropped in range(2, len(shortest) - 2, 2):
        without.append(shortest[:1] + shortest[1 + dropped :])
    return rendered + without


def _format(
    messages: Sequence[Message], model: LanguageModel, prompt_format: PromptFormat
) -> Prompt:
    *turns, last = messages
    if last.role == "text":
        return Prompt(last.content, (Message("user", last.content),), "")
    text = None
    if prompt_format is not PromptFormat.TRANSCRIPT:
        text = model.apply_chat_template(turns)
    if text is None:
        text = transcript(turns)
    return Prompt(text + last.content, tuple(turns), last.content)


def transcript(messages: Sequence[Message]) -> str:
    """The conversation as plain text, open for the coder's next words."""
    lines = [f"{_SPEAKERS[m.role]}{m.content}\n\n" for m in messages]
    return "".join(lines) + _SPEAKERS["assistant"]

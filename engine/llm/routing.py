"""Several models as one: each kind of ask goes to a model of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Protocol, runtime_checkable

from engine.llm.base import (
    Completion,
    LanguageModel,
    Message,
    Prompt,
    SamplingParams,
    asks_at_once,
)

SEPARATOR = "; "
"""Between the models in the name of several."""


class Role(StrEnum):
    """The kinds of asks."""

    CODE = "code"
    TEST = "test"
    IMPROVE = "improve"
    """An improvement, or a repair, of an earlier code or test."""
    JUDGE = "judge"


@dataclass(frozen=True, slots=True)
class Routes:
    """The name of the model for each kind of ask; empty is the main one."""

    code: str = ""
    """Novel codes."""
    test: str = ""
    """Novel tests."""
    improve: str = ""
    """Improvements of either."""
    judge: str = ""
    """Judgements."""

    def of(self, role: Role) -> str:
        return str(getattr(self, role.value))

    @property
    def names(self) -> tuple[str, ...]:
        """The names in use, each once, that of codes first."""
        return tuple(dict.fromkeys(getattr(self, field.name) for field in fields(self)))


class Router:
    """`LanguageModel` that is the model for codes, and knows the others (`route`)."""

    def __init__(self, models: Mapping[Role, LanguageModel]) -> None:
        self._models = dict(models)
        self._main = self._models[Role.CODE]

    def of(self, role: Role) -> LanguageModel:
        """The model for this kind of ask."""
        return self._models[role]

    @property
    def name(self) -> str:
        """Each model with the kinds of asks that it has, like `A for code, test; B for judge`."""
        roles: dict[str, list[str]] = {}
        for role, model in self._models.items():
            roles.setdefault(model.name, []).append(role.value)
        return SEPARATOR.join(f"{name} for {', '.join(kinds)}" for name, kinds in roles.items())

    @property
    def context_window(self) -> int:
        """Of the model for codes, as is everything that follows."""
        return self._main.context_window

    @property
    def concurrency(self) -> int:
        """Of the model that takes the fewest asks at once: it is not known whose turn is next."""
        return min(asks_at_once(model) for model in self._models.values())

    def count_tokens(self, text: str) -> int:
        return self._main.count_tokens(text)

    def apply_chat_template(self, messages: Sequence[Message]) -> str | None:
        return self._main.apply_chat_template(messages)

    def complete(
        self, prompt: Prompt, params: SamplingParams, *, cancel: threading.Event | None = None
    ) -> Iterator[Completion]:
        return self._main.complete(prompt, params, cancel=cancel)

    def choice_logprobs(
        self, prompts: Sequence[Prompt], choices: Sequence[str]
    ) -> list[list[float]] | None:
        return self._main.choice_logprobs(prompts, choices)

    def close(self) -> None:
        """Close all of them, each once."""
        with ExitStack() as closing:
            for model in {id(model): model for model in self._models.values()}.values():
                closing.callback(model.close)


def role_of(template: str) -> Role:
    """The kind of ask that a prompt's template is for, by the first word of its name."""
    word = template.partition("_")[0]
    return Role(word) if word in set(Role) else Role.CODE


@runtime_checkable
class Routed(Protocol):
    """A model that is several, as a `Router` is, or whatever stands before one."""

    def of(self, role: Role) -> LanguageModel:
        """The model for this kind of ask."""


def route(model: LanguageModel, role: Role) -> LanguageModel:
    """The model for this kind of ask: `model` itself, unless it is several."""
    return model.of(role) if isinstance(model, Routed) else model

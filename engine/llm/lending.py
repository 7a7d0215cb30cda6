"""One model for many users: opened by the first, closed when the last one lets go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from engine.llm.base import (
    Completion,
    LanguageModel,
    Message,
    Prompt,
    SamplingParams,
    asks_at_once,
)
from engine.llm.routing import Role, route


class Lender:
    """Lends the model that `open_model` opens. `lend` may be called from any thread."""

    def __init__(self, open_model: Callable[[], LanguageModel]) -> None:
        self._open_model = open_model
        self._model: LanguageModel | None = None
        self._borrowers = 0
        self._lock = threading.Lock()

    def lend(self) -> LanguageModel:
        """The model; who has it closes it. Raises what opening raises, and opens anew the next time.

        Whoever comes while it is being opened waits for that.
        """
        with self._lock:
            if self._model is None:
                self._model = self._open_model()
            self._borrowers += 1
            return _Lent(self._model, self._take_back)

    def _take_back(self) -> None:
        with self._lock:
            self._borrowers -= 1
            if self._borrowers == 0 and self._model is not None:
                self._model.close()
                self._model = None


class _Lent:
    """The model itself, but for closing."""

    def __init__(self, model: LanguageModel, take_back: Callable[[], None]) -> None:
        self._model = model
        self._take_back: Callable[[], None] | None = take_back

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def context_window(self) -> int:
        return self._model.context_window

    @property
    def concurrency(self) -> int:
        return asks_at_once(self._model)

    def of(self, role: Role) -> LanguageModel:
        return route(self._model, role)

    def count_tokens(self, text: str) -> int:
        return self._model.count_tokens(text)

    def apply_chat_template(self, messages: Sequence[Message]) -> str | None:
        return self._model.apply_chat_template(messages)

    def complete(
        self, prompt: Prompt, params: SamplingParams, *, cancel: threading.Event | None = None
    ) -> Iterator[Completion]:
        return self._model.complete(prompt, params, cancel=cancel)

    def choice_logprobs(
        self, prompts: Sequence[Prompt], choices: Sequence[str]
    ) -> list[list[float]] | None:
        return self._model.choice_logprobs(prompts, choices)

    def close(self) -> None:
        take_back, self._take_back = self._take_back, None
        if take_back is not None:
            take_back()

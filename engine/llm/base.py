"""The one shape that every language model has for the engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable


class FinishReason(StrEnum):
    """Why a completion ended."""

    STOP = "stop"
    """The model ended its turn, or wrote one of `SamplingParams.stop` (which is not in the text)."""
    LENGTH = "length"
    """`SamplingParams.max_tokens` or the context window was reached."""
    CANCELLED = "cancelled"
    """The caller's `cancel` event was set; the text is what had been written by then."""


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How to sample.

    n            completions wanted for the one prompt; they share its prefill and decode together
    temperature  0 is greedy decoding
    top_p        nucleus sampling: the smallest set of tokens with this much probability; 1.0 is off
    max_tokens   most tokens written per completion
    stop         texts that end a completion; none of them is part of it
    seed         makes sampling repeatable on one backend, one machine, one batch shape: beside other
                 asks sums are rounded otherwise, and now and then a token is another one
    """

    n: int = 1
    temperature: float = 0.8
    top_p: float = 0.95
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.n < 1 or self.max_tokens < 1:
            raise ValueError("n and max_tokens must be at least 1")
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ValueError("temperature must not be negative, top_p must be in (0, 1]")


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled continuation of a prompt.

    `tokens` are the token texts in order, `logprobs` the natural log-probability the model itself
    (at temperature 1, before any truncation) gave each; both are empty where a backend does not tell.
    `"".join(tokens)` starts with `text`, and is longer when a stop text was cut off.
    """

    text: str
    finish_reason: FinishReason
    tokens: tuple[str, ...] = ()
    logprobs: tuple[float, ...] = ()

    @property
    def mean_logprob(self) -> float | None:
        """Mean log-probability per token, or None where the backend does not tell."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; role is `system`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, rendered: `text` is what a text backend continues, character for character.

    `messages` and `prefill` (how the assistant's turn already begins) are the same prompt for
    backends that format conversations on their own.
    """

    text: str
    messages: tuple[Message, ...] = field(default=())
    prefill: str = ""


class LanguageModel(Protocol):
    """A model that continues text. Asks may come from several threads at the same time."""

    @property
    def name(self) -> str:
        """Identifies weights and precision, e.g. `SmolLM2-135M-Instruct (Q4_1 as bfloat16)`."""

    @property
    def context_window(self) -> int:
        """Most tokens of prompt and completion together."""

    def count_tokens(self, text: str) -> int:
        """The number of tokens of `text`, without any special token added."""

    def apply_chat_template(self, messages: Sequence[Message]) -> str | None:
        """The conversation in the model's own format, open for the assistant's next words.

        None where the model has no chat template.
        """

    def complete(
        self, prompt: Prompt, params: SamplingParams, *, cancel: threading.Event | None = None
    ) -> Iterator[Completion]:
        """Yield `params.n` completions, each as soon as it is finished, in order of finishing.

        Raises ModelUnavailable when the backend is down, ValueError when the prompt does not
        leave room for a token. When `cancel` is set, what is unfinished is yielded as CANCELLED.
        """

    def choice_logprobs(
        self, prompts: Sequence[Prompt], choices: Sequence[str]
    ) -> list[list[float]] | None:
        """For each prompt, the log-probability of each of `choices` as its continuation.

        One forward pass for all prompts. None where the backend cannot tell.
        """

    def close(self) -> None:
        """Free what the model holds. Closing twice is fine."""


@runtime_checkable
class Concurrent(Protocol):
    """A `LanguageModel` that is safe to call from several threads, and has use for them."""

    @property
    def concurrency(self) -> int:
        """Asks that it works on at the same time; what comes beyond them waits. May change."""


def asks_at_once(model: LanguageModel) -> int:
    """How many asks the model should be given at the same time; one, where it does not say."""
    return max(1, model.concurrency) if isinstance(model, Concurrent) else 1

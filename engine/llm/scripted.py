"""A language model that answers from a script: for tests, dry runs and demonstrations.

It keeps the whole contract of `LanguageModel` (held to it by the same tests as the real ones) and
writes down every ask in `calls`.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from engine.errors import BadInput
from engine.llm.base import Completion, FinishReason, Message, Prompt, SamplingParams
from engine.llm.detokenize import TextTracker

T = TypeVar("T")

IMPOSSIBLE = 1e-6
"""Probability of a choice that the script does not mention."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model writes if nothing stops it, and how likely it finds each of its tokens."""

    text: str
    logprob: float = -0.5


Line = str | Reply | Exception
"""One line of a script. An exception is raised in its place: a model that is down."""

Script = Mapping[str, Sequence[Line]] | Callable[[Prompt], Sequence[Line]]
"""Replies for each part of a prompt's text (the first that occurs counts; "" is always found)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One ask, as it came; `params` is None for `choice_logprobs`."""

    prompt: Prompt
    params: SamplingParams | None


class ScriptedModel:
    """`LanguageModel` that deals the lines of a script, in order and round again.

    An ask without a seed goes on where the last one with the same lines ended; an ask with a seed
    begins at the line of that number, so equal seeds give equal replies.
    `choices` gives, for a part of a prompt's text, each choice's probability; without it the model
    cannot tell any. Every reply takes `seconds_per_reply`, or until it is cancelled. Raises
    LookupError for a prompt that the script does not foresee.
    """

    def __init__(
        self,
        script: Script,
        *,
        choices: Mapping[str, Mapping[str, float]] | None = None,
        chat: bool = False,
        context_window: int = 8192,
        name: str = "scripted",
        seconds_per_reply: float = 0.0,
    ) -> None:
        self._script = script
        self._choices = choices
        self._chat = chat
        self._context_window = context_window
        self._name = name
        self._seconds_per_reply = seconds_per_reply
        self._dealt: dict[tuple[Line, ...], int] = {}
        self.calls: list[Call] = []

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    @property
    def context_window(self) -> int:
        """As given."""
        return self._context_window

    def count_tokens(self, text: str) -> int:
        """Words and signs, each with the space before it."""
        return len(split(text))

    def apply_chat_template(self, messages: Sequence[Message]) -> str | None:
        """A line `<|role|>` before each turn, or None without `chat`."""
        if not self._chat:
            return None
        turns = [f"<|{message.role}|>\n{message.content}\n" for message in messages]
        return "".join(turns) + "<|assistant|>\n"

    def complete(
        self, prompt: Prompt, params: SamplingParams, *, cancel: threading.Event | None = None
    ) -> Iterator[Completion]:
        """The next `params.n` lines, cut as a model's text would be."""
        used = self.count_tokens(prompt.text)
        room = min(params.max_tokens, self._context_window - used)
        if not used or room < 1:
            raise ValueError(f"the prompt has {used} tokens, the window {self._context_window}")
        self.calls.append(Call(prompt, params))
        lines = self._deal(prompt, params)
        return (self._write(line, params, room, cancel) for line in lines)

    def choice_logprobs(
        self, prompts: Sequence[Prompt], choices: Sequence[str]
    ) -> list[list[float]] | None:
        """The natural logarithms of the script's probabilities."""
        if self._choices is None:
            return None
        self.calls += [Call(prompt, None) for prompt in prompts]
        known = [_first_found(self._choices, prompt) for prompt in prompts]
        return [[math.log(found.get(x) or IMPOSSIBLE) for x in choices] for found in known]

    def close(self) -> None:
        """Nothing is held."""

    def _deal(self, prompt: Prompt, params: SamplingParams) -> list[Line]:
        if callable(self._script):
            lines = tuple(self._script(prompt))
        else:
            lines = tuple(_first_found(self._script, prompt))
        if not lines:
            raise LookupError("the script has an empty list of replies for this prompt")
        start = self._dealt.get(lines, 0) if params.seed is None else params.seed
        if params.seed is None:
            self._dealt[lines] = start + params.n
        return [lines[(start + sample) % len(lines)] for sample in range(params.n)]

    def _write(
        self, line: Line, params: SamplingParams, room: int, cancel: threading.Event | None
    ) -> Completion:
        if (cancel or threading.Event()).wait(self._seconds_per_reply):
            return Completion("", FinishReason.CANCELLED)
        if isinstance(line, Exception):
            raise line
        reply = Reply(line) if isinstance(line, str) else line
        pieces = split(reply.text)
        tracker = TextTracker(lambda ids: "".join(pieces[i] for i in ids), (), params.stop)
        stopped = any(tracker.push(position) for position in range(min(room, len(pieces))))
        ended = stopped or len(pieces) < room
        return Completion(
            text=tracker.text,
            finish_reason=FinishReason.STOP if ended else FinishReason.LENGTH,
            tokens=tuple(tracker.tokens),
            logprobs=(reply.logprob,) * len(tracker.tokens),
        )


def split(text: str) -> list[str]:
    """Text in pieces that join to it again: words and signs, each with one space before it."""
    return re.findall(r"\s?\w+|\s?[^\w\s]|\s", text)


def _first_found(script: Mapping[str, T], prompt: Prompt) -> T:
    for part, found in script.items():
        if part in prompt.text:
            return found
    raise LookupError(f"the script has nothing for the prompt that ends {prompt.text[-60:]!r}")


def load_script(path: str) -> ScriptedModel:
    """The model of a JSON file `{"replies": {part: [text, ...]}, "choices": {part: {text: p}}}`.

    `choices` may be left out; `"seconds_per_reply": 0.5` makes it as slow as a real one, `"chat": true`
    gives the model a chat template. Raises BadInput when the file is not such a script.
    """
    try:
        script = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read the script {path}: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"the script {path} is not JSON: {error}") from error
    replies = script.get("replies") if isinstance(script, dict) else None
    choices = script.get("choices") if isinstance(script, dict) else None
    if not _is_table(replies, list) or not (choices is None or _is_table(choices, dict)):
        raise BadInput(f'the script {path} must be {{"replies": {{"part of a prompt": ["text"]}}}}')
    assert isinstance(replies, dict)
    assert isinstance(script, dict)
    pace, chat = script.get("seconds_per_reply", 0), script.get("chat", False)
    if isinstance(pace, bool) or not isinstance(pace, int | float) or not 0 <= pace <= 3600:
        raise BadInput(f"the script {path}: seconds_per_reply must be 0 to 3600, not {pace!r}")
    if not isinstance(chat, bool):
        raise BadInput(f"the script {path}: chat must be true or false, not {chat!r}")
    name = f"scripted ({Path(path).name})"
    return ScriptedModel(replies, choices=choices, chat=chat, name=name, seconds_per_reply=pace)


def _is_table(value: object, of: type) -> bool:
    return isinstance(value, dict) and all(isinstance(x, of) for x in value.values())

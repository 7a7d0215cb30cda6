"""The bodies that are sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.llm.base import Message, Prompt, SamplingParams
from engine.llm.openai.dialects import Dialect, Tokenizer

Body = dict[str, Any]

OPTIONAL = (
    "stream_options", "logprobs", "top_logprobs", "seed", "stop", "top_p", "temperature", "n", "top_k",
    "min_p", "repeat_penalty", "repetition_penalty",
)  # fmt: skip
"""What a server may refuse without the ask losing its sense, in the order in which it is given up."""

RENAMED = {"max_tokens": "max_completion_tokens"}
"""What newer models call by another name."""

_GO_ON = (
    "Go on with this Python file from its very end."
    " Reply with what comes next, in one block of code.\n"
)
_BEGIN_WITH = "\nBegin your reply with exactly this, and go on from there:\n"


@dataclass(frozen=True, slots=True)
class Refused:
    """Parameters that this server was found to refuse, or to know by another name."""

    keys: frozenset[str] = frozenset()

    def conceded(self, body: Mapping[str, Any], message: str) -> Refused | None:
        """With the parameter given up that the server's `message` names; None for no such."""
        said = message.lower()
        renamed = [key for key, name in RENAMED.items() if name in said]
        for key in (*renamed, *OPTIONAL):
            if key in body and key not in self.keys and _names(said, key):
                return Refused(self.keys | {key})
        return None

    def apply(self, body: Body) -> Body:
        """The body without what is refused, and with what is renamed under its other name."""
        kept = {key: value for key, value in body.items() if key not in self.keys}
        for old, new in RENAMED.items():
            if old in self.keys and old in body:
                kept[new] = body[old]
        return kept


def _names(said: str, key: str) -> bool:
    """Whether a message speaks of this parameter; a single letter must be marked as one."""
    quoted = rf"""["'`]{key}["'`]"""
    bare = rf"\b{key}\b" if len(key) > 1 else rf"\b{key} ?(>|=|must|should)"
    return re.search(f"{quoted}|{bare}", said) is not None


def completion_body(
    model: str, prompt: Prompt, params: SamplingParams, dialect: Dialect, *, logprobs: bool
) -> Body:
    """For `/completions`: `prompt.text` goes on, character for character."""
    body = _sampled(model, params, dialect) | {"prompt": prompt.text}
    if logprobs:
        body["logprobs"] = 1
    return body


def chat_body(
    model: str, prompt: Prompt, params: SamplingParams, dialect: Dialect, *, logprobs: bool
) -> Body:
    """For `/chat/completions`: the turns, and how the last one begins."""
    body = _sampled(model, params, dialect) | {"messages": turns(prompt, dialect)}
    if logprobs:
        body["logprobs"] = True
    if dialect.continuing is not None and prompt.prefill:
        body |= dialect.continuing
    return body


def turns(prompt: Prompt, dialect: Dialect) -> list[dict[str, str]]:
    """The conversation. Where the server cannot go on from `prefill`, the last user asks for it."""
    messages = prompt.messages or (Message("user", prompt.text),)
    *before, last = [{"role": m.role, "content": m.content} for m in messages]
    if not prompt.prefill:
        if last["content"] == prompt.text:  # a plain file that goes on, not a question
            last["content"] = f"{_GO_ON}```python\n{prompt.text}\n```"
        return [*before, last]
    if dialect.continuing is not None:
        return [*before, last, {"role": "assistant", "content": prompt.prefill}]
    last["content"] += f"{_BEGIN_WITH}{prompt.prefill}"
    return [*before, last]


def _sampled(model: str, params: SamplingParams, dialect: Dialect) -> Body:
    body: Body = {
        "model": model,
        "max_tokens": params.max_tokens,
        "temperature": params.temperature,
        "top_p": params.top_p,
        "stream": True,
        "stream_options": {"include_usage": True},
        **dialect.sampling,
    }
    if params.n > 1:
        body["n"] = params.n
    if params.seed is not None:
        body["seed"] = params.seed
    if params.stop:
        body["stop"] = list(params.stop[: dialect.max_stops])
    return body


def count_request(tokenizer: Tokenizer, model: str, text: str) -> tuple[str, Body]:
    """The path below the server's root that counts the tokens of `text`, and its body."""
    match tokenizer:
        case Tokenizer.VLLM:
            return "/tokenize", {"model": model, "prompt": text, "add_special_tokens": False}
        case Tokenizer.LLAMA_CPP:
            return "/tokenize", {"content": text, "add_special": False}
        case Tokenizer.LLAMA_CPP_PYTHON:
            return "/extras/tokenize/count", {"model": model, "input": text}
    raise ValueError("this server counts no tokens")


def template_body(messages: Sequence[Message]) -> Body:
    """For llama.cpp's `/apply-template`."""
    return {"messages": [{"role": m.role, "content": m.content} for m in messages]}

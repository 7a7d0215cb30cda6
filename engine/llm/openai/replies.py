"""What comes back, read into values. Pure: a server may answer anything; BadReply says what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class BadReply(ValueError):
    """An answer that is not of OpenAI's form."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of one completion. `tops` are the likeliest tokens at each of `tokens`' places."""

    index: int
    text: str
    tokens: tuple[str, ...] = ()
    logprobs: tuple[float, ...] = ()
    tops: tuple[Mapping[str, float], ...] = ()
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the server read and wrote."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model that a server has; `context_window` is 0 where it does not tell."""

    id: str
    owned_by: str = ""
    context_window: int = 0


def read_chunk(payload: object) -> tuple[list[Delta], Usage | None]:
    """One event of a stream, or a whole answer, of either endpoint. Raises BadReply."""
    if not isinstance(payload, dict):
        raise BadReply(f"an answer that is no object: {payload!r:.80}")
    choices = payload.get("choices") or []
    if not isinstance(choices, list):
        raise BadReply("choices is no list")
    usage = payload.get("usage")
    return [_delta(choice) for choice in choices], _usage(usage) if usage else None


def _delta(choice: object) -> Delta:
    if not isinstance(choice, dict):
        raise BadReply(f"a choice that is no object: {choice!r:.80}")
    match choice:
        case {"text": str(text)}:
            pass
        case {"delta": dict(part)} | {"message": dict(part)}:
            text = part.get("content") or ""
        case _:
            raise BadReply(f"a choice without text: {choice!r:.80}")
    index, reason = choice.get("index", 0), choice.get("finish_reason")
    if not isinstance(text, str) or not isinstance(index, int) or index < 0:
        raise BadReply(f"a choice that cannot be read: {choice!r:.80}")
    tokens, logprobs, tops = _logprobs(choice.get("logprobs"))
    return Delta(index, text, tokens, logprobs, tops, finish_reason=str(reason) if reason else None)


_Told = tuple[tuple[str, ...], tuple[float, ...], tuple[Mapping[str, float], ...]]


def _logprobs(told: object) -> _Told:
    """Tokens, log-probabilities and alternatives; all empty where they cannot be read."""
    if not isinstance(told, dict):
        return (), (), ()
    match told:
        case {"content": list(entries)}:
            rows = [_chat_token(entry) for entry in entries]
        case {"tokens": list(tokens), "token_logprobs": list(values)} if len(tokens) == len(values):
            tops = told.get("top_logprobs")
            tops = (
                tops if isinstance(tops, list) and len(tops) == len(tokens) else [{}] * len(tokens)
            )
            # The very first token of an echoed prompt follows nothing: it has no probability.
            values = [0.0 if n == 0 and value is None else value for n, value in enumerate(values)]
            rows = [
                (token, value, top if isinstance(top, dict) else {})
                for token, value, top in zip(tokens, values, tops, strict=True)
            ]
        case _:
            return (), (), ()
    if not all(isinstance(t, str) and isinstance(v, int | float) for t, v, _ in rows):
        return (), (), ()
    return (
        tuple(token for token, _, _ in rows),
        tuple(min(float(value), 0.0) for _, value, _ in rows),
        tuple(_numbers(top) for _, _, top in rows),
    )


def _chat_token(entry: object) -> tuple[Any, Any, dict[Any, Any]]:
    if not isinstance(entry, dict):
        return None, None, {}
    tops = entry.get("top_logprobs")
    pairs = [t for t in tops if isinstance(t, dict)] if isinstance(tops, list) else []
    return (
        entry.get("token"),
        entry.get("logprob"),
        {t.get("token"): t.get("logprob") for t in pairs},
    )


def _numbers(top: Mapping[Any, Any]) -> dict[str, float]:
    return {
        token: min(float(value), 0.0)
        for token, value in top.items()
        if isinstance(token, str) and isinstance(value, int | float)
    }


def _usage(told: object) -> Usage | None:
    if not isinstance(told, dict):
        return None
    read, written = told.get("prompt_tokens"), told.get("completion_tokens") or 0
    if not isinstance(read, int) or not isinstance(written, int):
        return None
    return Usage(max(read, 0), max(written, 0))


def read_models(payload: object) -> Iterator[ServedModel]:
    """The models of a server's list; entries that cannot be read are left out. Raises BadReply."""
    entries = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(entries, list):
        raise BadReply("a list of models without data")
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("id"), str):
            yield ServedModel(entry["id"], str(entry.get("owned_by") or ""), _window(entry))


def _window(entry: Mapping[str, Any]) -> int:
    meta = entry.get("meta")
    known = (entry.get("max_model_len"), meta.get("n_ctx") if isinstance(meta, dict) else None)
    return next((value for value in known if isinstance(value, int) and value > 0), 0)

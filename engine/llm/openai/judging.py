"""The log-probability of each choice as a prompt's continuation, asked of a server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from engine.llm.base import Prompt, SamplingParams
from engine.llm.openai.choices import Open, Place, Spread, shared, spread
from engine.llm.openai.client import Client, Fault, FaultKind
from engine.llm.openai.dialects import PLAIN, Dialect
from engine.llm.openai.replies import Delta, Usage
from engine.llm.openai.requests import Body, chat_body, completion_body
from engine.llm.openai.sampling import Gate, Manners, patiently
from engine.llm.openai.writing import restated

MOST_ROUNDS = 4
"""Requests one after the other, each going on where the last left several choices alike."""

ANSWER_TOKENS = 8

_TOPS = 20
_TOPS_OF_PLAIN_COMPLETIONS = 5
"""The most that OpenAI's own older endpoint tells."""


@dataclass
class Judging:
    """Asks for choices. `usage` is what was read and written."""

    client: Client
    dialect: Dialect
    manners: Manners
    gate: Gate
    model: str
    retries: int
    usage: Usage = field(default_factory=Usage)

    async def run(
        self, prompts: Sequence[Prompt], choices: Sequence[str]
    ) -> list[list[float]] | None:
        """A row per prompt; None where the server does not tell. Raises Fault."""
        rows = await asyncio.gather(*(self._row(prompt, choices) for prompt in prompts))
        told = [row for row in rows if row is not None]
        return told if len(told) == len(rows) else None

    async def _row(self, prompt: Prompt, choices: Sequence[str]) -> list[float] | None:
        found = Spread(open=[Open("", 0.0, tuple(choices))])
        for _ in range(MOST_ROUNDS):
            asked, found.open = found.open, []
            for opened in await asyncio.gather(*(self._spread(prompt, o) for o in asked)):
                if opened is None:
                    return None
                found.known |= opened.known
                found.unlikely |= opened.unlikely
                found.open += opened.open
            if not found.open or not self._goes_on(prompt):
                break
        for opened_still in found.open:
            found.known |= shared(opened_still)
        if not found.known:
            return await self._by_echo(prompt, choices)
        return [found.known.get(choice, found.unlikely.get(choice, 0.0)) for choice in choices]

    async def _spread(self, prompt: Prompt, opened: Open) -> Spread | None:
        """One request: how far it tells these choices apart. None where it tells nothing."""
        longer = replace(
            prompt, text=prompt.text + opened.text, prefill=prompt.prefill + opened.text
        )
        deltas = await self._ask(self._body(longer if self._goes_on(prompt) else prompt))
        places = [
            Place(token, tops)
            for delta in deltas
            for token, tops in zip(delta.tokens, delta.tops, strict=True)
        ]
        if not places or not places[0].tops:
            return None
        if self._goes_on(prompt):
            return spread(places, opened.choices, opened.text, opened.logprob)
        return _of_a_new_turn(places, prompt.prefill, opened.choices)

    async def _by_echo(self, prompt: Prompt, choices: Sequence[str]) -> list[float] | None:
        """Each choice written out, and read back: exact, a request for each."""
        if not self.dialect.echo or self.manners.by_chat(prompt, self.dialect):
            return None
        return list(await asyncio.gather(*(self._echoed(prompt, c) for c in choices)))

    async def _echoed(self, prompt: Prompt, choice: str) -> float:
        params = SamplingParams(temperature=0.0, top_p=1.0, max_tokens=1)
        whole = replace(prompt, text=prompt.text + choice)
        body = completion_body(self.model, whole, params, self.dialect, logprobs=True)
        total, at, end = 0.0, 0, len(whole.text)
        for delta in await self._ask(_at_once(body | {"echo": True})):
            for token, logprob in zip(delta.tokens, delta.logprobs, strict=True):
                if len(prompt.text) < at + len(token) and at < end:
                    total += logprob
                at += len(token)
        return total

    def _body(self, prompt: Prompt) -> Body:
        chat = self.manners.by_chat(prompt, self.dialect)
        params = SamplingParams(temperature=0.0, top_p=1.0, max_tokens=ANSWER_TOKENS)
        make = chat_body if chat else completion_body
        body = _at_once(make(self.model, prompt, params, self.dialect, logprobs=True))
        if chat:
            return body | {"top_logprobs": _TOPS}
        return body | {"logprobs": _TOPS_OF_PLAIN_COMPLETIONS if self.dialect is PLAIN else _TOPS}

    def _goes_on(self, prompt: Prompt) -> bool:
        """Whether a reply continues the prompt's text, rather than opening a turn of its own."""
        return not self.manners.by_chat(prompt, self.dialect) or bool(
            prompt.prefill and self.dialect.continuing is not None
        )

    async def _ask(self, body: Body) -> list[Delta]:
        path = "/chat/completions" if "messages" in body else "/completions"

        async def once() -> list[Delta]:
            async with self.gate.passed():
                deltas, usage = await self.client.ask(path, self.manners.refused.apply(body))
            self.usage += usage
            if not deltas:
                raise Fault(FaultKind.BROKEN, "an answer without any choice")
            return deltas

        return await patiently(once, self.retries)


def _at_once(body: Body) -> Body:
    return {key: value for key, value in body.items() if key not in ("stream", "stream_options")}


def _of_a_new_turn(places: Sequence[Place], prefill: str, choices: Sequence[str]) -> Spread:
    """The same for a reply that begins anew: what it says again of the prompt is passed over."""
    text = "".join(place.token for place in places)
    begin = restated(text, prefill, final=True) or 0
    skipped = at = 0
    while at < begin and skipped < len(places):
        at += len(places[skipped].token)
        skipped += 1
    # A turn does not open with the space that a begun one goes on with.
    words = {choice if text[at:].startswith(" ") else choice.lstrip(): choice for choice in choices}
    found = spread(places[skipped:], list(words))
    return Spread(
        known={words[word]: value for word, value in found.known.items()},
        unlikely={words[word]: value for word, value in found.unlikely.items()},
        open=[replace(o, choices=tuple(words[w] for w in o.choices)) for o in found.open],
    )

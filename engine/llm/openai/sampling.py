"""One ask at a server: as many requests as it takes, each tried again where that may help."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from engine.llm.base import Prompt, SamplingParams
from engine.llm.openai.client import Client, Fault, FaultKind
from engine.llm.openai.dialects import Dialect
from engine.llm.openai.replies import Delta, Usage
from engine.llm.openai.requests import Body, Refused, chat_body, completion_body
from engine.llm.openai.settings import Endpoint, OpenAISettings
from engine.llm.openai.writing import Writing

T = TypeVar("T")

logger = logging.getLogger(__name__)

LONGEST_WAIT_S = 60.0
"""What asks for a longer pause than this is away: the request waits, not the worker."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0

_NOT_HERE = frozenset({404, 405, 501})


@dataclass
class Manners:
    """What was learnt of a server while asking it. Touched by the client's loop alone."""

    endpoint: Endpoint
    honours_n: bool
    refused: Refused = field(default_factory=Refused)

    def by_chat(self, prompt: Prompt, dialect: Dialect) -> bool:
        """Whether `prompt` goes to `/chat/completions`."""
        if self.endpoint != Endpoint.AUTO:
            return self.endpoint == Endpoint.CHAT
        # A dialogue is best put into the model's own turns, where its reply can be begun there.
        continues = dialect.continuing is not None and not dialect.template_path
        return continues and bool(prompt.prefill)


class Gate:
    """Lets requests through: so many at once, and so many begun per minute."""

    def __init__(self, concurrency: int, per_minute: float) -> None:
        self._places = asyncio.Semaphore(concurrency)
        self.inside = 0
        """Requests that are through and have not ended."""
        self._interval_s = 60.0 / per_minute if per_minute else 0.0
        self._next = 0.0

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        """Wait for a place and, with a limit, for the next moment to begin at."""
        async with self._places:
            now = time.monotonic()
            begin = max(now, self._next)
            self._next = begin + self._interval_s
            if begin > now:
                await asyncio.sleep(begin - now)
            self.inside += 1
            try:
                yield
            finally:
                self.inside -= 1


def pause_s(attempt: int, retry_after_s: float | None, chance: float) -> float:
    """Seconds before try number `attempt` + 1: what the server asked for, else doubling, with jitter.

    `chance` is a random number from 0 to 1.
    """
    if retry_after_s is not None:
        return retry_after_s + chance * FIRST_PAUSE_S
    ceiling = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempt, 16))
    return ceiling * (0.5 + 0.5 * chance)


async def pause(fault: Fault, attempt: int, retries: int) -> None:
    """Wait before the next try, when `attempt` have failed before. Raises `fault` to give up."""
    if not fault.may_pass or attempt >= retries or fault.code == "insufficient_quota":
        raise fault
    if (fault.retry_after_s or 0.0) > LONGEST_WAIT_S:
        raise fault
    await asyncio.sleep(pause_s(attempt, fault.retry_after_s, random.random()))


async def patiently(once: Callable[[], Awaitable[T]], retries: int) -> T:
    """What `once` gives, tried again where its fault may pass. Raises Fault."""
    for attempt in itertools.count():
        try:
            return await once()
        except Fault as fault:
            await pause(fault, attempt, retries)
    raise AssertionError("never here")


@dataclass
class Sampling:
    """`params.n` completions of one prompt. `finished` is told each as it ends, on the loop.

    `writings` is one per completion, and may be read meanwhile; `usage` is what was read and written.
    """

    client: Client
    settings: OpenAISettings
    dialect: Dialect
    manners: Manners
    gate: Gate
    model: str
    prompt: Prompt
    params: SamplingParams
    prompt_tokens: int
    finished: Callable[[Writing], None]
    usage: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        self.writings = [Writing(self.params.stop) for _ in range(self.params.n)]

    async def run(self) -> None:
        """Ask until all are finished. Raises Fault when that is not to be."""
        numbers = range(self.params.n)
        if self.manners.honours_n:
            await self._ask(numbers)
        faults: list[Fault] = []
        try:
            async with asyncio.TaskGroup() as group:
                for number in self._unfinished(numbers):
                    group.create_task(self._ask([number]))
        except* Fault as failed:
            faults += [error for error in failed.exceptions if isinstance(error, Fault)]
        if faults:
            raise faults[0]

    async def _ask(self, numbers: Sequence[int]) -> None:
        """Have these written by one request, or by several where it fails.

        Returns with some unfinished only where the server is found to give one per request.
        """
        attempt = 0
        while wanted := self._unfinished(numbers):
            if len(wanted) > 1 and not self.manners.honours_n:
                return
            try:
                async with self.gate.passed():
                    known = replace(self.manners)
                    await self._request(wanted)
            except Fault as fault:
                if not self._learnt_from(fault, known):
                    await pause(fault, attempt, self.settings.retries)
                    attempt += 1

    async def _request(self, numbers: Sequence[int]) -> None:
        """One request. Raises Fault when it finished none of `numbers`."""
        chat = self._by_chat()
        for number in numbers:
            self.writings[number] = Writing(self.params.stop, self._opening(chat))
        usage, seen, read = None, set(), self.prompt_tokens
        try:
            path = "/chat/completions" if chat else "/completions"
            async with aclosing(self.client.stream(path, self._body(numbers, chat))) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Usage):
                        usage = piece
                    elif piece.index < len(numbers):
                        seen.add(piece.index)
                        self._push(self.writings[numbers[piece.index]], piece)
                        if self._all_cut(numbers):
                            break
        except Fault as fault:
            if fault.kind in (FaultKind.REFUSED, FaultKind.UNREACHABLE):
                read = 0  # nobody has read it
            if len(self._unfinished(numbers)) == len(numbers):
                raise
        else:
            if len(self._unfinished(numbers)) == len(numbers):
                raise Fault(FaultKind.BROKEN, "the stream ended before any completion did")
            if len(numbers) > 1 and seen == {0}:
                logger.info("%s gives one completion per request", self.settings.host)
                self.manners.honours_n = False
        finally:
            written = sum(self.writings[n].written for n in numbers)
            self.usage += usage or Usage(read, written)

    def _push(self, writing: Writing, piece: Delta) -> None:
        if writing.finish_reason is None:
            writing.push(piece)
            if writing.finish_reason is not None:
                self.finished(writing)

    def _unfinished(self, numbers: Sequence[int]) -> list[int]:
        return [n for n in numbers if self.writings[n].finish_reason is None]

    def _all_cut(self, numbers: Sequence[int]) -> bool:
        """Whether nothing of this request is wanted any more, and waiting for its end would cost."""
        ended = [self.writings[n] for n in numbers]
        return all(w.finish_reason for w in ended) and any(w.cut for w in ended)

    def _by_chat(self) -> bool:
        return self.manners.by_chat(self.prompt, self.dialect)

    def _opening(self, chat: bool) -> str | None:
        """How the reply was asked to begin, or None where it goes on by itself."""
        if not chat or (self.prompt.prefill and self.dialect.continuing is not None):
            return None
        return self.prompt.prefill

    def _body(self, numbers: Sequence[int], chat: bool) -> Body:
        params = replace(self.params, n=len(numbers))
        if params.seed is not None:
            params = replace(params, seed=(params.seed + numbers[0]) % 2**31)
        if self._opening(chat) is not None:
            params = replace(params, stop=())  # what is said again may have one of them
        make = chat_body if chat else completion_body
        body = make(self.model, self.prompt, params, self.dialect, logprobs=self.settings.logprobs)
        return self.manners.refused.apply(body)

    def _learnt_from(self, fault: Fault, known: Manners) -> bool:
        """Whether the same ask in another form may do; `known` is what was when it was sent."""
        manners = self.manners
        if fault.kind is not FaultKind.REFUSED or fault.status in (401, 403, 429):
            return False
        if fault.is_too_long:
            return False
        if manners != known and not fault.may_pass:
            return True  # another request beside this one has learnt it
        if manners.endpoint == Endpoint.AUTO and (
            fault.status in _NOT_HERE or "chat" in fault.message.lower()
        ):
            chat = self._by_chat()
            manners.endpoint = Endpoint.COMPLETIONS if chat else Endpoint.CHAT
            return True
        body = self._body(range(self.params.n), self._by_chat())
        if fault.status >= 500 and fault.may_pass and "support" not in fault.message.lower():
            return False
        refused = manners.refused.conceded(body, fault.message)
        if refused is None:
            return False
        logger.info("%s refuses %s", self.settings.host, ", ".join(refused.keys))
        manners.refused = refused
        if "n" in refused.keys:
            manners.honours_n = False
        return True

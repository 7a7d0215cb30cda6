"""The wire: one server, asked by the `openai` package on an event loop of its own.

Everything that goes wrong comes out as a `Fault`. Nothing is tried twice here, and no redirection is
followed: a server on this machine must not be able to send code to another.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncGenerator, Coroutine, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, TypeVar

import httpx2
import openai

from engine.llm.openai.replies import BadReply, Delta, ServedModel, Usage, read_chunk, read_models
from engine.llm.openai.requests import Body
from engine.llm.openai.settings import OpenAISettings

T = TypeVar("T")

CONNECT_S = 5.0
_TOO_LONG = re.compile(r"context (length|size|window)|prompt is too long", re.IGNORECASE)
_NO_KEY = "none"
"""What is sent where no key is configured: the package insists on one, and would look for its own."""


class FaultKind(StrEnum):
    """What went wrong, as far as what to do about it differs."""

    UNREACHABLE = "unreachable"
    SILENT = "silent"
    BROKEN = "broken"
    """An answer that ended early or is not of OpenAI's form."""
    REFUSED = "refused"
    """An answer with an error's status."""


@dataclass
class Fault(Exception):
    """One request that failed. `retry_after_s` is what the server itself asked for, or None."""

    kind: FaultKind
    message: str
    status: int = 0
    code: str = ""
    retry_after_s: float | None = None

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        if self.kind is not FaultKind.REFUSED:
            return True
        return self.status in (408, 409, 429) or self.status >= 500

    @property
    def is_too_long(self) -> bool:
        """Whether the prompt is longer than the model's context."""
        if self.status not in (400, 413, 422, 500):
            return False
        return self.code == "context_length_exceeded" or bool(_TOO_LONG.search(self.message))


class Job:
    """Work on the loop that another thread waits for, or ends. `over`: nothing of it is left."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self.over = threading.Event()
        self.error: BaseException | None = None
        loop.call_soon_threadsafe(self._begin, work)

    def end(self) -> None:
        """Stop it wherever it is, close what it has open, and return when that is done."""
        if not self.over.is_set():
            self._loop.call_soon_threadsafe(self._cancel)
            self.over.wait()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = self._loop.create_task(work)
        self._task.add_done_callback(self._ended)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.error = None if task.cancelled() else task.exception()
        self.over.set()


class Client:
    """One server. Its methods are coroutines, to be run by `run` or `begin`, from any thread."""

    def __init__(self, settings: OpenAISettings, key: str) -> None:
        self._settings = settings
        self._key = key
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="openai", daemon=True)
        self._thread.start()
        self._openai = self.run(self._connected())

    # -- from other threads ----------------------------------------------------------------------

    def begin(self, work: Coroutine[Any, Any, None]) -> Job:
        """Begin `work` on the loop."""
        return Job(self._loop, work)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` on the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Close all connections, and end the loop. Closing twice is fine."""
        if self._loop.is_closed():
            return
        self.run(self._openai.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _connected(self) -> openai.AsyncOpenAI:
        settings = self._settings
        client = openai.AsyncOpenAI(
            api_key=self._key or _NO_KEY,
            base_url=settings.base_url,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(
                timeout=openai.Timeout(settings.timeout_s, connect=CONNECT_S),
                follow_redirects=False,
                # A proxy from the environment is another machine.
                trust_env=settings.is_remote,
            ),
        )
        # The package takes these from the environment, whoever the server is.
        client.organization = client.project = None
        return client

    # -- requests --------------------------------------------------------------------------------

    async def stream(self, path: str, body: Body) -> AsyncGenerator[Delta | Usage]:
        """The pieces of an answer as they come, until the server says that it is done.

        Raises Fault. Closing the iterator closes the connection, upon which a server stops writing.
        """
        try:
            stream = await self._openai.post(
                path,
                body=body,
                cast_to=object,
                stream=True,
                stream_cls=openai.AsyncStream[object],
            )
            async with stream:
                async for payload in stream:
                    deltas, usage = read_chunk(payload)
                    for delta in deltas:
                        yield delta
                    if usage is not None:
                        yield usage
        except (openai.APIError, BadReply, ValueError) as error:
            raise self._fault(error) from error

    async def ask(self, path: str, body: Body) -> tuple[list[Delta], Usage]:
        """A whole answer at once. Raises Fault."""
        payload = await self.post(path, body)
        try:
            deltas, usage = read_chunk(payload)
        except BadReply as error:
            raise self._fault(error) from error
        return deltas, usage or Usage()

    async def post(self, path: str, body: Body) -> object:
        """Any other answer, as JSON; a `path` with a host is taken as it is. Raises Fault."""
        try:
            return await self._openai.post(path, body=body, cast_to=object)
        except (openai.APIError, ValueError) as error:
            raise self._fault(error) from error

    async def models(self) -> list[ServedModel]:
        """What the server has. Raises Fault."""
        try:
            return list(read_models(await self._openai.get("/models", cast_to=object)))
        except (openai.APIError, ValueError) as error:
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> Fault:
        cause = error.__cause__
        message = " ".join(str(cause or error).split())[:300]
        if self._key:
            message = message.replace(self._key, "[key]")
        match error:
            case openai.APIStatusError(response=response):
                return Fault(
                    FaultKind.REFUSED,
                    message,
                    status=response.status_code,
                    code=error.code or "",
                    retry_after_s=retry_after_s(response.headers),
                )
            case _ if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
                return Fault(FaultKind.UNREACHABLE, message or "no connection within seconds")
            case openai.APITimeoutError():
                return Fault(FaultKind.SILENT, message)
        return Fault(FaultKind.BROKEN, message)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long a server asks to be left alone, from its headers; None where it does not say.

    A point in time is taken from the server's own clock, which is in its headers too.
    """
    told = headers.get("retry-after", "").strip()
    if told.isdecimal():
        return float(told)
    try:
        wait = parsedate_to_datetime(told) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):  # no date, or one of the two without a time zone
        return None
    return max(0.0, wait.total_seconds())

"""`LanguageModel` over a server that speaks OpenAI's protocol."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from engine.errors import ModelUnavailable
from engine.llm.base import Completion, FinishReason, Message, Prompt, SamplingParams
from engine.llm.ledger import MICROS, Ledger
from engine.llm.openai.client import Client, Fault
from engine.llm.openai.counting import estimate
from engine.llm.openai.dialects import Dialect, Tokenizer
from engine.llm.openai.judging import ANSWER_TOKENS, MOST_ROUNDS, Judging
from engine.llm.openai.replies import Usage
from engine.llm.openai.requests import count_request, template_body
from engine.llm.openai.sampling import Gate, Manners, Sampling
from engine.llm.openai.settings import Endpoint, OpenAISettings
from engine.llm.openai.unavailable import unavailable
from engine.llm.openai.writing import Writing

POLL_S = 0.05
"""How soon a cancel is seen."""

BILL_S = 5.0
"""How long after the last word a paid server is given to say what it costs."""

KEPT_COUNTS = 4096


@dataclass
class Bill:
    """What one ask has used so far."""

    usage: Usage = field(default_factory=Usage)


class OpenAIModel:
    """One model of one server. Safe to call from many threads at once.

    `served` are the names of all models that the server has, for the message when this one is gone.
    """

    def __init__(
        self,
        settings: OpenAISettings,
        client: Client,
        dialect: Dialect,
        *,
        model: str,
        context_window: int,
        ledger: Ledger,
        served: Sequence[str] = (),
    ) -> None:
        self._settings = settings
        self._client = client
        self._dialect = dialect
        self._model = model
        self._context_window = context_window
        self._ledger = ledger
        self._served = served
        self._manners = Manners(settings.endpoint, dialect.honours_n)
        self._gate = Gate(
            1 if dialect.one_at_a_time else settings.concurrency, settings.requests_per_minute
        )
        self._root = settings.base_url.rstrip("/").removesuffix("/v1")
        self._counts: dict[str, int] = {}
        self._counts_tokens = dialect.tokenizer is not Tokenizer.NONE
        self._has_template = bool(dialect.template_path)

    @property
    def name(self) -> str:
        """The model and where it is, like `gpt-5 at api.openai.com`."""
        model = PurePath(self._model).name if self._model.endswith(".gguf") else self._model
        return f"{model} at {self._settings.host}"

    @property
    def context_window(self) -> int:
        """As configured, else as the server tells."""
        return self._context_window

    def count_tokens(self, text: str) -> int:
        """As the server counts; an estimate, rather too high, where it does not or is busy.

        A server that stops writing when it is asked anything is not asked while it writes.
        """
        if not text or not self._counts_tokens:
            return estimate(text)
        if text not in self._counts:
            if self._dialect.one_at_a_time and self._gate.inside:
                return estimate(text)
            counted = self._counted(text)
            if counted is None:
                return estimate(text)
            if len(self._counts) >= KEPT_COUNTS:
                self._counts.clear()
            self._counts[text] = counted
        return self._counts[text]

    def apply_chat_template(self, messages: Sequence[Message]) -> str | None:
        """Where the server shows its template; None where not, or where it takes turns as they are."""
        if not self._has_template or self._manners.endpoint == Endpoint.CHAT:
            return None
        path = self._root + self._dialect.template_path
        try:
            told = self._client.run(self._client.post(path, template_body(messages)))
        except Fault as fault:
            if fault.may_pass:
                raise self._unavailable(fault) from fault
            told = None
        match told:
            case {"prompt": str(prompt)}:
                return prompt
        self._has_template = False
        return None

    def complete(
        self, prompt: Prompt, params: SamplingParams, *, cancel: threading.Event | None = None
    ) -> Iterator[Completion]:
        """Streamed, so that each comes when it is finished, and a cancel stops the server too.

        Also raises ModelUnavailable when the day's money is spent: nothing is asked then.
        """
        used = self.count_tokens(prompt.text)
        room = min(params.max_tokens, self._context_window - used)
        if not used or room < 1:
            raise ValueError(f"the prompt has {used} tokens, the window {self._context_window}")
        if cancel is not None and cancel.is_set():
            return iter([Completion("", FinishReason.CANCELLED)] * params.n)
        return self._complete(prompt, replace(params, max_tokens=room), used, cancel)

    def choice_logprobs(
        self, prompts: Sequence[Prompt], choices: Sequence[str]
    ) -> list[list[float]] | None:
        """By the likeliest tokens of short replies; a few small requests per prompt."""
        if not prompts or not choices:
            return [[] for _ in prompts]
        if not self._settings.logprobs:
            return None
        judging = Judging(
            self._client,
            self._dialect,
            self._manners,
            self._gate,
            self._model,
            self._settings.retries,
        )
        read = sum(self.count_tokens(prompt.text) for prompt in prompts)
        most = Usage(read * MOST_ROUNDS, ANSWER_TOKENS * MOST_ROUNDS * len(prompts))
        with self._paid(most) as bill:
            try:
                return self._client.run(judging.run(prompts, choices))
            except Fault as fault:
                if not fault.may_pass and "logprob" in fault.message.lower():
                    return None
                raise self._unavailable(fault) from fault
            finally:
                bill.usage = judging.usage

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # -- asking ------------------------------------------------------------------------------------

    def _complete(
        self,
        prompt: Prompt,
        params: SamplingParams,
        used: int,
        cancel: threading.Event | None,
    ) -> Iterator[Completion]:
        ended: queue.SimpleQueue[Writing] = queue.SimpleQueue()
        sampling = Sampling(
            client=self._client,
            settings=self._settings,
            dialect=self._dialect,
            manners=self._manners,
            gate=self._gate,
            model=self._model,
            prompt=prompt,
            params=params,
            prompt_tokens=used,
            finished=ended.put,
        )
        prompts = 1 if self._manners.honours_n else params.n
        with self._paid(Usage(used * prompts, params.max_tokens * params.n)) as bill:
            job = self._client.begin(sampling.run())
            given: list[Writing] = []
            try:
                while len(given) < params.n and not (cancel is not None and cancel.is_set()):
                    over = job.over.is_set()
                    try:
                        given.append(ended.get(timeout=0 if over else POLL_S))
                    except queue.Empty:
                        if over:
                            break
                        continue
                    yield given[-1].completion()
                if self._settings.is_paid and len(given) == params.n:
                    job.over.wait(BILL_S)
                job.end()
                if isinstance(job.error, Fault):
                    raise self._unavailable(job.error) from job.error
                if job.error is not None:
                    raise job.error
                known = {id(writing) for writing in given}
                for writing in sampling.writings:
                    if id(writing) not in known:
                        yield writing.completion()
            finally:
                job.end()
                bill.usage = sampling.usage

    def _counted(self, text: str) -> int | None:
        """The server's count; None, perhaps for good, where it gives none."""
        path, body = count_request(self._dialect.tokenizer, self._model, text)
        try:
            told = self._client.run(self._client.post(self._root + path, body))
        except Fault as fault:
            self._counts_tokens = fault.may_pass
            return None
        match told:
            case {"count": int(count)}:
                return count
            case {"tokens": list(tokens)}:
                return len(tokens)
        self._counts_tokens = False
        return None

    def _unavailable(self, fault: Fault) -> ModelUnavailable:
        return unavailable(fault, self._settings, model=self._model, served=self._served)

    # -- money -------------------------------------------------------------------------------------

    @contextmanager
    def _paid(self, most: Usage) -> Iterator[Bill]:
        """Put aside what an ask of `most` tokens costs; take what it did. Raises ModelUnavailable."""
        bill = Bill()
        if not self._settings.is_paid:
            yield bill
            return
        cap = round(self._settings.daily_cap * MICROS)
        reservation = self._ledger.reserve(self.name, self._cost(most), cap)
        if reservation is None:
            spent = self._ledger.spent_today(self.name) / MICROS
            raise ModelUnavailable(
                f"the day's money for {self.name} is spent: {spent:.2f} of"
                f" {self._settings.daily_cap:.2f}, and an ask may cost"
                f" {self._cost(most) / MICROS:.4f}",
                remedy="wait for tomorrow (UTC), or raise daily_cap",
                retry_after_s=self._ledger.seconds_to_next_day(),
            )
        try:
            yield bill
        finally:
            self._ledger.settle(reservation, self._cost(bill.usage))

    def _cost(self, usage: Usage) -> int:
        """Millionths. A price per million tokens is millionths per token."""
        settings = self._settings
        return math.ceil(
            usage.prompt_tokens * settings.prompt_price
            + usage.completion_tokens * settings.completion_price
        )

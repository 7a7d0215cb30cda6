"""The model's side: what runs in an actor on a node. Knows nothing of Ray but how to end itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.errors import BadInput, ModelUnavailable
from engine.llm import LanguageModel, ModelSettings, open_model
from engine.llm.base import (
    Completion,
    FinishReason,
    Message,
    Prompt,
    SamplingParams,
    asks_at_once,
)
from engine.llm.environment import available_cpus

CALLS = 32
"""Asks that an actor takes at once; as many run as the model says (`asks_at_once`), the rest wait."""

LIGHT_CALLS = 4
"""Calls that never wait for an ask: counting, cancelling, greetings."""

_KEPT_CANCELS = 1024
_POLL_S = 0.05


class Fault(StrEnum):
    """What kind of error a `Failure` stands for."""

    UNAVAILABLE = "unavailable"
    BAD_INPUT = "bad input"
    NO_ROOM = "no room"


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of ours as a value, since Ray changes the type of what is raised."""

    fault: Fault
    text: str
    remedy: str = ""

    def error(self) -> Exception:
        match self.fault:
            case Fault.UNAVAILABLE:
                return ModelUnavailable(self.text, remedy=self.remedy)
            case Fault.BAD_INPUT:
                return BadInput(self.text)
            case Fault.NO_ROOM:
                return ValueError(self.text)


@dataclass(frozen=True, slots=True)
class Ready:
    """What a replica says once its model is loaded."""

    name: str
    context_window: int
    concurrency: int


class Replica:
    """One model, for any number of workers. Loads it when it is first asked to.

    `leave` ends the actor; it is called when nobody has been heard of for `keep_s` seconds, so that
    neither a dead worker nor a changed configuration holds cards for long.
    """

    def __init__(
        self, settings: ModelSettings, keep_s: float, leave: Callable[[], None] | None = None
    ) -> None:
        self._settings = settings
        self._model: LanguageModel | None = None
        self._loading = threading.Lock()
        self._turns = threading.Semaphore(1)
        self._cancels: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._heard = time.monotonic()
        self._asks = 0
        threading.Thread(
            target=self._watch, args=(keep_s, leave or _end_this_actor), daemon=True
        ).start()

    def ready(self) -> Ready | Failure:
        """Load the model if it is not loaded, and describe it."""
        try:
            with self._busy():
                model = self._loaded()
        except ModelUnavailable as error:
            return Failure(Fault.UNAVAILABLE, str(error), error.remedy)
        except BadInput as error:
            return Failure(Fault.BAD_INPUT, str(error))
        return Ready(model.name, model.context_window, asks_at_once(model))

    def hello(self) -> None:
        """Somebody is there who may ask."""
        self._heard = time.monotonic()

    def complete(
        self, ask_id: str, prompt: Prompt, params: SamplingParams
    ) -> Iterator[Completion | Failure]:
        """The completions as the model finishes them; a `Failure` is the last item."""
        cancel = self._cancel_of(ask_id)
        with self._busy():
            try:
                model = self._loaded()
                if not self._turn(cancel):
                    yield from [Completion("", FinishReason.CANCELLED)] * params.n
                    return
                try:
                    yield from model.complete(prompt, params, cancel=cancel)
                finally:
                    self._turns.release()
            except ModelUnavailable as error:
                yield Failure(Fault.UNAVAILABLE, str(error), error.remedy)
            except ValueError as error:
                yield Failure(Fault.NO_ROOM, str(error))
            finally:
                with self._lock:
                    self._cancels.pop(ask_id, None)

    def choice_logprobs(
        self, prompts: Sequence[Prompt], choices: Sequence[str]
    ) -> list[list[float]] | Failure | None:
        """As `LanguageModel` says."""
        with self._busy():
            try:
                model = self._loaded()
                with self._turns:
                    return model.choice_logprobs(prompts, choices)
            except ModelUnavailable as error:
                return Failure(Fault.UNAVAILABLE, str(error), error.remedy)
            except ValueError as error:
                return Failure(Fault.NO_ROOM, str(error))

    def cancel(self, ask_id: str) -> None:
        """End an ask, also one that has not arrived yet."""
        self._cancel_of(ask_id).set()

    def count_tokens(self, text: str) -> int:
        """As `LanguageModel` says."""
        return self._loaded().count_tokens(text)

    def apply_chat_template(self, messages: Sequence[Message]) -> str | None:
        """As `LanguageModel` says."""
        return self._loaded().apply_chat_template(messages)

    def _loaded(self) -> LanguageModel:
        with self._loading:
            if self._model is None:
                settings = self._settings
                # Ray tells OpenMP to use one thread; a replica has half of its node, like any model.
                threads = settings.threads or max(1, available_cpus() // 2)
                self._model = open_model(replace(settings, threads=threads))
                self._turns = threading.Semaphore(asks_at_once(self._model))
            return self._model

    def _turn(self, cancel: threading.Event) -> bool:
        while not cancel.is_set():
            if self._turns.acquire(timeout=_POLL_S):
                return True
        return False

    def _cancel_of(self, ask_id: str) -> threading.Event:
        with self._lock:
            # Of asks that never came, or were over when they were cancelled, something is left.
            if len(self._cancels) > _KEPT_CANCELS:
                del self._cancels[next(iter(self._cancels))]
            return self._cancels.setdefault(ask_id, threading.Event())

    @contextmanager
    def _busy(self) -> Iterator[None]:
        """While the block lasts this replica is not alone, and for a while after it."""
        with self._lock:
            self._asks += 1
        try:
            yield
        finally:
            with self._lock:
                self._asks -= 1
            self.hello()

    def _watch(self, keep_s: float, leave: Callable[[], None]) -> None:
        never = threading.Event()
        while not never.wait(keep_s / 4):
            if not self._asks and time.monotonic() - self._heard > keep_s:
                leave()
                return


def _end_this_actor() -> None:
    import ray

    ray.kill(ray.get_runtime_context().current_actor, no_restart=True)

"""Does the policy's actions: each in a thread of its own, everything it finds into one queue.

Only the queue leads back: a worker never touches the pool, so all growing happens in one thread.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from engine.asks import Interviewer, Question
from engine.candidates import STUB, Entry, Pool, Tier
from engine.cleanup.tests import compose
from engine.errors import Cancelled
from engine.judge import judge
from engine.llm.base import Completion, LanguageModel
from engine.llm.routing import Role, route
from engine.policy import BRIEF_S, Action, Ask, Confirm, Judge, RunPairs
from engine.prompts import PromptFormat
from engine.sandbox.base import Sandbox
from engine.selection import suite_id
from engine.spec import FunctionSpec
from engine.splice import splice
from engine.verdicts import PairResult, Verdict


@dataclass(frozen=True, slots=True)
class Settings:
    """How a search works, beside what it may spend (`Budget`).

    seed           makes sampling repeatable on one backend; None is random
    timeout_s      wall-clock seconds per pair
    prompt_format  how turns become text
    max_tokens     most tokens per reply
    wish           a reviewer's words, for the improve asks
    """

    seed: int | None = None
    timeout_s: float = 10.0
    prompt_format: PromptFormat = PromptFormat.AUTO
    max_tokens: int = 256
    wish: str = ""


@dataclass(frozen=True, slots=True)
class Sampled:
    """The model finished one reply."""

    action: Ask
    question: Question
    completion: Completion


@dataclass(frozen=True, slots=True)
class Found:
    """Something for the pool."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """An action ended, one way or the other."""

    action: Action
    seconds: float


@dataclass(frozen=True, slots=True)
class Broke:
    """An action ended with an error, which belongs to the caller."""

    error: BaseException


Event: TypeAlias = Sampled | Found | Done | Broke


@dataclass
class Workers:
    """Starts actions and reports on `events`. `start` and the rest are for one thread only.

    `small` is the smaller model of a cascade, for the actions that name it.
    """

    spec: FunctionSpec
    model: LanguageModel
    sandbox: Sandbox
    settings: Settings
    small: LanguageModel | None = None
    events: queue.SimpleQueue[Event] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self._models = {Tier.LARGE: self.model, Tier.SMALL: self.small or self.model}
        self._interviewers = {tier: self._interviewer(self._models[tier]) for tier in Tier}
        self.interviewer = self._interviewers[Tier.LARGE]
        self._modules: dict[str, str] = {STUB: self.spec.module}

    def _interviewer(self, model: LanguageModel) -> Interviewer:
        return Interviewer(
            self.spec,
            model,
            seed=self.settings.seed,
            prompt_format=self.settings.prompt_format,
            max_tokens=self.settings.max_tokens,
            wish=self.settings.wish,
        )

    def start(self, action: Action, pool: Pool, stop: threading.Event) -> None:
        """Begin an action on the pool as it stands; it ends early when `stop` is set.

        Raises BadInput when the stub does not fit a prompt.
        """
        work: Callable[[], None]
        match action:
            case Ask():
                question = self._interviewers[action.tier].question(action, pool)

                def work() -> None:
                    self._ask(action, question, stop)
            case RunPairs():

                def work() -> None:
                    self._run_pairs(action, pool, stop)
            case Confirm():

                def work() -> None:
                    self._confirm(action, pool, stop)
            case Judge():

                def work() -> None:
                    self._judge(action, pool, stop)
            case _:
                raise AssertionError(f"{action} is not work")
        threading.Thread(target=self._guarded, args=(action, work), daemon=True).start()

    def run_one(
        self, code_id: str, code: str, test_id: str, test: str, stop: threading.Event
    ) -> PairResult:
        """One pair, here and now. Raises Cancelled when `stop` is set, SandboxUnavailable."""
        results = self.sandbox.run_pairs(
            {code_id: code},
            {test_id: test},
            entry_point=self.spec.import_name,
            timeout_s=self.settings.timeout_s,
            cancel=stop,
        )
        for result in results:
            return result
        raise Cancelled("cancelled")

    def composed(self, pool: Pool, tests: tuple[str, ...]) -> str:
        """The one file of these asserts, as it would ship."""
        name = self.spec.import_name
        sources = [pool.candidates[t].source for t in tests]
        about = self.spec.entry_point
        return compose(sources, entry_point=about, import_line=f"from {name} import {name}")

    def _guarded(self, action: Action, work: Callable[[], None]) -> None:
        started = time.monotonic()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - handed over whole, raised by the driver
            self.events.put(Broke(error))
        self.events.put(Done(action, time.monotonic() - started))

    def _ask(self, action: Ask, question: Question, stop: threading.Event) -> None:
        role = Role(action.kind.value) if action.parent is None else Role.IMPROVE
        model = route(self._models[action.tier], role)
        for completion in model.complete(question.prompt, question.params, cancel=stop):
            self.events.put(Sampled(action, question, completion))

    def _run_pairs(self, action: RunPairs, pool: Pool, stop: threading.Event) -> None:
        codes = {code: self._module(pool, code) for code, _ in action.pairs}
        tests = {test: pool.candidates[test].source for _, test in action.pairs}
        longest = self.settings.timeout_s
        for result in self.sandbox.run_pairs(
            codes,
            tests,
            entry_point=self.spec.import_name,
            timeout_s=min(longest, BRIEF_S) if action.brief else longest,
            pairs=action.pairs,
            cancel=stop,
        ):
            self.events.put(Found((result,)))

    def _confirm(self, action: Confirm, pool: Pool, stop: threading.Event) -> None:
        code = self._module(pool, action.code_id)
        suite, test = suite_id(action.tests), self.composed(pool, action.tests)
        try:
            result = self.run_one(action.code_id, code, suite, test, stop)
            if result.verdict is Verdict.PASSED:
                cold = self.sandbox.confirm(
                    result.pair,
                    code,
                    test,
                    entry_point=self.spec.import_name,
                    timeout_s=self.settings.timeout_s,
                    cancel=stop,
                )
                # What a pass is worth was decided by the first run.
                result = replace(cold, isolation=result.isolation)
        except Cancelled:
            return  # the driver knows: it set `stop`
        self.events.put(Found((result,)))

    def _judge(self, action: Judge, pool: Pool, stop: threading.Event) -> None:
        code = pool.candidates[action.code_id].source
        form = self.settings.prompt_format
        model = self._models[action.tier]
        alone = judge(model, code_id=action.code_id, code=code, prompt_format=form, cancel=stop)
        pair = judge(
            model,
            code_id=action.code_id,
            code=code,
            test_id=suite_id(action.tests),
            test=self.composed(pool, action.tests),
            prompt_format=form,
            cancel=stop,
        )
        self.events.put(Found((alone, pair)))

    def _module(self, pool: Pool, code_id: str) -> str:
        """The stub's whole module with this code in the stub's place: what the sandbox runs."""
        if code_id not in self._modules:
            source = pool.candidates[code_id].source
            self._modules[code_id] = splice(self.spec.module, self.spec.qualname, source)
        return self._modules[code_id]

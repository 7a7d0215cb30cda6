"""The driver: turns the policy's actions into work for the model and the sandbox, and keeps the pool.

A thread for each ask in flight and one for the sandbox do the work, so that all are busy at the same
time; asks at the same time share the model's batch. Everything that they find comes back over one queue
to the caller's thread, which alone grows the pool, writes the journal, tells the observer and asks the
policy what to do next.
"""

from __future__ import annotations

import math
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from engine.asks import given_tests, wish_style
from engine.candidates import STUB, Candidate, Entry, Kind, Pool, Tier
from engine.errors import BadInput, Cancelled, SandboxUnavailable
from engine.llm.base import LanguageModel, asks_at_once
from engine.outcomes import Asked, Tally, outcomes_of
from engine.policy import Abandon, Action, Ask, Budget, Stop, StopReason, next_actions
from engine.progress import Progress
from engine.sandbox.base import Sandbox
from engine.selection import Choice, choose, pair_score, suite_id
from engine.spec import FunctionSpec
from engine.tuning import Outcome, Tuner
from engine.verdicts import Judgement, PairResult, Verdict
from engine.workers import Broke, Done, Found, Sampled, Settings, Workers

__all__ = ["Exhausted", "Search", "Settings", "Solution"]


LOOK_EVERY_S = 0.25
"""How often the policy and the observer look at the pool while the same work goes on."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The pair to ship: the function's source, the whole test file, and what speaks for them.

    `score` combines `choice.evidence` (execution) with `judgement` (the model's word).
    `confirmation` is the run of the shipped file against the code.
    """

    code: str
    test: str
    score: float
    choice: Choice
    judgement: Judgement | None
    code_judgement: Judgement | None
    confirmation: PairResult
    pool: Pool


@dataclass(frozen=True, slots=True)
class Exhausted:
    """No pair was good enough. `best` is the nearest, if there was one; the pool is kept."""

    reason: StopReason
    best: Choice | None
    pool: Pool


@dataclass
class Search:
    """One search for one function. Call `run` once.

    `journal` is given every entry of the pool as it comes, before anything else is done with it.
    `observer` is given a `Progress` a few times a second. `tuner` has a say in every ask; `outcomes`
    tells it afterwards what they brought. `small`, with a tuner of its own, is asked first where the
    budget has a cascade. Setting `cancel` ends the search
    with `Cancelled` within seconds. `clock` gives seconds that only rise.
    """

    spec: FunctionSpec
    model: LanguageModel
    sandbox: Sandbox
    budget: Budget = field(default_factory=Budget)
    settings: Settings = field(default_factory=Settings)
    pool: Pool = field(default_factory=Pool)
    tuner: Tuner = field(default_factory=Tuner)
    small: LanguageModel | None = None
    small_tuner: Tuner = field(default_factory=Tuner)
    journal: Callable[[Iterable[Entry]], None] = lambda entries: None
    observer: Callable[[Progress], None] = lambda progress: None
    cancel: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._workers = Workers(self.spec, self.model, self.sandbox, self.settings, self.small)
        self._style = wish_style(self.settings.wish)
        # A pool that was kept has had its share: the budget is for what comes on top.
        self._limits = replace(
            self.budget,
            wish=self._style,
            # A wish is about what a search found before: the large model answers it.
            cascade=None if self._style or self.small is None else self.budget.cascade,
            candidates=self.budget.candidates + self.pool.samples(Kind.CODE, Tier.LARGE),
            tests=self.budget.tests + self.pool.samples(Kind.TEST, Tier.LARGE),
        )
        self._in_flight: dict[Action, threading.Event] = {}
        self._tallies: dict[Ask, Tally] = {}
        self._progress = Progress()
        self._known = set(self.pool.candidates)
        self._ended: list[Asked] = []
        self._tuned_for = -1
        self._luck = self.settings.seed if self.settings.seed is not None else secrets.randbits(64)
        self._asked: frozenset[Action] = frozenset()
        self._asked_at = -math.inf
        self._started = self._model_counted = self.clock()

    def run(self) -> Solution | Exhausted:
        """Search until a pair is good enough or the budget is spent.

        Raises BadInput when the stub's module cannot be imported in the sandbox or does not fit the
        model, ModelUnavailable or SandboxUnavailable when a part is gone, Cancelled when `cancel`
        was set. The pool and the journal hold all that was found by then.
        """
        try:
            self._check_module()
            self._grow(g for g in given_tests(self.spec) if g.id not in self.pool.candidates)
            while True:
                if self.cancel.is_set():
                    raise Cancelled("cancelled")
                if not self._has_news():
                    self._wait()
                    continue
                self._tune()
                budget = replace(
                    self._limits,
                    seconds_left=self._seconds_left(),
                    asks_at_once=self._asks_at_once(),
                )
                for action in next_actions(self.pool, budget, tuple(self._in_flight)):
                    if isinstance(action, Stop):
                        return self._result(action.reason)
                    self._start(action)
                self._tell()
                self._wait()
        finally:
            self._stop_workers()

    def outcomes(self, tier: Tier = Tier.LARGE) -> list[Outcome]:
        """What the asks to a model brought, for who keeps it; nothing of a search with a wish.

        Its asks are of a kind of their own, and its pool began with what an earlier search found.
        """
        if self._style:
            return []
        asked = [one for one in self._ended if one.ask.tier is tier]
        return outcomes_of(self.pool, asked, min_asserts=self.budget.min_asserts)

    def _tune(self) -> None:
        """Choose the knobs of the next ask, once for each."""
        if self._style or self._tuned_for == len(self._ended):
            return
        self._tuned_for = len(self._ended)
        luck = f"{self._luck} {self._tuned_for}"
        cascade = self._limits.cascade
        if cascade:
            cascade = replace(cascade, tuned=self.small_tuner.tuned(luck))
        self._limits = replace(self._limits, tuned=self.tuner.tuned(luck), cascade=cascade)

    def _seconds_left(self) -> float:
        return self.budget.seconds_left - (self.clock() - self._started)

    def _check_module(self) -> None:
        """The stub's module must be importable where candidates run, or every one would fail."""
        name = self.spec.import_name
        probe = f"from {name} import {name}\n\n\ndef test_import():\n    assert {name}\n"
        result = self._workers.run_one(STUB, self.spec.module, "probe", probe, self.cancel)
        if result.verdict is Verdict.SANDBOX_ERROR:
            raise SandboxUnavailable(
                f"the sandbox cannot run even an import: {result.message}",
                remedy="supercharge doctor",
            )
        if result.verdict is not Verdict.PASSED:
            where = self.spec.path or "the stub's module"
            raise BadInput(
                f"{where} cannot be imported in the sandbox: {result.message or result.error}"
            )

    def _has_news(self) -> bool:
        """Whether the policy should be asked: work began or ended, or a while has passed.

        It looks at the whole pool, which is too much for every single result.
        """
        now, doing = self.clock(), frozenset(self._in_flight)
        if doing == self._asked and now - self._asked_at < LOOK_EVERY_S:
            return False
        self._asked, self._asked_at = doing, now
        return True

    def _start(self, action: Action) -> None:
        if isinstance(action, Abandon):
            self._in_flight[action.action].set()
            return
        stop = threading.Event()
        self._workers.start(action, self.pool, stop)
        self._in_flight[action] = stop
        if isinstance(action, Ask):
            self._tallies[action] = Tally(action)

    def _wait(self) -> None:
        """Take in one event, and all others that are there already."""
        try:
            event = self._workers.events.get(timeout=min(0.25, max(self._seconds_left(), 0.01)))
        except queue.Empty:
            return
        entries: list[Entry] = []
        errors: list[BaseException] = []
        while True:
            if isinstance(event, Broke):
                errors.append(event.error)
            else:
                entries += self._entries_of(event)
            try:
                event = self._workers.events.get_nowait()
            except queue.Empty:
                break
        self._grow(entries)
        if errors:
            raise errors[0]

    def _entries_of(self, event: Sampled | Found | Done) -> Iterable[Entry]:
        match event:
            case Found(entries):
                return entries
            case Sampled():
                return self._candidates_of(event)
            case Done(Ask() as action, seconds):
                del self._in_flight[action]
                tally = self._tallies.pop(action)
                self._progress = self._progress.with_tokens(tally.tokens, self._model_busy(seconds))
                self._ended.append(tally.asked(seconds))
                return [tally.entry(seconds)]
            case Done(action):
                del self._in_flight[action]
                return ()

    def _asks_at_once(self) -> int:
        models = [self.model] if self._limits.cascade is None else [self.model, self.small]
        return min(asks_at_once(model) for model in models if model is not None)

    def _model_busy(self, seconds: float) -> float:
        """How much of an ask that just ended after `seconds` no ask before it has accounted for."""
        now = self.clock()
        busy = min(seconds, now - self._model_counted)
        self._model_counted = now
        return busy

    def _candidates_of(self, event: Sampled) -> list[Candidate]:
        tally = self._tallies[event.action]
        if not tally.count(event.question, event.completion):
            return []
        found = self._workers.interviewer.candidates(event.action, event.question, event.completion)
        tally.found(found, self._known)
        return found

    def _grow(self, entries: Iterable[Entry]) -> None:
        grown = list(entries)
        if grown:
            self.journal(grown)
            self.pool = self.pool.grown(grown)

    def _tell(self) -> None:
        self._progress = self._progress.of(
            self.pool,
            in_flight=self._in_flight,
            min_asserts=self.budget.min_asserts,
            style=self._style,
            seconds_left=self._seconds_left(),
        )
        self.observer(self._progress)

    def _result(self, reason: StopReason) -> Solution | Exhausted:
        choice = choose(self.pool, min_asserts=self.budget.min_asserts, style=self._style)
        if reason is not StopReason.SOLVED or choice is None:
            return Exhausted(reason, choice, self.pool)
        pair = (choice.code_id, suite_id(choice.tests))
        judgement = self.pool.judgements[pair]
        return Solution(
            code=self.pool.candidates[choice.code_id].source,
            test=self._workers.composed(self.pool, choice.tests),
            score=pair_score(choice.evidence, judgement.score, self.budget.judge_weight),
            choice=choice,
            judgement=judgement,
            code_judgement=self.pool.judgements.get((choice.code_id, None)),
            confirmation=self.pool.results[pair],
            pool=self.pool,
        )

    def _stop_workers(self) -> None:
        """Stop what is in flight and keep what it had found by then."""
        for stop in self._in_flight.values():
            stop.set()
        found: list[Entry] = []
        while self._in_flight:
            event = self._workers.events.get()
            if not isinstance(event, Broke):
                found += self._entries_of(event)
        self._grow(found)

"""What the asks of a search brought, once it is over: the rewards that `engine.tuning` learns from.

An ask is useful by what is left of it in the end: different codes that agree with the chosen one,
different asserts that the chosen code passes, each as much as execution speaks for that choice. Twins
count once. Otherwise the coldest sampling would win: it writes one code again and again and agrees with
itself, which is no evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from engine.asks import Question
from engine.candidates import AskOutcome, Candidate, Kind, Pool
from engine.knobs import Knobs, Part
from engine.llm.base import Completion, FinishReason
from engine.policy import Ask
from engine.selection import choose
from engine.tuning import Outcome


@dataclass(frozen=True, slots=True)
class Asked:
    """One ask that ended. `knobs` are those that had an effect; `fresh` are the candidates that it
    brought first, by their ids.
    """

    ask: Ask
    knobs: Knobs
    parts: frozenset[Part]
    fresh: tuple[str, ...]
    samples: int
    tokens: int
    seconds: float


@dataclass
class Tally:
    """What came of one ask so far. `fresh_ids` are of candidates that nobody had brought before."""

    ask: Ask
    question: Question | None = None
    samples: int = 0
    usable: int = 0
    fresh: int = 0
    tokens: int = 0
    fresh_ids: list[str] = field(default_factory=list)

    def count(self, question: Question, completion: Completion) -> bool:
        """Take in one reply; False when it was cut off by a cancel and counts as none."""
        self.question = question
        self.tokens += len(completion.tokens)
        counts = completion.finish_reason is not FinishReason.CANCELLED
        self.samples += counts
        return counts

    def found(self, candidates: Sequence[Candidate], known: set[str]) -> None:
        """What the cleaner made of that reply; those that are new are `known` from now on."""
        fresh = {candidate.id for candidate in candidates} - known
        self.usable += bool(candidates)
        self.fresh += bool(fresh)
        self.fresh_ids += sorted(fresh)
        known |= fresh

    def asked(self, seconds: float) -> Asked:
        parts = self.question.parts if self.question else frozenset()
        return Asked(
            ask=self.ask,
            knobs=replace(self.ask.knobs, without=self.ask.knobs.without & parts),
            parts=parts,
            fresh=tuple(self.fresh_ids),
            samples=self.samples,
            tokens=self.tokens,
            seconds=seconds,
        )

    def entry(self, seconds: float) -> AskOutcome:
        """For the pool."""
        question = self.question
        return AskOutcome(
            kind=self.ask.kind,
            origin=self.ask.origin,
            style=question.style if question else "",
            samples=self.samples,
            usable=self.usable,
            fresh=self.fresh,
            tokens=self.tokens,
            seconds=round(seconds, 3),
            temperature=question.params.temperature if question else None,
            max_tokens=question.params.max_tokens if question else None,
            without=tuple(sorted(self.asked(seconds).knobs.without)),
            tier=self.ask.tier,
        )


def outcomes_of(pool: Pool, asked: Iterable[Asked], *, min_asserts: int) -> list[Outcome]:
    """The outcome of each ask, by what is known of its candidates in `pool`.

    An ask that was stopped before a single reply says nothing, and is left out.
    """
    choice = choose(pool, min_asserts=min_asserts)
    agreed = set(choice.group) if choice else set()
    held = {t for t in pool.live_tests if choice and pool.passes(choice.code_id, t)}
    weight = choice.evidence if choice else 0.0

    def useful(one: Asked) -> float:
        if one.ask.kind is Kind.TEST:
            return weight * sum(test in held for test in one.fresh)
        # Whoever improves what was right already has shown nothing.
        if one.ask.parent in agreed:
            return 0.0
        return weight * sum(code in agreed for code in one.fresh)

    return [
        Outcome(
            kind=one.ask.kind,
            style=one.ask.style,
            knobs=one.knobs,
            parts=one.parts,
            useful=useful(one),
            samples=one.samples,
            tokens=one.tokens,
            seconds=one.seconds,
        )
        for one in asked
        if one.samples and one.seconds > 0
    ]

"""Candidates and the pool that keeps every one of them with all that is known of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from engine.verdicts import Judgement, PairResult, Verdict


class Kind(StrEnum):
    """What a candidate is. A TEST holds a single assert: one column of the matrix."""

    CODE = "code"
    TEST = "test"


class Origin(StrEnum):
    """Where a candidate came from."""

    GIVEN = "given"
    """Written by people: an example in the docstring. Ground truth."""
    SAMPLED = "sampled"
    IMPROVED = "improved"
    """The answer to an ask for one improvement of `parent`."""
    REFINED = "refined"
    """The answer to an ask that showed how `parent` failed a test."""


class Tier(StrEnum):
    """Which model is asked; without a cascade there is only the large one."""

    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One code, or one single-assert test, cleaned.

    `source` is the whole module as it runs; `raw` the model's reply that it was cleaned from, kept
    so that a better cleaner can start again. `logprob` is the mean log-probability per token of
    that reply. `style` names the prompt that asked for it.
    """

    kind: Kind
    source: str
    raw: str = ""
    origin: Origin = Origin.SAMPLED
    parent: str | None = None
    logprob: float | None = None
    style: str = ""
    edits: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Hash of kind and source: two samples that clean to one source are one candidate."""
        return candidate_id(self.kind, self.source)


def candidate_id(kind: Kind, source: str) -> str:
    # A model can produce half a surrogate pair, which UTF-8 cannot write.
    text = f"{kind.value}\0{source}".encode(errors="surrogatepass")
    return hashlib.sha256(text).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class AskOutcome:
    """One question that was put to the model, and what came of it.

    `kind` is what was asked for, `origin` how (SAMPLED, IMPROVED or REFINED). `samples` replies
    came back in `seconds`; `usable` of them survived cleaning and checking, `fresh` of those were
    no twin of a candidate already in the pool. They were sampled at `temperature`, with `max_tokens` at
    most, from a prompt `without` these parts; pools of earlier versions do not say so. `tier` is the
    model that was asked.
    """

    kind: Kind
    origin: Origin
    style: str
    samples: int
    usable: int
    fresh: int
    tokens: int
    seconds: float
    temperature: float | None = None
    max_tokens: int | None = None
    without: tuple[str, ...] = ()
    tier: Tier = Tier.LARGE


MOST_HURT = 3
"""How often a pair that the sandbox itself failed is tried before it is left unknown."""

STUB = "stub"
"""The id under which the stub itself runs, so that tests which pass on it can be told."""

Entry: TypeAlias = Candidate | PairResult | Judgement | AskOutcome
"""What a pool is made of, in the order in which it came."""


@dataclass(frozen=True)
class Pool:
    """Every candidate of one task with every verdict and judgement; frozen, grows by a new one.

    `candidates` maps ids to candidates in order of arrival; `seen` counts how often each was
    sampled, twins included. `results` maps (code id, test id) to the last result; the code id
    `STUB` stands for the stub itself. `hurt` counts how often the sandbox itself failed a pair. `small`
    is `seen` as it was when a smaller model's last ask ended: by then the large one had not been asked.
    """

    candidates: Mapping[str, Candidate] = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)
    results: Mapping[tuple[str, str], PairResult] = field(default_factory=dict)
    hurt: Mapping[tuple[str, str], int] = field(default_factory=dict)
    judgements: Mapping[tuple[str, str | None], Judgement] = field(default_factory=dict)
    asks: tuple[AskOutcome, ...] = ()
    small: Mapping[str, int] = field(default_factory=dict)

    def grown(self, entries: Iterable[Entry]) -> Pool:
        """This pool and `entries`: twins are counted, a later result replaces an earlier one.

        What the sandbox failed at says nothing about a pair whose outcome is known.
        """
        candidates, seen = dict(self.candidates), dict(self.seen)
        results, judgements = dict(self.results), dict(self.judgements)
        hurt = dict(self.hurt)
        asks, small = list(self.asks), self.small
        for entry in entries:
            match entry:
                case Candidate():
                    candidates.setdefault(entry.id, entry)
                    seen[entry.id] = seen.get(entry.id, 0) + 1
                case PairResult():
                    known = results.get(entry.pair)
                    if entry.verdict.is_final or known is None or not known.verdict.is_final:
                        results[entry.pair] = entry
                    if not entry.verdict.is_final:
                        hurt[entry.pair] = hurt.get(entry.pair, 0) + 1
                case Judgement():
                    judgements[entry.code_id, entry.test_id] = entry
                case AskOutcome():
                    asks.append(entry)
                    if entry.tier is Tier.SMALL:
                        small = dict(seen)
        return replace(
            self,
            candidates=candidates,
            seen=seen,
            results=results,
            hurt=hurt,
            judgements=judgements,
            asks=tuple(asks),
            small=small,
        )

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Ids of all codes, in order of arrival."""
        return tuple(i for i, c in self.candidates.items() if c.kind is Kind.CODE)

    @cached_property
    def passed_on(self) -> bool:
        """Whether the large model was asked anew: all there is of a pool without a cascade.

        An answer to a reviewer's wish only goes on from what had been found.
        """
        return any(a.tier is Tier.LARGE and a.origin is Origin.SAMPLED for a in self.asks)

    def votes(self, code_id: str) -> int:
        """How often a code was sampled by the model that has the say.

        That is the large one, once it was asked: what a weaker model agrees with itself on is wrong
        more often, and would outvote it. Its tests stay.
        """
        return self.seen[code_id] - (self.small.get(code_id, 0) if self.passed_on else 0)

    @cached_property
    def voters(self) -> tuple[str, ...]:
        """The codes that have votes, in order of arrival: the others are neither run nor chosen."""
        return tuple(code for code in self.codes if self.votes(code))

    @cached_property
    def tests(self) -> tuple[str, ...]:
        """Ids of all single-assert tests, in order of arrival."""
        return tuple(i for i, c in self.candidates.items() if c.kind is Kind.TEST)

    @cached_property
    def live_tests(self) -> tuple[str, ...]:
        """Tests that are worth a column: they run, and they fail on the stub itself."""
        return tuple(t for t in self.tests if self._is_live(t))

    def _is_live(self, test_id: str) -> bool:
        result = self.results.get((STUB, test_id))
        return (
            result is not None and result.verdict is Verdict.FAILED and result.error != "collection"
        )

    @cached_property
    def given_tests(self) -> tuple[str, ...]:
        """Tests that people wrote, among the live ones."""
        return tuple(t for t in self.live_tests if self.candidates[t].origin is Origin.GIVEN)

    def verdict(self, code_id: str, test_id: str) -> Verdict | None:
        result = self.results.get((code_id, test_id))
        return result.verdict if result else None

    def passes(self, code_id: str, test_id: str) -> bool | None:
        """Whether the code passed the test; None where that is not known."""
        verdict = self.verdict(code_id, test_id)
        if verdict is None or not verdict.is_final:
            return None
        return verdict is Verdict.PASSED

    def untested_pairs(self) -> Iterator[tuple[str, str]]:
        """The pairs that the sandbox still owes, a test's run on the stub before its others.

        What ended in SANDBOX_ERROR is owed again, but not for ever.
        """
        for test_id in self.tests:
            if self._owed(STUB, test_id):
                yield (STUB, test_id)
        for code_id in self.voters:
            for test_id in self.live_tests:
                pair = (code_id, test_id)
                # Asked of every pair after every result: most are known, and nothing more is looked up.
                if pair not in self.results or (pair in self.hurt and self._owed(*pair)):
                    yield pair

    def _owed(self, code_id: str, test_id: str) -> bool:
        verdict = self.verdict(code_id, test_id)
        if verdict is None:
            return True
        return not verdict.is_final and self.hurt.get((code_id, test_id), 0) < MOST_HURT

    def asks_of(self, tier: Tier) -> list[AskOutcome]:
        """The asks that went to this model, in their order."""
        return [ask for ask in self.asks if ask.tier is tier]

    def samples(self, kind: Kind, tier: Tier | None = None) -> int:
        """How many replies were sampled for this kind, twins and unusable ones included.

        With a `tier`, those of that model alone.
        """
        asks = self.asks if tier is None else self.asks_of(tier)
        return sum(ask.samples for ask in asks if ask.kind is kind)

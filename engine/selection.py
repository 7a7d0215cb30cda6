"""Which code, which tests: pure functions of the matrix and of the pool that holds it."""

from __future__ import annotations

import ast
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.agreement import Agreement, agreements
from engine.candidates import Pool
from engine.cleanup.tolerance import exact

SHARPNESS = 5.0
"""How strongly a code's mean log-probability per token counts in its votes."""

MOST_SHIPPED = 12
"""Most asserts in the test that ships: as many as a reviewer reads with care."""


def rank(
    passes: Sequence[Sequence[bool | None]], *, weights: Sequence[float] | None = None
) -> list[int]:
    """Code indices, best first, by agreement with the tests and with each other.

    `passes[i][j]` says whether code `i` passes test `j`, None where that is not known. `weights`,
    when given, says how many votes each code has, for example how often it was sampled, times how
    likely its generator found it. A code is worth its best `Agreement`; among equals the one
    of the greater weight comes first, then the earlier one.

    Raises ValueError when rows differ in length, or a weight is missing, negative or not finite.
    """
    votes = _checked_weights(passes, weights)
    return _ranking(agreements(passes, votes), votes)


def _ranking(agreed: Sequence[Agreement], votes: Sequence[float]) -> list[int]:
    return sorted(range(len(agreed)), key=lambda i: (-agreed[i].worth, -votes[i], i))


def _checked_weights(
    passes: Sequence[Sequence[bool | None]], weights: Sequence[float] | None
) -> list[float]:
    if any(len(row) != len(passes[0]) for row in passes):
        raise ValueError("all rows of the matrix must have the same length")
    votes = [1.0] * len(passes) if weights is None else [float(w) for w in weights]
    if len(votes) != len(passes):
        raise ValueError(f"{len(passes)} codes need {len(passes)} weights, got {len(votes)}")
    if any(not math.isfinite(w) or w < 0 for w in votes):
        raise ValueError("weights must be finite and not negative")
    return votes


@dataclass(frozen=True, slots=True)
class Choice:
    """The code that the matrix speaks for, the asserts that would ship, and how strong the case is.

    `evidence`, from 0 to 1, is what execution says. The counts behind it: `votes` of `votes_all`
    sampled codes (`group` has the different ones) pass the same `passed` of `asserts` distinct live
    asserts as the chosen one; `given` of those came with the stub, and they expect `values` different
    values. `weight` is what these passes weigh by the codes' votes, `share` their part in all passes.
    """

    code_id: str
    group: tuple[str, ...]
    tests: tuple[str, ...]
    votes: int
    votes_all: int
    passed: int
    asserts: int
    given: int
    share: float
    weight: float
    values: int
    logprob: float | None
    evidence: float

    def floor(self, at_stake: float) -> float:
        """The evidence that is left if codes outside the group pass pairs of this weight besides."""
        return evidence(
            self.passed, self.votes, self.weight / (self.weight / self.share + at_stake)
        )


def suite_id(tests: Sequence[str]) -> str:
    """The id under which the file composed of these asserts is confirmed and judged."""
    return "suite-" + hashlib.sha256("\0".join(sorted(tests)).encode()).hexdigest()[:16]


def pair_score(evidence: float, judgement: float | None, judge_weight: float) -> float:
    """The score of a pair: what execution says, lowered by a judge who is worth listening to.

    `judge_weight` is what the judge was measured to know, 0 (noise) to 1. Execution outranks it: the
    judge never lifts a score, and at most halves it.
    """
    if judgement is None:
        return evidence
    return evidence * (1 - 0.5 * judge_weight * (1 - judgement))


def weights(pool: Pool, codes: Sequence[str]) -> list[float]:
    """Votes per code: how often it was sampled (`Pool.votes`) × how likely its generator found it.

    The generator's own mean log-probability tells right from wrong codes of one stub far better than
    its judgement does, so an unlikely code has less of a vote.
    """
    likelihoods = [pool.candidates[c].logprob or 0.0 for c in codes]
    return [
        pool.votes(c) * math.exp(SHARPNESS * logprob)
        for c, logprob in zip(codes, likelihoods, strict=True)
    ]


def leaders(pool: Pool) -> list[str]:
    """The best code of each different behaviour, best first."""
    codes, tests = pool.voters, pool.live_tests
    rows = [tuple(pool.passes(c, t) for t in tests) for c in codes]
    seen: dict[tuple[bool | None, ...], str] = {}
    for index in rank(rows, weights=weights(pool, codes)):
        seen.setdefault(rows[index], codes[index])
    return list(seen.values())


def choose(pool: Pool, *, min_asserts: int, style: str = "") -> Choice | None:
    """The code to ship and its asserts, or None where nothing passes anything.

    A code without votes, or that fails a given example, is out. Evidence is 0 when fewer than
    `min_asserts` distinct asserts survive, or when all of them expect one and the same value. With a
    `style` only a code that was written in answer to asks of that style is chosen, among those that do
    all that was agreed on; as long as there is none, evidence is 0.
    """
    tests = pool.live_tests
    given = pool.given_tests
    codes = [c for c in pool.voters if all(pool.passes(c, t) for t in given)]
    if not codes or not tests:
        return None
    # A pair that was never run, since its code or its test hangs, speaks for nobody.
    rows = [[pool.passes(c, t) is True for t in tests] for c in codes]
    votes = weights(pool, codes)
    agreed = agreements(rows, votes)
    best = _ranking(agreed, votes)[0]
    agreement = agreed[best]
    if not agreement.tests:
        return None
    answers = [c for c in agreement.codes if pool.candidates[codes[c]].style == style]
    if style and answers:
        best = max(answers, key=lambda c: (votes[c], -c))
    passed = [tests[t] for t in agreement.tests]
    for_it = sum(votes[c] for c in agreement.codes) * len(passed)
    against = sum(votes[c] * sum(rows[c]) for c in set(range(len(codes))) - set(agreement.codes))
    share = for_it / (for_it + against)
    group_votes = sum(pool.votes(codes[c]) for c in agreement.codes)
    values = {value for t in passed for value in expected_values(pool.candidates[t].source)}
    claimed = len(passed) >= min_asserts and len(values) > 1 and (not style or bool(answers))
    return Choice(
        code_id=codes[best],
        group=tuple(codes[c] for c in agreement.codes),
        tests=tuple(_shipped(pool, passed)),
        votes=group_votes,
        votes_all=sum(pool.votes(c) for c in pool.voters),
        passed=len(passed),
        asserts=len(tests),
        given=sum(1 for t in given if t in passed),
        share=share,
        weight=for_it,
        values=len(values),
        logprob=pool.candidates[codes[best]].logprob,
        evidence=evidence(len(passed), group_votes, share) if claimed else 0.0,
    )


def evidence(passed: int, votes: int, share: float) -> float:
    """How strongly execution speaks for a choice, from 0 to 1.

    Three doubts, each of which alone can sink it: that the `passed` distinct asserts hold by chance
    (halved by every one more), that the `votes` of codes that agree do so by chance (halved by every
    three more), and that another behaviour is the right one: `share` is the winner's part of all
    passes, each weighted by its code's votes. The square root spreads the upper end, where thresholds
    lie. How often a choice of some evidence is right was measured: docs/benchmarks.md.
    """
    asserts_hold = 1 - 2**-passed
    codes_agree = 1 - 2 ** (-votes / 3)
    return math.sqrt(asserts_hold * codes_agree * share)


@lru_cache(maxsize=4096)
def expected_values(source: str) -> frozenset[str]:
    """What a single-assert test expects, as text.

    Where all surviving asserts expect the same, a function that returns just that would pass them.
    """
    tree = ast.parse(source)
    return frozenset(
        _expected(node.test) for node in ast.walk(tree) if isinstance(node, ast.Assert)
    ) or frozenset({"raises"})


def _expected(check: ast.expr) -> str:
    match check:
        case ast.Compare(ops=[ast.Eq() | ast.Is()], comparators=[right]):
            return ast.unparse(exact(right) or right)
        case ast.UnaryOp(op=ast.Not()):
            return "False"
        case ast.Call():
            return "True"
    return ast.unparse(check)


def _shipped(pool: Pool, passed: Sequence[str]) -> list[str]:
    """The asserts that ship, in order of arrival: the given ones, then those most often written."""
    given = set(pool.given_tests)
    best = sorted(passed, key=lambda t: (t not in given, -pool.seen[t]))[:MOST_SHIPPED]
    return [t for t in passed if t in set(best)]

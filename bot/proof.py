"""What speaks for a solution, as values that a page can show: counts, and the matrix cut short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.candidates import Kind, Origin, Pool, Tier
from engine.cleanup import syntax
from engine.functions import definitions
from engine.search import Exhausted, Solution
from engine.selection import Choice

MOST_LEFT_OUT = 4
"""So many of the asserts that codes are at odds over are shown beside those that ship."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was tried: replies asked for, what different candidates came of them, pairs run."""

    codes: int
    unique_codes: int
    improved: int
    tests: int
    asserts: int
    live_asserts: int
    pairs: int
    passing: int

    @classmethod
    def of(cls, pool: Pool) -> Counts:
        verdicts = [pool.passes(*pair) for pair in pool.results]
        better = (Origin.IMPROVED, Origin.REFINED)
        return cls(
            codes=pool.samples(Kind.CODE),
            unique_codes=len(pool.codes),
            improved=sum(1 for c in pool.candidates.values() if c.origin in better),
            tests=pool.samples(Kind.TEST),
            asserts=len(pool.tests),
            live_asserts=len(pool.live_tests),
            pairs=len(verdicts),
            passing=sum(1 for passed in verdicts if passed),
        )


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model was asked: lowest and highest over all asks that say so; `small` replies came from
    the smaller model of a cascade; `without` are parts that some prompts left out.
    """

    asks: int
    replies: tuple[int, int]
    temperature: tuple[float, float]
    max_tokens: tuple[int, int]
    small: int
    without: tuple[str, ...]

    @classmethod
    def of(cls, pool: Pool) -> Sampling | None:
        """None for a pool of an earlier version, whose asks do not say."""
        asks = [ask for ask in pool.asks if ask.temperature is not None]
        if not asks:
            return None
        heats = [ask.temperature or 0.0 for ask in asks]
        most = [ask.max_tokens or 0 for ask in asks]
        return cls(
            asks=len(asks),
            replies=(min(a.samples for a in asks), max(a.samples for a in asks)),
            temperature=(min(heats), max(heats)),
            max_tokens=(min(most), max(most)),
            small=sum(a.samples for a in asks if a.tier is Tier.SMALL),
            without=tuple(sorted({part for a in asks for part in a.without})),
        )


@dataclass(frozen=True, slots=True)
class Row:
    """Codes that do the same on all shown asserts: `votes` samples, and whether they pass each."""

    votes: int
    passes: tuple[bool | None, ...]
    chosen: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """Codes × asserts: the first `shipped` asserts are in the test, the others were left out.

    The chosen code's row is the first, then come those that pass more, and have more votes.
    """

    asserts: tuple[str, ...]
    shipped: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """A solution and all that a reader may want to know of it.

    `judge` and `judge_of_code` are the model's own word, None where there is none; `judge_weight`, 0 to
    1, is how much it counted. `output` is what pytest printed when the shipped test ran on the code.
    """

    code: str
    test: str
    score: float
    threshold: float
    choice: Choice
    judge: float | None
    judge_of_code: float | None
    judge_weight: float
    confirmed_s: float
    output: str
    matrix: Matrix
    counts: Counts
    sampling: Sampling | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What a search came to that was not enough: the nearest code, if one passed anything."""

    counts: Counts
    threshold: float
    best: Choice | None
    nearest: str


def proof_of(solution: Solution, *, threshold: float, judge_weight: float) -> Proof:
    """The case for a solution; the two figures are those of the search's budget."""
    judged, of_code = solution.judgement, solution.code_judgement
    return Proof(
        code=solution.code,
        test=solution.test,
        score=solution.score,
        threshold=threshold,
        choice=solution.choice,
        judge=judged.score if judged else None,
        judge_of_code=of_code.score if of_code else None,
        judge_weight=judge_weight,
        confirmed_s=solution.confirmation.seconds,
        output=solution.confirmation.output,
        matrix=matrix_of(solution.pool, solution.choice),
        counts=Counts.of(solution.pool),
        sampling=Sampling.of(solution.pool),
    )


def tried_of(exhausted: Exhausted, *, threshold: float) -> Tried:
    """What was tried, from the end of a search that was not enough."""
    best, pool = exhausted.best, exhausted.pool
    return Tried(
        counts=Counts.of(pool),
        threshold=threshold,
        best=best,
        nearest=pool.candidates[best.code_id].source if best else "",
    )


def matrix_of(pool: Pool, choice: Choice) -> Matrix:
    """The shipped asserts and the most passed of the others, against every different behaviour."""
    others = [t for t in pool.live_tests if t not in set(choice.tests)]
    passing = {t: sum(1 for c in pool.voters if pool.passes(c, t)) for t in others}
    most = sorted(others, key=lambda t: -passing[t])[:MOST_LEFT_OUT]
    columns = (*choice.tests, *most)
    votes: dict[tuple[bool | None, ...], int] = {}
    for code in pool.voters:
        row = tuple(pool.passes(code, test) for test in columns)
        votes[row] = votes.get(row, 0) + pool.votes(code)
    chosen = tuple(pool.passes(choice.code_id, test) for test in columns)
    rows = [Row(n, row, chosen=row == chosen) for row, n in votes.items()]
    return Matrix(
        asserts=tuple(assert_of(pool.candidates[t].source) for t in columns),
        shipped=len(choice.tests),
        rows=tuple(sorted(rows, key=lambda r: (not r.chosen, -r.passes.count(True), -r.votes))),
    )


def assert_of(test: str) -> str:
    """The assert of a single-assert test, on one line; of what is no such test its last line."""
    tree = syntax.parse(test)
    lines: Sequence[str] = test.strip().split("\n")
    if not isinstance(tree, syntax.Fault):
        functions = [d for d in definitions(tree) if d.name.startswith("test")]
        if functions:
            body = functions[-1].body
            first, last = body[0].lineno, body[-1].end_lineno or body[-1].lineno
            return " ".join(line.strip() for line in test.split("\n")[first - 1 : last])
    return lines[-1].strip()

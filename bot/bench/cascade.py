"""`supercharge bench cascade POOL`: a smaller model first, against either model alone.

A simulation. The large model is a pool whose truth is known, in the form that `bench selection` reads:
its samples are drawn, run against each other by the pool's own matrix, and chosen among by
`engine.selection`. A small model's samples are not at hand. They are the large one's, spoilt: only a
part of the right codes and of the tests is kept, by chance (its skill); what is not becomes a wrong
code of the same task, or no test. A reply of it costs a part of the large model's. What is measured
are the rules of `engine.cascade` that say when the small model is good enough and when to go on to the
large one, and that of `Pool.votes`, by which its codes count for nothing then: all of them, then with
one threshold for both models, then with all votes kept besides.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.bench.machine import machine
from bot.bench.selection import load_matrices
from engine.agreement import agreements
from engine.candidates import AskOutcome, Kind, Origin, Pool, Tier
from engine.cascade import Cascade, threshold_of, tier_of
from engine.policy import Budget
from engine.selection import evidence, rank

SKILLS = (0.8, 0.4)
PRICES = (4, 16)
"""How many replies of the small model cost as much as one of the large."""
DRAWS = 8

EASY = 0.2
"""A task is easy where so many of the large model's codes are right."""


@dataclass
class _Task:
    """One search's samples so far."""

    matrix: dict[str, Any]
    rng: random.Random
    skill: float
    keeps_votes: bool = False
    pool: Pool = field(default_factory=Pool)
    codes: list[int] = field(default_factory=list)
    asserts: dict[int, None] = field(default_factory=dict)

    def ask(self, kind: Kind, tier: Tier, n: int) -> None:
        """Draw `n` replies of a model; with the large one's first, earlier codes lose their votes."""
        if tier is Tier.LARGE and not self.pool.passed_on and not self.keeps_votes:
            self.codes.clear()
        for _ in range(n):
            if kind is Kind.CODE:
                self._draw_code(tier)
            elif tier is Tier.LARGE or self.rng.random() < self.skill:
                self.asserts |= dict.fromkeys(self.rng.choice(self.matrix["asserts_of_sample"]))
        asked = AskOutcome(kind, Origin.SAMPLED, "", n, n, n, 0, 0.0, tier=tier)
        self.pool = self.pool.grown([asked])

    def _draw_code(self, tier: Tier) -> None:
        code = self.rng.choice(self.matrix["code_of_sample"])
        correct = self.matrix["correct"]
        if tier is Tier.SMALL and correct[code] and self.rng.random() >= self.skill:
            wrong = [c for c in self.matrix["code_of_sample"] if not correct[c]]
            if not wrong:
                return
            code = self.rng.choice(wrong)
        self.codes.append(code)

    def chosen(self) -> tuple[float, bool]:
        """The evidence for the best code so far, and whether it is right."""
        if not self.codes:
            return 0.0, False
        columns = list(self.asserts)
        rows = [[self.matrix["passes"][c][t] == "1" for t in columns] for c in self.codes]
        best = rank(rows)[0]
        found = agreements(rows, [1.0] * len(rows))[best]
        for_it = len(found.codes) * len(found.tests)
        against = sum(sum(row) for code, row in enumerate(rows) if code not in found.codes)
        share = for_it / (for_it + against) if for_it else 0.0
        told = evidence(len(found.tests), len(found.codes), share)
        return told, bool(self.matrix["correct"][self.codes[best]])


@dataclass(frozen=True, slots=True)
class _End:
    """How one search ended: replies of each model, and the truth of what was shipped, or None."""

    easy: bool
    small: int
    large: int
    right: bool | None


def run(pool: Path, *, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Solved, and rightly solved, per cost: a rate per thousand replies of the large model."""
    tasks = load_matrices(pool)
    draws = 1 if quick else DRAWS
    large = Budget()
    alone = Budget(cascade=Cascade(large.candidates, large.tests, least=0.0, threshold=0.0))
    first = Budget(cascade=Cascade())
    same = Budget(cascade=Cascade(threshold=0.0))
    rows = _rows("large alone", None, _ended(tasks, draws, seed, 1.0, large))
    for skill in SKILLS[:1] if quick else SKILLS:
        rows += _rows("small alone", skill, _ended(tasks, draws, seed, skill, alone, alone=True))
        rows += _rows("small, then large", skill, _ended(tasks, draws, seed, skill, first))
        rows += _rows("one threshold", skill, _ended(tasks, draws, seed, skill, same))
        ends = _ended(tasks, draws, seed, skill, same, keeps_votes=True)
        rows += _rows("and all votes kept", skill, ends)
    return {"machine": machine(), "seed": seed, "tasks": len(tasks), "draws": draws, "rows": rows}


def report(result: dict[str, Any], console: Console) -> None:
    """A table for all tasks and one for the easy ones, a row per arrangement."""
    for of in ("all", "easy"):
        rows = [row for row in result["rows"] if row["of"] == of]
        table = Table(
            title=f"bench cascade: simulated, {of} tasks, {rows[0]['searches']} searches,"
            f" seed {result['seed']}",
            caption="cost: replies of the large model per search; rate: rightly solved per 1,000",
        )
        for name in ("asked", "skill", "price", "solved, %", "right, %", "cost", "rate"):
            table.add_column(name)
        for row in rows:
            table.add_row(
                row["asked"],
                "" if row["skill"] is None else f"{row['skill']:.1f}",
                "" if row["price"] is None else f"1/{row['price']}",
                f"{100 * row['solved']:.1f}",
                f"{100 * row['right']:.1f}",
                f"{row['cost']:.1f}",
                f"{row['rate']:.2f}",
            )
        console.print(table)


def _rows(asked: str, skill: float | None, ends: Sequence[_End]) -> list[dict[str, Any]]:
    """What these searches come to, over all and over the easy ones, at each price."""
    rows = []
    for of in ("all", "easy"):
        chosen = [end for end in ends if end.easy or of == "all"]
        for price in PRICES if skill is not None else PRICES[:1]:
            cost = sum(end.large + end.small / price for end in chosen)
            right = sum(end.right is True for end in chosen)
            solved = sum(end.right is not None for end in chosen)
            rows.append(
                {
                    "of": of,
                    "asked": asked,
                    "skill": skill,
                    "price": price if skill is not None else None,
                    "searches": len(chosen),
                    "solved": solved / len(chosen),
                    "right": right / len(chosen),
                    "cost": cost / len(chosen),
                    "rate": 1000 * right / cost,
                }
            )
    return rows


def _ended(
    tasks: Sequence[dict[str, Any]],
    draws: int,
    seed: int,
    skill: float,
    budget: Budget,
    *,
    alone: bool = False,
    keeps_votes: bool = False,
) -> list[_End]:
    ends = []
    for draw in range(draws):
        for number, matrix in enumerate(tasks):
            rng = random.Random(f"{seed} {draw} {number}")
            task = _Task(matrix, rng, skill, keeps_votes=keeps_votes)
            ends.append(_searched(task, budget, alone=alone))
    return ends


def _searched(task: _Task, budget: Budget, *, alone: bool) -> _End:
    """Rounds of a code and a test ask, as the policy balances them, until it is solved or spent."""
    while True:
        told, right = task.chosen()
        tier = tier_of(task.pool, budget.cascade, told)
        left = {kind: budget.limit(kind, tier) - task.pool.samples(kind, tier) for kind in Kind}
        over = (alone and tier is Tier.LARGE) or max(left.values()) <= 0
        wanted = threshold_of(task.pool, budget.cascade, budget.threshold)
        if told >= wanted or over:
            break
        for kind, batch in ((Kind.CODE, budget.code_batch), (Kind.TEST, budget.test_batch)):
            if left[kind] > 0:
                task.ask(kind, tier, min(batch, left[kind]))
    samples = {t: sum(task.pool.samples(kind, t) for kind in Kind) for t in Tier}
    truth = [task.matrix["correct"][code] for code in task.matrix["code_of_sample"]]
    easy = sum(map(bool, truth)) >= EASY * len(truth)
    shipped = right if told >= wanted else None
    return _End(easy, samples[Tier.SMALL], samples[Tier.LARGE], shipped)

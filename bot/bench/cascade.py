"""`supercharge bench cascade POOL`: a smaller model first, against either model alone.

A simulation. The large model is a pool whose truth is known, in the form that `bench selection` reads:
its samples are drawn, run against each other by the pool's own matrix, and chosen among by
`engine.selection`. A small model's samples are not at hand. They are the large one's, spoilt: of its right
codes and of its tests only a part (its skill) is kept, by chance, the rest becomes a wrong code of the same
task, and no test at all. A reply of it costs a part of the large model's. What is measured is the rule that
says when to go on to the large model, `engine.cascade.tier_of`, at given skills and prices.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.bench.machine import machine
from bot.bench.selection import load_matrices
from engine.candidates import AskOutcome, Kind, Origin, Pool, Tier
from engine.cascade import Cascade, tier_of
from engine.policy import Budget
from engine.selection import agreements, evidence, rank

SKILLS = (0.9, 0.6, 0.3)
PRICES = (1 / 4, 1 / 16)
DRAWS = 4


@dataclass
class _Task:
    """One search's samples so far, and what they cost in replies of the large model."""

    matrix: dict[str, Any]
    rng: random.Random
    skill: float
    price: float
    pool: Pool = field(default_factory=Pool)
    codes: list[int] = field(default_factory=list)
    asserts: dict[int, None] = field(default_factory=dict)
    cost: float = 0.0

    def ask(self, kind: Kind, tier: Tier, n: int) -> None:
        """Draw `n` replies of a model."""
        for _ in range(n):
            if kind is Kind.CODE:
                self._draw_code(tier)
            elif tier is Tier.LARGE or self.rng.random() < self.skill:
                self.asserts |= dict.fromkeys(self.rng.choice(self.matrix["asserts_of_sample"]))
        self.cost += n * (self.price if tier is Tier.SMALL else 1.0)
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


def run(
    pool: Path, *, seed: int = 0, quick: bool = False, threshold: float = 0.8
) -> dict[str, Any]:
    """Solved, and rightly solved, per cost: a rate per thousand replies of the large model."""
    tasks = load_matrices(pool)
    draws = 1 if quick else DRAWS
    budget = Budget(threshold=threshold)
    cascade = Cascade()
    rows = [_row("large alone", None, None, tasks, draws, seed, (budget, None))]
    for skill in SKILLS[:1] if quick else SKILLS:
        for price in PRICES:
            about = (tasks, draws, seed)
            only = Cascade(budget.candidates, budget.tests, least=0.0)
            rows.append(_row("small alone", skill, price, *about, (budget, only)))
            rows.append(_row("small, then large", skill, price, *about, (budget, cascade)))
    return {"machine": machine(), "seed": seed, "tasks": len(tasks), "draws": draws, "rows": rows}


def report(result: dict[str, Any], console: Console) -> None:
    """A row per arrangement."""
    table = Table(
        title=f"bench cascade: simulated, {result['tasks']} tasks × {result['draws']} draws,"
        f" seed {result['seed']}",
        caption="cost: replies of the large model per task; rate: rightly solved per 1,000 of them",
    )
    for name in ("asked", "skill", "price", "solved, %", "of them right, %", "cost", "rate"):
        table.add_column(name)
    for row in result["rows"]:
        price = "" if row["price"] is None else f"1/{round(1 / row['price'])}"
        table.add_row(
            row["asked"],
            "" if row["skill"] is None else f"{row['skill']:.1f}",
            price,
            f"{100 * row['solved']:.1f}",
            f"{100 * row['right']:.0f}",
            f"{row['cost']:.1f}",
            f"{row['rate']:.2f}",
        )
    console.print(table)


def _row(
    asked: str,
    skill: float | None,
    price: float | None,
    tasks: Sequence[dict[str, Any]],
    draws: int,
    seed: int,
    bounds: tuple[Budget, Cascade | None],
) -> dict[str, Any]:
    budget, cascade = bounds
    alone = asked == "small alone"
    ends = []
    for draw in range(draws):
        for number, matrix in enumerate(tasks):
            rng = random.Random(f"{seed} {draw} {number}")
            task = _Task(matrix, rng, skill or 1.0, price or 1.0)
            ends.append((*_searched(task, budget, cascade, alone=alone), task.cost))
    solved = [right for told, right, _ in ends if told >= budget.threshold]
    cost = sum(cost for _, _, cost in ends)
    return {
        "asked": asked,
        "skill": skill,
        "price": price,
        "solved": len(solved) / len(ends),
        "right": sum(solved) / len(solved) if solved else 0.0,
        "cost": cost / len(ends),
        "rate": 1000 * sum(solved) / cost,
    }


def _searched(
    task: _Task, budget: Budget, cascade: Cascade | None, *, alone: bool
) -> tuple[float, bool]:
    """Rounds of a code and a test ask, as the policy's balance has them, until it is solved or spent."""
    bounds = replace(budget, cascade=cascade)
    while True:
        told, right = task.chosen()
        tier = tier_of(task.pool, cascade, told)
        left = {kind: bounds.limit(kind, tier) - task.pool.samples(kind, tier) for kind in Kind}
        over = (alone and tier is Tier.LARGE) or max(left.values()) <= 0
        if told >= budget.threshold or over:
            return told, right
        for kind, batch in ((Kind.CODE, budget.code_batch), (Kind.TEST, budget.test_batch)):
            if left[kind] > 0:
                task.ask(kind, tier, min(batch, left[kind]))

"""A cascade: a smaller, faster model is asked first, and the large one where that did not do.

Whether it did is told by what is run: codes and tests of the small model that agree are a solution like
any other, if a more certain one; where they do not agree after its share of asks, the large model goes
on. So nothing has to be predicted. What the small one wrote by then keeps its tests: its codes have no
vote any more (`Pool.votes`), since what a weak model agrees with itself on is wrong more often.
Cascades: Chen, Zaharia and Zou 2023, "FrugalGPT"; by agreement among the small model's answers: Yue et
al. 2023, "Large Language Model Cascades with Mixture of Thoughts Representations".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.candidates import Kind, Pool, Tier
from engine.knobs import Tuned


@dataclass(frozen=True, slots=True)
class Cascade:
    """What the small model may spend on one function.

    candidates  code replies asked of it, at most
    tests       test replies, likewise
    least       the evidence that it must have reached after half of both; else it is given up
    threshold   the score that ends the search while it has its turn, if that is more than the budget's
    tuned       how its asks differ from the configured way, by what has paid on it
    """

    candidates: int = 32
    tests: int = 24
    least: float = 0.3
    threshold: float = 0.9
    tuned: Tuned = field(default_factory=Tuned)

    def limit(self, kind: Kind) -> int:
        return self.candidates if kind is Kind.CODE else self.tests


def tier_of(pool: Pool, cascade: Cascade | None, evidence: float) -> Tier:
    """Which model has its turn, by the evidence for the best code so far. Once large, always large."""
    if cascade is None or any(ask.tier is Tier.LARGE for ask in pool.asks):
        return Tier.LARGE
    spent = [pool.samples(kind, Tier.SMALL) / cascade.limit(kind) for kind in Kind]
    if min(spent) >= 1 or (min(spent) >= 0.5 and evidence < cascade.least):
        return Tier.LARGE
    return Tier.SMALL


def threshold_of(pool: Pool, cascade: Cascade | None, usual: float) -> float:
    """The score that ends the search now: a higher one until the large model has written something."""
    return usual if cascade is None or pool.passed_on else max(usual, cascade.threshold)

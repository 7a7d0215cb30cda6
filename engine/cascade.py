"""A cascade: a smaller, faster model is asked first, and the large one where that did not do.

Whether it did is told by what is run: codes and tests of the small model that agree are a solution like
any other, and where they do not agree after its share of asks, the large model goes on with the same
pool. So nothing has to be predicted, and the same threshold holds for both. Cascades: Chen, Zaharia and
Zou 2023, "FrugalGPT"; by agreement among the small model's answers: Yue et al. 2023, "Large Language
Model Cascades with Mixture of Thoughts Representations".
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
    tuned       how its asks differ from the configured way, by what has paid on it
    """

    candidates: int = 32
    tests: int = 24
    least: float = 0.3
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

"""How an ask can differ from the configured way: what self-tuning turns, and the policy heeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.candidates import Kind


class Part(StrEnum):
    """A part of a prompt that can be left out. What is asked for never can."""

    OUTLINE = "outline"
    """The module around the stub: imports, constants, signatures, the class."""
    CALLERS = "callers"
    """How the function is called in the repository."""
    EXAMPLES = "examples"
    """The two worked examples of a dialogue."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """How one ask differs from the configured way; `Knobs()` does not.

    temperature  is added to the budget's
    samples      times the replies per ask
    max_tokens   times the most tokens per reply
    without      the parts that the prompt leaves out
    """

    temperature: float = 0.0
    samples: float = 1.0
    max_tokens: float = 1.0
    without: frozenset[Part] = frozenset()


AS_CONFIGURED = Knobs()


USUAL_SHARE = 0.5
"""Of improvements among the asks of a kind, as long as nothing is known."""

Group = tuple[Kind, str]
"""What is tuned apart: a kind in a style."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a tuner chose: the knobs of the next ask of each group, and where the share of improvements
    begins. The policy takes it from its budget; what is not in it is as configured.
    """

    knobs: Mapping[Group, Knobs] = field(default_factory=dict)
    shares: Mapping[Kind, float] = field(default_factory=dict)

    def knobs_of(self, kind: Kind, style: str) -> Knobs:
        return self.knobs.get((kind, style), AS_CONFIGURED)

    def share_of(self, kind: Kind) -> float:
        """Which share of a kind's asks are improvements, as long as this search knows no better."""
        return self.shares.get(kind, USUAL_SHARE)

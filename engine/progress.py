"""How far a search has come, as one value that a terminal or a comment can show."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from engine.candidates import Kind, Pool
from engine.policy import Action, Ask, Confirm, Judge, RunPairs
from engine.selection import choose


@dataclass(frozen=True, slots=True)
class Progress:
    """A snapshot.

    `stage` says what is being done, in words. `codes` and `tests` count replies, `unique_codes` and
    `asserts` the different candidates that came of them, `live_asserts` those worth a column.
    `pairs` have run, `passing` of them passed. `best` is the evidence of the best code so far.
    """

    stage: str = "starting"
    codes: int = 0
    unique_codes: int = 0
    tests: int = 0
    asserts: int = 0
    live_asserts: int = 0
    pairs: int = 0
    passing: int = 0
    best: float | None = None
    tokens: int = 0
    model_seconds: float = 0.0
    seconds_left: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.model_seconds if self.model_seconds else 0.0

    def with_tokens(self, tokens: int, seconds: float) -> Progress:
        return replace(
            self, tokens=self.tokens + tokens, model_seconds=self.model_seconds + seconds
        )

    def of(
        self,
        pool: Pool,
        *,
        in_flight: Collection[Action],
        min_asserts: int,
        seconds_left: float,
        style: str = "",
    ) -> Progress:
        """This snapshot brought up to date."""
        verdicts = [pool.passes(*pair) for pair in pool.results]
        best = choose(pool, min_asserts=min_asserts, style=style)
        return replace(
            self,
            stage=" + ".join(sorted({_stage(action) for action in in_flight})) or "thinking",
            codes=pool.samples(Kind.CODE),
            unique_codes=len(pool.codes),
            tests=pool.samples(Kind.TEST),
            asserts=len(pool.tests),
            live_asserts=len(pool.live_tests),
            pairs=len(verdicts),
            passing=sum(1 for passed in verdicts if passed),
            best=best.evidence if best else None,
            seconds_left=max(seconds_left, 0.0),
        )


def _stage(action: Action) -> str:
    match action:
        case Ask(kind=kind, parent=None):
            return f"sampling {kind.value}s"
        case Ask(kind=kind):
            return f"improving {kind.value}s"
        case RunPairs():
            return "running pairs"
        case Confirm():
            return "confirming"
        case Judge():
            return "judging"
    return ""

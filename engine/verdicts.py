"""What the sandbox and the judge say. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The outcome of one code run against one test."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    SANDBOX_ERROR = "sandbox_error"
    """Our fault, not the candidate's: run again, and never counted against it."""

    @property
    def is_final(self) -> bool:
        """Whether the verdict says something about the pair, so that it need not run again."""
        return self is not Verdict.SANDBOX_ERROR


class Isolation(StrEnum):
    """What stood between a code and its test while they ran, so what a pass is worth."""

    SEPARATE = "separate"
    """Two processes of different users; only plain values crossed. A pass cannot be forged."""
    SHARED = "shared"
    """One process. A code that knows its way about could forge a pass: weaker evidence."""


@dataclass(frozen=True, slots=True)
class PairResult:
    """One code run against one test.

    `error` names what ended a pair that did not pass: an exception's class name
    (`AssertionError`), or one of `collection`, `timeout`, `exit`, `memory`, `forged`, `sandbox`.
    `message` is its first line, `output` the capped tail of what pytest printed; both are the
    candidate's words and are to be treated as data. `isolation` says what a pass is worth.
    """

    code_id: str
    test_id: str
    verdict: Verdict
    seconds: float = 0.0
    error: str = ""
    message: str = ""
    output: str = ""
    isolation: Isolation = Isolation.SHARED

    @property
    def pair(self) -> tuple[str, str]:
        return (self.code_id, self.test_id)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the model says of a code (`test_id` None) or of a code/test pair.

    `score` is in 0..1, or None when the reply could not be read twice. `reply` is the model's text,
    or a rendering of the answer tokens' probabilities when the score was read from those.
    """

    code_id: str
    test_id: str | None
    score: float | None
    reply: str = ""
    method: str = "probabilities"

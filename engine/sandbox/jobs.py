"""What the host asks the runner for.

Runs inside the sandbox, in the trusted parent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.sandbox.plain import PlainTest


@dataclass(frozen=True, slots=True)
class Batch:
    """The sources that one run of pairs shares."""

    entry_point: str
    codes: dict[str, str]
    tests: dict[str, str]
    plain: dict[str, PlainTest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One pair that the host asked for; `source` stands in for the test's own, in a control."""

    id: int
    batch: Batch
    code: str
    test: str
    timeout_s: float
    source: str = ""


@dataclass(frozen=True, slots=True)
class RowJob:
    """Plain tests of one code that the host asked for, to be run in one go.

    `ahead`: as in `engine.sandbox.row.RowWork`.
    """

    id: int
    batch: Batch
    code: str
    tests: tuple[str, ...]
    timeout_s: float
    ahead: bool

"""What an ask is said to have brought, by the pool at the end."""

from __future__ import annotations

import pytest

from engine.candidates import Kind, Origin, Pool
from engine.knobs import Knobs
from engine.outcomes import Asked, outcomes_of
from engine.policy import Ask
from engine.selection import choose
from tests.engine.pools import code, drawn, unit

POOL = drawn(["PPPPPP.", "PPPPPPF", "FFFFFFP"])
"""Codes 0 and 1 agree on six asserts; code 2 passes the seventh alone."""


def asked(
    kind: Kind, *fresh: str, origin: Origin = Origin.SAMPLED, parent: str | None = None, n: int = 16
) -> Asked:
    ask = Ask(kind, origin, 16, 0.8, 0, parent=parent)
    return Asked(ask, Knobs(temperature=0.2), frozenset(), fresh, n, 900, 4.5)


def useful(*one: Asked, pool: Pool = POOL) -> list[float]:
    return [outcome.useful for outcome in outcomes_of(pool, one, min_asserts=4)]


@pytest.fixture
def evidence() -> float:
    choice = choose(POOL, min_asserts=4)
    assert choice is not None
    return choice.evidence


def test_a_code_is_useful_when_it_agrees_with_the_chosen_one(evidence: float) -> None:
    right, other, wrong = code(0).id, code(1).id, code(2).id

    assert useful(asked(Kind.CODE, right, other, wrong), asked(Kind.CODE, wrong)) == [
        pytest.approx(2 * evidence),
        0,
    ]
    assert evidence > 0


def test_an_assert_is_useful_when_the_chosen_code_passes_it(evidence: float) -> None:
    held, fails = unit(0).id, unit(6).id

    assert useful(asked(Kind.TEST, held, fails)) == [pytest.approx(evidence)]


def test_twins_of_what_was_there_bring_nothing() -> None:
    assert useful(asked(Kind.CODE)) == [0]


def test_an_improvement_is_useful_when_its_parent_was_not_right(evidence: float) -> None:
    better = {"origin": Origin.REFINED}
    mended = asked(Kind.CODE, code(1).id, parent=code(2).id, **better)  # type: ignore[arg-type]
    polished = asked(Kind.CODE, code(1).id, parent=code(0).id, **better)  # type: ignore[arg-type]

    assert useful(mended, polished) == [pytest.approx(evidence), 0]


def test_what_speaks_for_nothing_brought_nothing() -> None:
    weak = drawn(["PP", "PP"])

    assert useful(asked(Kind.CODE, code(0).id), pool=weak) == [0]
    assert useful(asked(Kind.CODE, code(0).id), pool=Pool()) == [0]


def test_an_ask_that_was_stopped_before_its_first_reply_says_nothing() -> None:
    assert outcomes_of(POOL, [asked(Kind.CODE, code(0).id, n=0)], min_asserts=4) == []


def test_the_outcome_says_how_was_asked() -> None:
    [outcome] = outcomes_of(POOL, [asked(Kind.CODE, code(0).id)], min_asserts=4)

    assert (outcome.kind, outcome.style, outcome.knobs) == (
        Kind.CODE, "dialogue", Knobs(temperature=0.2),
    )  # fmt: skip
    assert (outcome.samples, outcome.tokens, outcome.seconds) == (16, 900, 4.5)

"""The bandit: what it asks for, given what asks brought."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.candidates import Kind
from engine.knobs import AS_CONFIGURED, Knobs, Part, Tuned
from engine.tuning import (
    LEAST_SHARE,
    MOST_SHARE,
    NUMBERS,
    Outcome,
    Tuner,
)

DIALOGUE = (Kind.CODE, "dialogue")
ENOUGH = 17
"""Asks as configured, after which others may be tried."""

EXAMPLES = frozenset({Part.EXAMPLES})


def outcome(
    useful: float,
    knobs: Knobs = AS_CONFIGURED,
    *,
    kind: Kind = Kind.CODE,
    style: str = "dialogue",
    seconds: float = 10.0,
    parts: frozenset[Part] = frozenset(),
) -> Outcome:
    return Outcome(kind, style, knobs, parts, useful, 16, 900, seconds)


def choices(tuner: Tuner, group: tuple[Kind, str] = DIALOGUE, n: int = 60) -> list[Knobs]:
    return [tuner.tuned(str(seed)).knobs_of(*group) for seed in range(n)]


def played(worth: Callable[[Knobs], float], asks: int, *, floor: float = 0.9) -> list[Outcome]:
    """What a tuner that asks for itself gets, where an ask brings about `worth` of its knobs."""
    tuner, rng, brought = Tuner(floor=floor), random.Random(7), []
    for number in range(asks):
        knobs = tuner.tuned(str(number)).knobs_of(*DIALOGUE)
        brought.append(outcome(worth(knobs) * rng.choice((0.5, 1, 1.5)), knobs, parts=EXAMPLES))
        tuner = tuner.learnt(brought[-1:])
    return brought


def test_an_empty_history_asks_as_configured() -> None:
    tuned = Tuner().tuned("1")

    assert tuned == Tuned(shares={Kind.CODE: 0.5, Kind.TEST: 0.5})
    assert tuned.knobs_of(*DIALOGUE) is AS_CONFIGURED


def test_a_short_history_asks_as_configured() -> None:
    assert set(choices(Tuner(floor=0).learnt([outcome(5)] * (ENOUGH - 1)))) == {AS_CONFIGURED}


def test_nothing_else_is_tried_before_it_is_paid_for() -> None:
    tuner = Tuner(floor=0.9).learnt([outcome(5)] * ENOUGH)
    assert not tuner.may_explore(DIALOGUE)
    assert set(choices(tuner)) == {AS_CONFIGURED}

    saved = tuner.learnt([outcome(5)] * 200)
    assert saved.may_explore(DIALOGUE)
    assert len(set(choices(saved))) > 1


def test_what_one_style_saved_pays_for_another_of_its_kind_alone() -> None:
    rich = Tuner().learnt([outcome(5)] * 200)
    poor = rich.learnt([outcome(0.5, style="completion")] * ENOUGH)

    assert poor.may_explore((Kind.CODE, "completion"))
    of_tests = rich.learnt([outcome(0.5, kind=Kind.TEST)] * ENOUGH)
    assert not of_tests.may_explore((Kind.TEST, "dialogue"))


def test_when_one_temperature_pays_then_it_is_found_and_kept() -> None:
    def worth(knobs: Knobs) -> float:
        return 8.0 if knobs.temperature == -0.2 else 4.0

    found = [o.knobs.temperature for o in played(worth, 400)]

    assert found[:ENOUGH] == [0.0] * ENOUGH
    assert found[-100:].count(-0.2) > 85


def test_a_part_of_the_prompt_that_only_costs_is_left_out_and_one_that_helps_is_kept() -> None:
    useless = played(lambda knobs: 6.0 if knobs.without else 3.0, 400)
    useful = played(lambda knobs: 1.0 if knobs.without else 3.0, 400)

    assert sum(o.knobs.without == EXAMPLES for o in useless[-100:]) > 65
    assert sum(o.knobs.without == EXAMPLES for o in useful[-100:]) < 15


def test_a_part_that_no_prompt_had_is_never_left_out() -> None:
    tuner = Tuner(floor=0).learnt([outcome(5)] * 50)

    assert {knobs.without for knobs in choices(tuner)} == {frozenset()}


def test_one_ask_tries_one_thing_at_a_time() -> None:
    for knobs in choices(Tuner(floor=0).learnt([outcome(5, parts=EXAMPLES)] * 50)):
        changed = [name for name in NUMBERS if getattr(knobs, name) != NUMBERS[name][0]]
        assert len(changed) + len(knobs.without) <= 1


@pytest.mark.parametrize("floor", [0.5, 0.9])
def test_where_all_else_is_worthless_the_floor_is_kept(floor: float) -> None:
    def worth(knobs: Knobs) -> float:
        return 4.0 if knobs == AS_CONFIGURED else 0.0

    brought = played(worth, 500, floor=floor)

    tried = sum(o.knobs != AS_CONFIGURED for o in brought)
    assert 0 < tried < (1 - floor) * 500


def test_a_floor_of_one_only_watches() -> None:
    tuner = Tuner(floor=1).learnt([outcome(5)] * 200 + [outcome(50, Knobs(temperature=0.2))] * 200)

    assert set(choices(tuner)) == {AS_CONFIGURED}
    assert tuner.tuned("1").share_of(Kind.CODE) == 0.5


@pytest.mark.parametrize(
    ("novel", "improved", "share"),
    [(5.0, 5.0, None), (5.0, 0.0, LEAST_SHARE), (1.0, 20.0, MOST_SHARE)],
)
def test_the_share_of_improvements_is_how_surely_they_pay_more(
    novel: float, improved: float, share: float | None
) -> None:
    tuner = Tuner().learnt([outcome(novel)] * 60 + [outcome(improved, style="improved")] * 60)

    found = tuner.tuned("1").share_of(Kind.CODE)
    assert found == share or (share is None and 0.25 < found < 0.75)
    assert tuner.tuned("1").share_of(Kind.TEST) == 0.5


def test_old_outcomes_are_forgotten_when_the_world_has_changed() -> None:
    def changed(first: float, then: float) -> Iterable[Outcome]:
        yield from [outcome(first, Knobs(temperature=0.2))] * 400
        yield from [outcome(then, Knobs(temperature=0.2))] * 1200

    tuner = Tuner(floor=0).learnt([outcome(4)] * 100).learnt(changed(40, 0))

    assert sum(k.temperature == 0.2 for k in choices(tuner)) < 15


OUTCOMES = st.lists(
    st.builds(
        Outcome,
        kind=st.sampled_from(Kind),
        style=st.sampled_from(["dialogue", "completion", "improved", "refined", "other"]),
        knobs=st.builds(
            Knobs,
            *(st.sampled_from(levels) for levels in NUMBERS.values()),
            st.frozensets(st.sampled_from(Part)),
        ),
        parts=st.frozensets(st.sampled_from(Part)),
        useful=st.floats(0, 1e6),
        samples=st.integers(1, 200),
        tokens=st.integers(0, 10**6),
        seconds=st.floats(0, 1e6),
    ),
    max_size=30,
)


@settings(max_examples=50, deadline=None)
@given(OUTCOMES, st.floats(0, 1), st.text(max_size=5))
def test_whatever_came_before_the_choice_is_one_of_the_levels(
    brought: list[Outcome], floor: float, seed: str
) -> None:
    tuner = Tuner(floor=floor).learnt(brought)
    tuned = tuner.tuned(seed)

    assert tuned == Tuner(floor=floor).learnt(brought).tuned(seed)
    for group, knobs in tuned.knobs.items():
        assert all(getattr(knobs, name) in levels for name, levels in NUMBERS.items())
        if knobs != AS_CONFIGURED:
            assert tuner.may_explore(group)
            assert floor < 1
    assert all(LEAST_SHARE <= share <= MOST_SHARE for share in tuned.shares.values())


@settings(max_examples=50, deadline=None)
@given(OUTCOMES, st.integers(0, 30))
def test_outcomes_may_come_at_once_or_one_after_the_other(brought: list[Outcome], cut: int) -> None:
    assert Tuner().learnt(brought) == Tuner().learnt(brought[:cut]).learnt(brought[cut:])

"""Which of two models has its turn, and what the policy asks of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.candidates import AskOutcome, Kind, Origin, Pool, Tier
from engine.cascade import Cascade, threshold_of, tier_of
from engine.knobs import Knobs, Tuned
from engine.policy import Ask, Budget, Confirm, Judge, RunPairs, next_actions
from engine.selection import choose, suite_id
from engine.verdicts import PairResult, Verdict
from tests.engine.pools import code, drawn, outcome, results, unit

CASCADE = Cascade(candidates=32, tests=24, least=0.3)
BUDGET = Budget(candidates=64, tests=48, code_batch=16, test_batch=12, cascade=CASCADE)
RUNNING = RunPairs((("c", "t"),))


def small(kind: Kind, samples: int) -> AskOutcome:
    return replace(outcome(kind, samples), tier=Tier.SMALL)


HALF = (small(Kind.CODE, 16), small(Kind.TEST, 12))
WHOLE = HALF * 2
AGREEING = ["P" * 8] * 12 + ["F" * 8]


@pytest.mark.parametrize(
    ("asks", "evidence", "tier"),
    [
        ((), 0.0, Tier.SMALL),
        (HALF[:1], 0.0, Tier.SMALL),
        (HALF, 0.0, Tier.LARGE),
        (HALF, 0.29, Tier.LARGE),
        (HALF, 0.3, Tier.SMALL),
        (WHOLE, 0.7, Tier.LARGE),
        ((*HALF, outcome(Kind.CODE, 16)), 0.5, Tier.LARGE),
    ],
)
def test_the_small_model_goes_on_while_it_gets_somewhere(
    asks: tuple[AskOutcome, ...], evidence: float, tier: Tier
) -> None:
    assert tier_of(Pool().grown(asks), CASCADE, evidence) is tier


def test_without_a_cascade_there_is_only_the_large_model() -> None:
    assert tier_of(Pool(), None, 0.0) is Tier.LARGE
    [ask] = next_actions(Pool(), replace(BUDGET, cascade=None), ())
    assert isinstance(ask, Ask)
    assert ask.tier is Tier.LARGE


def test_the_first_asks_go_to_the_small_model_with_its_own_knobs_and_bounds() -> None:
    tuned = Tuned({(Kind.CODE, "dialogue"): Knobs(temperature=0.2)})
    budget = replace(BUDGET, cascade=replace(CASCADE, candidates=10, tuned=tuned))

    [ask] = next_actions(Pool(), budget, ())

    assert isinstance(ask, Ask)
    assert (ask.tier, ask.n, ask.temperature) == (Tier.SMALL, 10, pytest.approx(1.0))


def test_the_large_model_has_its_whole_budget_and_begins_anew() -> None:
    [ask] = next_actions(Pool().grown(WHOLE), BUDGET, ())

    assert ask == Ask(Kind.CODE, Origin.SAMPLED, 16, 0.8, 0)


def test_the_large_model_waits_until_it_is_known_how_far_the_small_one_came() -> None:
    owed = drawn(["P......."], asks=WHOLE)

    assert [type(action) for action in next_actions(owed, BUDGET, ())] == [RunPairs]
    assert next_actions(Pool().grown(WHOLE), BUDGET, (RUNNING,)) == []


def test_until_the_large_model_has_written_something_the_small_ones_threshold_holds() -> None:
    cascade = replace(CASCADE, threshold=0.97)
    pool = drawn(AGREEING, asks=HALF)
    choice = choose(pool, min_asserts=4)
    assert choice is not None
    assert 0.8 < choice.evidence < 0.97

    assert threshold_of(pool, None, 0.8) == 0.8
    assert threshold_of(pool, cascade, 0.8) == 0.97
    assert threshold_of(pool, cascade, 0.99) == 0.99
    assert threshold_of(pool.grown([outcome(Kind.CODE, 16)]), cascade, 0.8) == 0.8
    asked = next_actions(pool, replace(BUDGET, cascade=cascade), ())
    assert [type(action) for action in asked] == [Ask]
    taken = next_actions(pool, replace(BUDGET, cascade=replace(cascade, threshold=0.0)), ())
    assert [type(action) for action in taken] == [Confirm]


def test_once_the_large_model_is_asked_the_small_ones_codes_have_no_vote_and_its_tests_stay() -> (
    None
):
    by_small = drawn(["PPPPPPPP", "FFFFFFFF"], seen=[9, 4], asks=WHOLE)
    answers = [code(1), code(7), code(7)]
    pool = by_small.grown([*answers, outcome(Kind.CODE, 3)])

    assert [by_small.votes(c) for c in by_small.codes] == [9, 4]
    assert {c: pool.votes(c) for c in pool.codes} == {code(0).id: 0, code(1).id: 1, code(7).id: 2}
    assert pool.voters == (code(1).id, code(7).id)
    assert pool.live_tests == by_small.live_tests

    owed = {code_id for code_id, _ in pool.untested_pairs()}
    assert owed == {code(7).id}
    known = pool.grown(results(code(7).id, [unit(i) for i in range(8)], "PPFPPPPP"))
    choice = choose(known, min_asserts=4)
    assert choice is not None
    assert (choice.code_id, choice.votes, choice.votes_all) == (code(7).id, 2, 3)


def test_what_the_small_model_wrote_can_be_gone_on_from_after_a_wish() -> None:
    wished = outcome(Kind.CODE, 4, Origin.IMPROVED)
    pool = drawn(AGREEING, asks=WHOLE).grown([wished])
    assert not pool.passed_on
    assert pool.voters == pool.codes


def test_a_pool_without_a_cascade_counts_every_sample() -> None:
    pool = drawn(["PPPP", "PFPF"], seen=[3, 2], asks=[outcome(Kind.CODE, 5)])
    assert pool.passed_on
    assert [pool.votes(c) for c in pool.codes] == [3, 2]


@pytest.mark.parametrize(("weight", "tier"), [(0.0, Tier.SMALL), (0.5, Tier.LARGE)])
def test_what_the_small_model_solved_is_judged_by_the_large_one_where_that_counts(
    weight: float, tier: Tier
) -> None:
    pool, budget = drawn(AGREEING, asks=HALF), replace(BUDGET, judge_weight=weight)
    [confirm] = next_actions(pool, budget, ())
    assert isinstance(confirm, Confirm)
    choice = choose(pool, min_asserts=4)
    assert choice is not None
    suite = suite_id(choice.tests)

    proven = pool.grown([PairResult(choice.code_id, suite, Verdict.PASSED)])

    assert next_actions(proven, budget, ()) == [Judge(choice.code_id, choice.tests, tier)]

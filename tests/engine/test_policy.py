from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from engine.candidates import STUB, Kind, Origin, Pool
from engine.policy import (
    Abandon,
    Action,
    Ask,
    Budget,
    Confirm,
    Judge,
    RunPairs,
    Stop,
    StopReason,
    improvement_share,
    next_actions,
)
from engine.selection import choose, suite_id
from engine.verdicts import Judgement, PairResult, Verdict
from tests.engine.pools import code, drawn, outcome, results, unit

BUDGET = Budget(candidates=64, tests=48, code_batch=16, test_batch=12, seconds_left=100)
CODES, TESTS = outcome(Kind.CODE, 16), outcome(Kind.TEST, 12)
SPENT = (outcome(Kind.CODE, 64), outcome(Kind.TEST, 48))
ASKING = Ask(Kind.CODE, Origin.SAMPLED, 16, 0.8, 0)
RUNNING = RunPairs((("c", "t"),))

CONVINCING = ["P" * 8] * 12 + ["F" * 8]
"""Twelve codes that pass all eight asserts, and one that passes none."""


def actions(pool: Pool, in_flight: Sequence[Action] = (), budget: Budget = BUDGET) -> list[Action]:
    return next_actions(pool, budget, in_flight)


def proven(pool: Pool, *, verdict: Verdict = Verdict.PASSED, score: float | None = None) -> Pool:
    """The pool after the choice was confirmed, and judged where `score` is given."""
    choice = choose(pool, min_asserts=BUDGET.min_asserts)
    assert choice is not None
    suite = suite_id(choice.tests)
    pool = pool.grown([PairResult(choice.code_id, suite, verdict)])
    if score is None:
        return pool
    return pool.grown([Judgement(choice.code_id, suite, score)])


def test_an_empty_pool_starts_with_codes() -> None:
    assert actions(Pool()) == [Ask(Kind.CODE, Origin.SAMPLED, 16, 0.8, 0)]


def test_while_the_model_works_and_nothing_is_owed_it_waits() -> None:
    assert actions(Pool(), [ASKING]) == []


def test_after_codes_come_tests() -> None:
    assert actions(Pool().grown([CODES])) == [Ask(Kind.TEST, Origin.SAMPLED, 12, 0.8, 0)]


@pytest.mark.parametrize(
    ("asks", "kind"),
    [
        ((), Kind.CODE),
        ((CODES,), Kind.TEST),
        ((CODES, TESTS), Kind.CODE),
        ((CODES, TESTS, CODES), Kind.TEST),
    ],
)
def test_codes_and_tests_stay_in_balance(asks: tuple[object, ...], kind: Kind) -> None:
    [ask] = actions(Pool().grown(asks))  # type: ignore[arg-type]
    assert isinstance(ask, Ask)
    assert ask.kind is kind


def test_the_last_ask_of_a_kind_takes_what_is_left_of_the_budget() -> None:
    pool = Pool().grown([outcome(Kind.CODE, 62), outcome(Kind.TEST, 48)])
    [ask] = actions(pool)
    assert isinstance(ask, Ask)
    assert (ask.kind, ask.n) == (Kind.CODE, 2)


def test_later_asks_are_hotter_but_not_without_end() -> None:
    budget = replace(BUDGET, candidates=1000, tests=1)
    heats = []
    for count in range(10):
        pool = Pool().grown([outcome(Kind.TEST, 1), *[outcome(Kind.CODE, 16)] * count])
        [ask] = actions(pool, budget=budget)
        assert isinstance(ask, Ask)
        heats.append(ask.temperature)
    assert heats == sorted(heats)
    assert heats[0] == 0.8
    assert max(heats) == pytest.approx(1.0)


def test_a_new_test_meets_the_stub_before_it_meets_the_codes() -> None:
    pool = drawn(["...."] * 2, stub="FF..", asks=[CODES, TESTS])
    [pairs] = [action for action in actions(pool, [ASKING]) if isinstance(action, RunPairs)]
    assert pairs.pairs == ((STUB, unit(2).id), (STUB, unit(3).id))


def test_every_code_then_meets_every_live_test_once() -> None:
    pool = drawn(["PF..", "...."], stub="FFFP", asks=[CODES, TESTS])
    met = []
    for _ in range(2):
        [pairs] = [action for action in actions(pool, [ASKING]) if isinstance(action, RunPairs)]
        met += pairs.pairs
        pool = pool.grown(PairResult(c, t, Verdict.FAILED) for c, t in pairs.pairs)
    owed = {(code(0).id, unit(2).id)} | {(code(1).id, unit(i).id) for i in range(3)}
    assert set(met) == owed
    assert len(met) == len(owed)
    assert not [action for action in actions(pool, [ASKING]) if isinstance(action, RunPairs)]


def test_a_new_code_meets_one_test_alone_before_all_others() -> None:
    pool = drawn(["PFPF", "....", "...."], asks=SPENT)
    [pairs] = [action for action in actions(pool, [ASKING]) if isinstance(action, RunPairs)]
    assert pairs.pairs == ((code(1).id, unit(0).id), (code(2).id, unit(0).id))


def test_a_new_test_meets_one_of_the_two_codes_that_passed_most_before_all_others() -> None:
    pool = drawn(["PFF...", "PPF...", "PPP..."], asks=SPENT)
    [pairs] = [action for action in actions(pool, [ASKING]) if isinstance(action, RunPairs)]
    assert pairs.brief
    assert pairs.pairs == tuple((code(i).id, unit(j).id) for i, j in [(2, 3), (1, 4), (2, 5)])
    # The second best is none of them where it is far behind.
    [pairs] = actions(drawn(["PFF..", "PPP.."], asks=SPENT), [ASKING])
    assert pairs == RunPairs(tuple((code(1).id, unit(j).id) for j in (3, 4)), brief=True)


def test_a_test_that_hangs_on_the_stub_does_not_stop_what_runs_on_it() -> None:
    pool = drawn([], stub="T....", asks=SPENT)
    running = RunPairs(tuple((STUB, unit(i).id) for i in range(5)))
    assert actions(pool, [ASKING, running]) == []


def test_what_people_gave_as_an_example_may_take_its_time() -> None:
    pool = drawn(["P.", "P."], given=2, asks=SPENT)
    [pairs] = actions(pool, [ASKING])
    assert pairs == RunPairs(((code(0).id, unit(1).id),), brief=False)


def test_a_pair_that_hangs_is_the_fault_of_whichever_never_passed() -> None:
    pool = drawn(["PTTTT.", "PFFFF."], asks=SPENT)
    [pairs] = actions(pool, [ASKING])
    assert isinstance(pairs, RunPairs)
    assert (code(0).id, unit(5).id) in pairs.pairs, "the code has done nothing wrong"


def test_new_codes_meet_a_test_that_is_known_and_not_a_new_one() -> None:
    pool = drawn(["P.", ".."], asks=SPENT).grown([unit(1)] * 3)
    [pairs] = [action for action in actions(pool, [ASKING]) if isinstance(action, RunPairs)]
    assert (code(1).id, unit(0).id) in pairs.pairs
    assert (code(1).id, unit(1).id) not in pairs.pairs


def test_when_a_test_turns_out_to_hang_then_what_runs_with_it_is_left() -> None:
    """As codes that recurse for ages do on a large argument: each took its whole timeout."""
    running = RunPairs(tuple((code(i).id, unit(j).id) for i in range(1, 9) for j in (2, 3)))
    known = ["PPPP", *["PP.."] * 8]
    assert Abandon(running) not in actions(drawn(known, asks=SPENT), [ASKING, running])
    hanging = ["PPPP", "PPTP", *["PP.."] * 7]
    assert Abandon(running) in actions(drawn(hanging, asks=SPENT), [ASKING, running])
    [rest] = [a for a in actions(drawn(hanging, asks=SPENT), [ASKING]) if isinstance(a, RunPairs)]
    assert {test for _, test in rest.pairs} == {unit(3).id}


def test_what_hung_runs_again_in_the_end_a_little_at_a_time_and_is_not_left() -> None:
    pool = drawn(["PPPPP", *["PPTTT"] * 2, *["PP..."] * 3], asks=SPENT)
    [pairs] = actions(pool)
    assert isinstance(pairs, RunPairs)
    assert len(pairs.pairs) == 2
    assert len({test for _, test in pairs.pairs}) == 2
    assert actions(pool, [pairs]) == []
    # As long as the model writes there is something better to wait for.
    assert actions(pool, [ASKING]) == []


def test_a_code_that_hung_once_waits_until_nothing_else_is_owed_and_then_runs_once_more() -> None:
    pool = drawn(["PF..", "T..."], asks=SPENT)
    [pairs] = [action for action in actions(pool, [ASKING]) if isinstance(action, RunPairs)]
    assert {c for c, _ in pairs.pairs} == {code(0).id}
    assert actions(drawn(["PFPF", "T..."], asks=SPENT)) == [RunPairs(((code(1).id, unit(1).id),))]


def test_the_assert_written_most_often_is_run_first_on_every_code() -> None:
    pool = drawn(["..", ".."], asks=[CODES, TESTS]).grown([unit(1)] * 3)
    [pairs] = [action for action in actions(pool, [ASKING]) if isinstance(action, RunPairs)]
    assert [test for _, test in pairs.pairs] == [unit(1).id] * 2


def test_what_looks_convincing_is_settled_before_more_is_sampled() -> None:
    pool = drawn([*CONVINCING, "P......."], seen=[1] * 13 + [20], asks=[CODES, TESTS])
    assert [type(action) for action in actions(pool)] == [RunPairs]
    pool = drawn(["PFFF", "FPFF", "P..."], asks=[CODES, TESTS])
    assert {type(action) for action in actions(pool)} == {RunPairs, Ask}


def test_codes_that_pass_nothing_and_tests_that_nothing_passes_come_last() -> None:
    rows = ["FFFFFFFF.", "PFFFFFFFF", "PF......."] + ["PF......."] * 7
    pool = drawn(rows, asks=SPENT)
    [pairs] = [action for action in actions(pool, [ASKING]) if isinstance(action, RunPairs)]
    assert {c for c, _ in pairs.pairs} == {code(i).id for i in range(2, 10)}
    assert unit(1).id not in {t for _, t in pairs.pairs}


def test_hopeless_pairs_are_run_in_the_end() -> None:
    pool = drawn(["FFFFFFFF.", "PPPPPPPPF"], asks=SPENT)
    assert actions(pool) == [RunPairs(((code(0).id, unit(8).id),))]


def test_hopeless_pairs_do_not_hold_up_a_convincing_choice() -> None:
    pool = drawn([*CONVINCING[:-1], "FFFFFFFF"], asks=[CODES, TESTS])
    late = code(99)
    pool = pool.grown([late, *results(late.id, [unit(i) for i in range(8)], "FFFFFFFF"), unit(8)])
    pool = pool.grown(results(STUB, [unit(8)], "F"))
    rest = [r for c in pool.codes if c != late.id for r in results(c, [unit(8)], "F")]
    assert isinstance(actions(pool.grown(rest))[0], Confirm)


def test_the_model_waits_while_the_sandbox_owes_too_much() -> None:
    pool = drawn(["." * 40] * 10, asks=[CODES, TESTS])
    assert [type(action) for action in actions(pool)] == [RunPairs]


def test_a_code_that_hangs_again_and_again_is_left_alone() -> None:
    pool = drawn(["TTT....", "TTTPPPP", "TTP...."], asks=SPENT)
    [pairs] = [action for action in actions(pool, [ASKING]) if isinstance(action, RunPairs)]
    assert {c for c, _ in pairs.pairs} == {code(2).id}


def test_a_test_that_makes_codes_hang_is_left_alone() -> None:
    pool = drawn(["TPP", "TPP", "TPP", ".PP"], asks=SPENT)
    assert not [a for a in actions(pool, [ASKING]) if isinstance(a, RunPairs)]


def test_the_model_and_the_sandbox_work_at_the_same_time() -> None:
    pool = drawn(["...."] * 2, asks=[CODES])
    assert {type(action) for action in actions(pool)} == {RunPairs, Ask}


def test_a_model_with_room_for_more_is_given_as_many_asks_all_different_and_in_balance() -> None:
    wide = replace(BUDGET, asks_at_once=4)
    asks = actions(Pool(), budget=wide)
    assert [(ask.kind, ask.ordinal) for ask in asks if isinstance(ask, Ask)] == [
        (Kind.CODE, 0),
        (Kind.TEST, 0),
        (Kind.CODE, 1),
        (Kind.TEST, 1),
    ]
    assert actions(Pool(), asks, wide) == []
    # One has been answered, whichever: its place is taken by the next, and by none that is in flight.
    [more] = actions(Pool().grown([CODES]), asks[1:], wide)
    assert more == Ask(Kind.CODE, Origin.SAMPLED, 16, 0.9, 2, 2)


def test_asks_in_flight_are_part_of_the_budget() -> None:
    wide = replace(BUDGET, asks_at_once=100)
    asks = actions(Pool(), budget=wide)
    for kind, most in ((Kind.CODE, 64), (Kind.TEST, 48)):
        assert sum(ask.n for ask in asks if isinstance(ask, Ask) and ask.kind is kind) == most


def test_no_ask_is_added_while_the_model_judges() -> None:
    assert actions(Pool(), [Judge("c", ("t",))], replace(BUDGET, asks_at_once=4)) == []


def test_all_asks_in_flight_give_way_to_the_judge() -> None:
    pool = proven(drawn(CONVINCING).grown([CODES, TESTS]))
    asks = [ASKING, replace(ASKING, ordinal=1)]
    assert actions(pool, asks) == [Abandon(ask) for ask in asks]


def test_the_sandbox_is_given_one_thing_at_a_time() -> None:
    pool = drawn(["...."] * 2, asks=[CODES])
    assert actions(pool, [RUNNING, ASKING]) == []


def test_what_the_sandbox_itself_failed_is_run_again_but_not_for_ever() -> None:
    pool = drawn(["PPE"], asks=SPENT)
    again = RunPairs(((code(0).id, unit(2).id),))
    assert again in actions(pool)
    hurt = PairResult(code(0).id, unit(2).id, Verdict.SANDBOX_ERROR)
    pool = pool.grown([hurt, hurt])
    assert actions(pool) == [Stop(StopReason.EXHAUSTED)]


def test_a_convincing_pair_is_confirmed_before_anything_else() -> None:
    pool = drawn(CONVINCING, asks=[CODES, TESTS])
    choice = choose(pool, min_asserts=4)
    assert choice is not None
    assert actions(pool) == [Confirm(choice.code_id, choice.tests)]


def test_a_choice_that_owed_pairs_could_overturn_waits_for_them() -> None:
    pool = drawn([*CONVINCING, "P......."], seen=[1] * 13 + [20], asks=[CODES, TESTS])
    assert not any(isinstance(a, Confirm) for a in actions(pool))
    assert actions(pool, [RUNNING]) == []


def test_a_choice_that_no_owed_pair_can_overturn_is_confirmed_at_once() -> None:
    pool = drawn([*CONVINCING, "P......."], asks=[CODES, TESTS])
    [confirm] = actions(pool)
    assert isinstance(confirm, Confirm)
    assert actions(pool, [RUNNING, ASKING]) == [Abandon(RUNNING)]
    assert actions(pool, [confirm]) == []


def test_a_confirmed_pair_is_judged() -> None:
    pool = proven(drawn(CONVINCING, asks=[CODES, TESTS]))
    choice = choose(pool, min_asserts=4)
    assert choice is not None
    assert actions(pool) == [Judge(choice.code_id, choice.tests)]
    assert actions(pool, [Judge(choice.code_id, choice.tests)]) == []


def test_an_ask_in_flight_gives_way_to_the_judge() -> None:
    pool = proven(drawn(CONVINCING, asks=[CODES, TESTS]))
    assert actions(pool, [ASKING]) == [Abandon(ASKING)]


def test_a_judged_pair_over_the_threshold_ends_the_search() -> None:
    pool = proven(drawn(CONVINCING, asks=[CODES, TESTS]), score=0.1)
    assert actions(pool) == [Stop(StopReason.SOLVED)]


def test_a_judge_with_a_say_can_send_the_search_on() -> None:
    pool = proven(drawn(CONVINCING, asks=[CODES, TESTS]), score=0.1)
    [ask] = actions(pool, budget=replace(BUDGET, judge_weight=1.0))
    assert isinstance(ask, Ask)


def test_a_pair_that_is_not_confirmed_sends_the_search_on() -> None:
    pool = proven(drawn(CONVINCING, asks=[CODES, TESTS]), verdict=Verdict.FAILED)
    [ask] = actions(pool)
    assert isinstance(ask, Ask)


def test_the_budget_spent_and_nothing_convincing_is_the_end() -> None:
    assert actions(drawn(["PF", "FP"], asks=SPENT)) == [Stop(StopReason.EXHAUSTED)]
    assert actions(drawn(["PF", "FP"], asks=SPENT), [RUNNING]) == []


def test_when_the_time_is_up_it_stops_whatever_is_in_flight() -> None:
    budget = replace(BUDGET, seconds_left=0)
    assert actions(drawn(CONVINCING), [ASKING], budget) == [Stop(StopReason.OUT_OF_TIME)]


def test_novel_samples_alternate_with_improvements() -> None:
    pool = drawn(["PF", "FP"], asks=[*SPENT[1:]])
    budget = replace(BUDGET, candidates=320)
    novel = []
    for _ in range(8):
        [ask] = actions(pool, budget=budget)
        assert isinstance(ask, Ask)
        novel.append(ask.origin is Origin.SAMPLED)
        pool = pool.grown([replace(CODES, origin=ask.origin)])
    assert novel == [True, True, False, True, False, True, False, True]


def test_novel_asks_take_the_styles_in_turn_whatever_comes_between() -> None:
    pool = drawn(["PF", "FP"], asks=[*SPENT[1:]])
    budget = replace(BUDGET, candidates=320)
    turns = []
    for _ in range(8):
        [ask] = actions(pool, budget=budget)
        assert isinstance(ask, Ask)
        if ask.origin is Origin.SAMPLED:
            turns.append(ask.turn)
        pool = pool.grown([replace(CODES, origin=ask.origin)])
    assert turns == [0, 1, 2, 3, 4]


def test_an_improvement_of_a_code_that_fails_a_test_shows_the_failure() -> None:
    pool = drawn(["PPPF", "FFPF"], asks=[CODES, TESTS, CODES, TESTS])
    [ask] = actions(pool)
    assert isinstance(ask, Ask)
    assert ask.origin is Origin.REFINED
    assert ask.parent == code(0).id
    assert ask.against == unit(3).id


def test_a_code_that_fails_nothing_is_improved_without_a_failure() -> None:
    pool = drawn(["PP", "PF"], asks=[CODES, TESTS, CODES, TESTS])
    [ask] = actions(pool)
    assert isinstance(ask, Ask)
    assert (ask.origin, ask.parent, ask.against) == (Origin.IMPROVED, code(0).id, None)


def test_improvements_are_asked_for_as_often_as_they_pay() -> None:
    parent = drawn(["PPF"])
    child = code(9, origin=Origin.IMPROVED, parent=code(0).id)
    worse = parent.grown([child, PairResult(child.id, unit(0).id, Verdict.PASSED)])
    better = parent.grown(
        [child, *(PairResult(child.id, unit(i).id, Verdict.PASSED) for i in range(3))]
    )
    assert improvement_share(parent, Kind.CODE) == 0.5
    assert improvement_share(worse, Kind.CODE) < improvement_share(better, Kind.CODE) <= 0.5
    hopeless = parent
    for index in range(100, 140):
        failed = code(index, origin=Origin.IMPROVED, parent=code(0).id)
        hopeless = hopeless.grown([failed])
    assert improvement_share(hopeless, Kind.CODE) == 0.1


def test_with_a_wish_what_convinced_before_does_not_end_it_and_improvements_are_asked_for() -> None:
    pool = proven(drawn(CONVINCING, asks=[CODES, TESTS]), score=1.0)
    assert actions(pool) == [Stop(StopReason.SOLVED)]

    wished = replace(BUDGET, wish="wish-1")
    [ask] = actions(pool, budget=wished)
    assert isinstance(ask, Ask)
    assert (ask.origin, ask.against) == (Origin.IMPROVED, None)
    assert ask.parent in choose(pool, min_asserts=4).group  # type: ignore[union-attr]


def test_codes_and_tests_are_asked_for_at_the_same_time_where_the_model_takes_both():
    both = replace(BUDGET, asks_at_once=2)
    asked = next_actions(Pool(), both, ())
    assert [(a.kind, a.n, a.ordinal) for a in asked] == [(Kind.CODE, 16, 0), (Kind.TEST, 12, 0)]
    assert next_actions(Pool(), both, asked) == []

"""Which way each pair takes, and what is owed after every answer."""

from __future__ import annotations

import pytest

from engine.sandbox.plan import ROW, Full, Plan, Row
from engine.verdicts import Isolation, Verdict

PLAIN = "def double(n):\n    return 2 * n\n"
STATE = "def double(n, seen=[]):\n    return 2 * n\n"
ODD = "import os\n\n\ndef double(n):\n    return 2 * n\n"
TEST = "from double import double\n\n\ndef test_double():\n    assert double({n}) == {m}\n"
ODD_TEST = "import os\n" + TEST.format(n=1, m=2)


def plan_of(codes, tests, *, separate=True, entry_point="double"):
    pairs = [(code, test) for code in codes for test in tests]
    return Plan(pairs, codes, tests, entry_point=entry_point, separate=separate)


def some_tests(count):
    return {f"t{n}": TEST.format(n=n, m=2 * n) for n in range(count)}


def units(plan):
    found = []
    while unit := plan.next(0, 1):
        found.append(unit)
    return found


def said(verdict, test="t", **more):
    return {"test": test, "verdict": verdict, "seconds": 0.1, "error": "", "message": "",
            "output": "", **more}  # fmt: skip


def test_plain_tests_of_a_plain_code_are_one_row():
    plan = plan_of({"a": PLAIN, "b": PLAIN + "#"}, some_tests(3))
    assert units(plan) == [Row(code, ("t0", "t1", "t2"), ahead=True) for code in "ab"]
    assert set(plan.plain) == {"t0", "t1", "t2"}


def test_long_rows_are_cut():
    sizes = [len(unit.tests) for unit in units(plan_of({"a": PLAIN}, some_tests(2 * ROW + 3)))]
    assert sizes == [ROW, ROW, 3]


def test_a_code_that_keeps_state_meets_each_test_alone():
    assert units(plan_of({"a": STATE}, some_tests(2))) == [
        Row("a", ("t0",), ahead=False),
        Row("a", ("t1",), ahead=False),
    ]


@pytest.mark.parametrize(
    ("code", "test", "more"),
    [
        (ODD, TEST.format(n=1, m=2), {}),
        (PLAIN, ODD_TEST, {}),
        (PLAIN, TEST.format(n=1, m=2), {"separate": False}),
        (PLAIN, TEST.format(n=1, m=2), {"entry_point": "copy"}),
    ],
)
def test_what_is_not_plain_takes_the_full_path(code, test, more):
    assert units(plan_of({"a": code}, {"t": test}, **more)) == [Full("a", "t")]


def test_there_is_room_for_so_many_at_a_time():
    plan = plan_of({"a": PLAIN, "b": ODD}, some_tests(2))
    assert plan.next(4, 4) is None
    assert plan.next(3, 4) is not None
    assert not plan.is_done


def test_a_rows_verdicts_are_of_separate_processes():
    plan = plan_of({"a": PLAIN}, some_tests(2))
    (row,) = units(plan)
    answers = [said("passed", "t0"), said("failed", "t1", error="AssertionError", message="m")]
    first, second = plan.took_row(row, answers)
    assert (first.pair, first.verdict) == (("a", "t0"), Verdict.PASSED)
    assert (second.pair, second.verdict, second.error) == (
        ("a", "t1"), Verdict.FAILED, "AssertionError",
    )  # fmt: skip
    assert {first.isolation, second.isolation} == {Isolation.SEPARATE}
    assert plan.is_done


def test_what_a_row_could_not_decide_is_owed_again():
    plan = plan_of({"a": PLAIN}, some_tests(4))
    (row,) = units(plan)
    answers = [said("timed_out", "t0"), said("leave", "t1"), said("again", "t2")]
    (found,) = plan.took_row(row, [*answers, said("again", "t3")])
    assert found.verdict is Verdict.TIMED_OUT
    assert units(plan) == [Row("a", ("t2", "t3"), ahead=True), Full("a", "t1")]


def test_a_code_that_breaks_every_row_gets_no_more_of_them():
    plan = plan_of({"a": PLAIN}, some_tests(4))
    (row,) = units(plan)
    assert not [
        *plan.took_row(row, [said("leave", "t0"), *(said("again", t) for t in row.tests[1:])])
    ]
    again, _ = units(plan)
    answers = [said("leave", "t1"), said("again", "t2"), said("again", "t3")]
    assert not [*plan.took_row(again, answers)]
    assert sorted(unit.test for unit in units(plan)) == ["t1", "t2", "t3"]


def test_a_pass_in_one_process_waits_for_its_control():
    plan = plan_of({"a": ODD}, some_tests(3))
    first, second, third = units(plan)
    assert not [*plan.took_full(first, said("passed"), str)]
    (control,) = units(plan)
    assert control.control.endswith("assert double(0) == 1\n")
    assert not [*plan.took_full(second, said("passed"), str)]
    found = [*plan.took_full(control, said("failed"), str)]
    assert [(r.test_id, r.verdict) for r in found] == [
        ("t0", Verdict.PASSED),
        ("t1", Verdict.PASSED),
    ]
    (last,) = plan.took_full(third, said("passed"), str)
    assert (last.verdict, last.isolation) == (Verdict.PASSED, Isolation.SHARED)
    assert plan.is_done


def test_a_code_that_passes_its_control_has_passed_nothing():
    plan = plan_of({"a": ODD}, some_tests(3))
    first, second, third = units(plan)
    assert not [*plan.took_full(first, said("passed"), str)]
    (failed,) = plan.took_full(second, said("failed", error="AssertionError"), str)
    assert failed.error == "AssertionError"
    (control,) = units(plan)
    found = [
        *plan.took_full(control, said("passed"), str),
        *plan.took_full(third, said("passed"), str),
    ]
    assert [(r.test_id, r.verdict, r.error) for r in found] == [
        ("t0", Verdict.FAILED, "forged"),
        ("t2", Verdict.FAILED, "forged"),
    ]


def test_only_a_missing_modules_words_are_explained():
    plan = plan_of({"a": ODD}, some_tests(2))
    first, second = units(plan)
    (found,) = plan.took_full(
        first, said("failed", error="ModuleNotFoundError", message="m"), str.upper
    )
    assert found.message == "M"
    (found,) = plan.took_full(
        second, said("failed", error="AssertionError", message="m"), str.upper
    )
    assert found.message == "m"


def test_what_a_dying_runner_took_runs_once_more_alone():
    plan = plan_of({"a": PLAIN, "b": ODD}, some_tests(2))
    row, first, second = units(plan)
    assert not [*plan.lost([row, first], "gone")]
    plan_units = []
    while unit := plan.next(len(plan_units) % 2, 4) or plan.next(0, 4):
        plan_units.append(unit)
    assert plan_units == [Full("a", "t0"), Full("a", "t1"), Full("b", "t0")]
    (lost,) = plan.lost([plan_units[0]], "gone")
    assert (lost.pair, lost.verdict, lost.message) == (("a", "t0"), Verdict.SANDBOX_ERROR, "gone")
    assert not [*plan.lost([second], "gone")]


def test_while_one_runs_again_no_other_does():
    plan = plan_of({"a": PLAIN, "b": ODD}, some_tests(1))
    row = plan.next(0, 4)
    assert not [*plan.lost([row], "gone")]
    assert plan.next(1, 4) is None
    assert plan.next(0, 4) == Full("a", "t0")


def test_a_control_that_is_lost_twice_speaks_for_nobody():
    plan = plan_of({"a": ODD}, some_tests(1))
    (first,) = units(plan)
    assert not [*plan.took_full(first, said("passed"), str)]
    (control,) = units(plan)
    assert not [*plan.lost([control], "gone")]
    assert units(plan) == [control]
    (found,) = plan.lost([control], "gone")
    assert found.verdict is Verdict.PASSED

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.agreement import Agreement, agreements
from engine.candidates import STUB, Candidate, Kind
from engine.selection import (
    choose,
    evidence,
    expected_values,
    leaders,
    pair_score,
    rank,
    suite_id,
)
from tests.engine.pools import code, drawn, results, unit


def matrix(*rows: str) -> list[list[bool | None]]:
    return [[{"P": True, "F": False, ".": None}[sign] for sign in row] for row in rows]


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        # More tests passed wins between codes that stand alone.
        (("PFF", "PPF", "FFF"), 1),
        # Agreement wins over one more test: 2 × √3 > 3 × √1.
        (("PPF", "PPF", "PPF", "PPP"), 0),
        # A crowd that passes little loses to a pair that passes much: 1 × √4 < 5 × √2.
        (("PFFFF", "PFFFF", "PFFFF", "PFFFF", "PPPPP", "PPPPP"), 4),
        # Nothing passes: the first one.
        (("FF", "FF"), 0),
        # What is not known speaks for nobody.
        (("P..", "PPF"), 1),
    ],
)
def test_the_best_code_passes_much_and_agrees_with_many(rows: tuple[str, ...], best: int) -> None:
    assert rank(matrix(*rows))[0] == best


def test_weights_are_votes() -> None:
    rows = matrix("PPF", "PFP")
    assert rank(rows, weights=[1.0, 2.0])[0] == 1
    assert rank(rows, weights=[2.0, 1.0])[0] == 0


def test_in_a_group_the_likelier_code_comes_first() -> None:
    assert rank(matrix("PP", "PP", "PP"), weights=[0.2, 0.9, 0.5]) == [1, 2, 0]


def test_no_codes_rank_as_nothing() -> None:
    assert rank([]) == []
    assert rank([[], []]) == [0, 1]


@pytest.mark.parametrize(
    ("rows", "weights"),
    [
        ([[True], [True, False]], None),
        ([[True]], [1.0, 1.0]),
        ([[True]], [-1.0]),
        ([[True]], [math.nan]),
        ([[True]], [math.inf]),
    ],
)
def test_a_matrix_that_cannot_be_is_an_error(
    rows: list[list[bool | None]], weights: list[float] | None
) -> None:
    with pytest.raises(ValueError, match=r"rows|weights"):
        rank(rows, weights=weights)


CELLS = st.sampled_from([True, False, None])


@given(
    st.integers(0, 6).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8)
    ),
    st.data(),
)
def test_every_code_is_ranked_once_and_the_order_of_tests_does_not_matter(
    rows: list[list[bool | None]], data: st.DataObject
) -> None:
    order = rank(rows)
    assert sorted(order) == list(range(len(rows)))
    width = len(rows[0]) if rows else 0
    shuffled = data.draw(st.permutations(range(width)))
    assert rank([[row[i] for i in shuffled] for row in rows]) == order


def _agreement(rows: list[list[bool | None]], votes: list[int], row: int) -> Agreement:
    """As the docstring of `agreements` says it, each step counted anew over the whole matrix."""

    def passing(tests: set[int]) -> tuple[int, ...]:
        return tuple(i for i, r in enumerate(rows) if all(r[t] for t in tests))

    def worth(tests: set[int]) -> float:
        return len(tests) * math.sqrt(sum(votes[i] for i in passing(tests)))

    kept = {t for t, passed in enumerate(rows[row]) if passed}
    if not kept:
        return Agreement(0.0, (), ())
    columns = {tuple(bool(r[t]) for r in rows): set[int]() for t in sorted(kept)}
    for t in sorted(kept):
        columns[tuple(bool(r[t]) for r in rows)].add(t)
    left = list(columns.values())
    best = kept
    while len(left) > 1 and worth(kept) > worth(best) / 2:
        drop = max(left, key=lambda column: worth(kept - column))
        left.remove(drop)
        kept = kept - drop
        best = kept if worth(kept) > worth(best) else best
    return Agreement(worth(best), tuple(sorted(best)), passing(best))


@pytest.mark.parametrize("seed", range(300))
def test_agreements_are_those_of_the_plain_greedy_search(seed: int) -> None:
    luck = random.Random(seed)
    tests, codes = luck.randint(1, 16), luck.randint(1, 16)
    kinds = [[luck.random() < 0.7 for _ in range(tests)] for _ in range(luck.randint(1, 5))]
    rows = [
        [luck.choice([True, False, None]) if luck.random() < 0.1 else ok for ok in kind]
        for kind in luck.choices(kinds, k=codes)
    ]
    votes = [luck.randint(0, 4) for _ in range(codes)]
    for row, found in enumerate(agreements(rows, votes)):
        expected = _agreement(rows, votes, row)
        assert (found.tests, found.codes) == (expected.tests, expected.codes)
        assert found.worth == pytest.approx(expected.worth)


def test_a_code_that_fails_an_example_of_the_docstring_is_out() -> None:
    pool = drawn(["FPPPP", "FPPPP", "PPFFF"], given=1)
    choice = choose(pool, min_asserts=1)
    assert choice is not None
    assert choice.code_id == code(2).id
    assert choice.given == 1


def test_when_no_code_keeps_the_examples_there_is_no_choice() -> None:
    assert choose(drawn(["FPP", "FPP"], given=1), min_asserts=1) is None


def test_a_test_that_passes_on_the_stub_does_not_count() -> None:
    choice = choose(drawn(["PPP", "FPP"], stub="PFF"), min_asserts=1)
    assert choice is not None
    assert (choice.passed, choice.asserts) == (2, 2)


def test_nothing_passed_is_no_choice() -> None:
    assert choose(drawn(["FFF"]), min_asserts=1) is None
    assert choose(drawn([]), min_asserts=1) is None


def test_the_choice_counts_the_votes_of_all_that_agree_with_it() -> None:
    choice = choose(drawn(["PPPF", "PPPF", "FFFP"], seen=[5, 2, 3]), min_asserts=1)
    assert choice is not None
    assert choice.group == (code(0).id, code(1).id)
    assert (choice.votes, choice.votes_all) == (7, 10)
    assert choice.tests == tuple(unit(i).id for i in range(3))


def test_a_column_left_alone_because_it_hangs_does_not_part_codes_that_agree() -> None:
    choice = choose(drawn(["PPPT", "PPPT", "PPPT", "PPP.", "PPP."]), min_asserts=1)
    assert choice is not None
    assert len(choice.group) == 5


def test_the_test_that_ships_keeps_the_docstrings_examples() -> None:
    choice = choose(drawn(["P" * 40], given=2), min_asserts=1)
    assert choice is not None
    assert len(choice.tests) == 12
    assert {unit(0).id, unit(1).id} <= set(choice.tests)


def test_too_few_surviving_asserts_are_no_evidence() -> None:
    pool = drawn(["PPP"] * 4 + ["FFF"])
    few, enough = choose(pool, min_asserts=4), choose(pool, min_asserts=3)
    assert few is not None
    assert enough is not None
    assert few.evidence == 0
    assert enough.evidence > 0


def test_asserts_that_expect_one_value_are_no_evidence() -> None:
    pool = drawn([])
    tests = [
        Candidate(Kind.TEST, f"from f import f\n\n\ndef test_f():\n    assert f({i}) is True\n")
        for i in range(8)
    ]
    codes = [code(i) for i in range(8)]
    passed = [r for c in codes for r in results(c.id, tests, "P" * 8)]
    pool = pool.grown([*tests, *codes, *results(STUB, tests, "F" * 8), *passed])
    choice = choose(pool, min_asserts=4)
    assert choice is not None
    assert (choice.passed, choice.values, choice.evidence) == (8, 1, 0)


@pytest.mark.parametrize(
    ("check", "values"),
    [
        ("assert f(1) == 2", {"2"}),
        ("assert f(1) == pytest.approx(2.5)", {"2.5"}),
        ("assert f(1) is None", {"None"}),
        ("assert f(1)", {"True"}),
        ("assert not f(1)", {"False"}),
        ("assert f(1) > 0", {"f(1) > 0"}),
        ("with pytest.raises(ValueError):\n        f(1)", {"raises"}),
    ],
)
def test_what_an_assert_expects(check: str, values: set[str]) -> None:
    assert expected_values(f"def test_f():\n    {check}\n") == values


def test_evidence_grows_with_asserts_votes_and_share() -> None:
    assert evidence(4, 4, 0.9) < evidence(8, 4, 0.9) < evidence(8, 8, 0.9) < evidence(8, 8, 1.0)
    assert 0 <= evidence(1, 1, 0.0) < evidence(100, 100, 1.0) <= 1


def test_leaders_are_the_best_of_each_behaviour() -> None:
    pool = drawn(["PPF", "PPF", "PFF", "FFF"], logprobs=[-0.5, -0.1, -0.1, -0.1])
    assert leaders(pool) == [code(1).id, code(2).id, code(3).id]


@pytest.mark.parametrize(
    ("evidence", "judgement", "weight", "score"),
    [
        (0.9, None, 1.0, 0.9),
        (0.9, 0.0, 0.0, 0.9),
        (0.9, 1.0, 1.0, 0.9),
        (0.9, 0.0, 1.0, 0.45),
        (0.8, 0.5, 0.5, 0.7),
    ],
)
def test_the_judge_lowers_a_score_by_its_weight_and_never_lifts_it(
    evidence: float, judgement: float | None, weight: float, score: float
) -> None:
    assert pair_score(evidence, judgement, weight) == pytest.approx(score)


def test_a_suite_is_known_by_its_asserts_whatever_their_order() -> None:
    assert suite_id(["a", "b"]) == suite_id(["b", "a"]) != suite_id(["a"])


def test_with_a_style_only_an_answer_to_it_that_keeps_what_was_agreed_on_is_chosen() -> None:
    pool = drawn(["P" * 6] * 5 + ["PPPPPF"])
    without = choose(pool, min_asserts=4)
    assert without is not None

    unanswered = choose(pool, min_asserts=4, style="wish-1")
    assert unanswered is not None
    assert unanswered.evidence == 0

    tests = [pool.candidates[t] for t in pool.tests]
    breaks, keeps = code(90, style="wish-1"), code(91, style="wish-1")
    pool = pool.grown([breaks, *results(breaks.id, tests, "FFFFFF")])
    assert choose(pool, min_asserts=4, style="wish-1").evidence == 0  # type: ignore[union-attr]
    pool = pool.grown([keeps, *results(keeps.id, tests, "PPPPPP")])
    answered = choose(pool, min_asserts=4, style="wish-1")
    assert answered is not None
    assert answered.code_id == keeps.id
    assert answered.evidence >= without.evidence

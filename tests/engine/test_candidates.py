"""The pool: every candidate with all that is known of it, and what the sandbox still owes."""

import pytest

from engine.candidates import MOST_HURT, STUB, AskOutcome, Candidate, Kind, Origin, Pool
from engine.verdicts import Judgement, PairResult, Verdict
from tests.engine.pools import code, drawn, unit

C, T = code(1), unit(1)


def result(code_id: str, test_id: str, verdict: Verdict, error: str = "") -> PairResult:
    return PairResult(code_id, test_id, verdict, error=error)


def failed_on_stub(*tests: Candidate) -> list[PairResult]:
    return [result(STUB, t.id, Verdict.FAILED, "AssertionError") for t in tests]


def test_given_twins_then_one_candidate_counts_them_all_and_keeps_the_first_words():
    pool = Pool().grown([C, code(2), Candidate(Kind.CODE, C.source, raw="other", logprob=-3.0)])

    assert pool.codes == (C.id, code(2).id)
    assert pool.seen == {C.id: 2, code(2).id: 1}
    assert pool.candidates[C.id] is C


def test_given_one_source_as_code_and_as_test_then_they_are_two():
    assert Candidate(Kind.CODE, "x").id != Candidate(Kind.TEST, "x").id


def test_given_half_a_surrogate_pair_then_there_is_an_id_all_the_same():
    assert Candidate(Kind.CODE, "\ud83d").id != Candidate(Kind.CODE, "\ud83e").id


def test_when_a_pool_grows_then_the_old_one_is_as_it_was():
    old = Pool().grown([C, T])
    before = (dict(old.candidates), dict(old.seen), dict(old.results), old.codes, old.asks)
    ask = AskOutcome(Kind.CODE, Origin.SAMPLED, "dialogue", 4, 3, 2, 99, 1.5)

    new = old.grown(
        [code(2), C, *failed_on_stub(T), result(C.id, T.id, Verdict.SANDBOX_ERROR),
         Judgement(C.id, None, 0.5), ask]
    )  # fmt: skip

    assert (dict(old.candidates), dict(old.seen), dict(old.results), old.codes, old.asks) == before
    assert (old.hurt, old.judgements, old.live_tests) == ({}, {}, ())
    assert (len(new.codes), new.seen[C.id], new.live_tests, new.asks) == (2, 2, (T.id,), (ask,))
    assert new.judgements[C.id, None].score == 0.5


def test_given_entries_in_batches_then_the_pool_is_the_same_as_at_once():
    entries = [C, T, *failed_on_stub(T), code(2), result(C.id, T.id, Verdict.PASSED), C]
    pool = Pool()
    for entry in entries:
        pool = pool.grown([entry])

    assert pool == Pool().grown(entries)


def test_given_a_later_result_then_it_replaces_the_earlier():
    pool = Pool().grown([C, T, result(C.id, T.id, Verdict.TIMED_OUT)])

    assert pool.grown([result(C.id, T.id, Verdict.PASSED)]).passes(C.id, T.id) is True


def test_given_a_known_outcome_then_our_own_fault_does_not_hide_it():
    pool = Pool().grown([C, T, result(C.id, T.id, Verdict.PASSED)])

    hurt = pool.grown([result(C.id, T.id, Verdict.SANDBOX_ERROR)])

    assert hurt.passes(C.id, T.id) is True


@pytest.mark.parametrize(
    ("verdict", "passes"),
    [("P", True), ("F", False), ("T", False), ("E", None), (".", None)],
)
def test_given_a_verdict_then_passing_is_yes_no_or_unknown(verdict, passes):
    pool = drawn([verdict])

    assert pool.passes(pool.codes[0], pool.tests[0]) is passes


@pytest.mark.parametrize(
    ("verdict", "error", "is_live"),
    [
        (Verdict.FAILED, "AssertionError", True),
        (Verdict.FAILED, "NotImplementedError", True),
        (Verdict.FAILED, "collection", False),
        (Verdict.PASSED, "", False),
        (Verdict.TIMED_OUT, "timeout", False),
        (Verdict.SANDBOX_ERROR, "sandbox", False),
    ],
)
def test_given_a_tests_run_on_the_stub_then_only_a_true_failure_makes_it_a_column(
    verdict, error, is_live
):
    pool = Pool().grown([C, T, result(STUB, T.id, verdict, error)])

    assert pool.live_tests == ((T.id,) if is_live else ())
    assert ((C.id, T.id) in pool.untested_pairs()) is is_live


def test_given_tests_that_people_wrote_then_the_live_ones_are_known_as_given():
    mine, dead = unit(8, origin=Origin.GIVEN), unit(9, origin=Origin.GIVEN)
    pool = Pool().grown([T, mine, dead, *failed_on_stub(T, mine)])

    assert pool.given_tests == (mine.id,)


def test_what_is_owed_begins_with_the_stub_and_then_goes_code_by_code():
    tests, codes = [unit(1), unit(2), unit(3)], [code(1), code(2)]
    a, b, c = (t.id for t in tests)
    x, y = (k.id for k in codes)
    pool = Pool().grown([*codes, *tests])
    assert list(pool.untested_pairs()) == [(STUB, a), (STUB, b), (STUB, c)]

    pool = pool.grown([*failed_on_stub(tests[0], tests[2]), result(STUB, b, Verdict.PASSED)])
    assert list(pool.untested_pairs()) == [(x, a), (x, c), (y, a), (y, c)]

    pool = pool.grown([result(x, c, Verdict.PASSED), result(y, a, Verdict.TIMED_OUT)])
    assert list(pool.untested_pairs()) == [(x, a), (y, c)]

    late = unit(4)
    pool = pool.grown([late])
    assert list(pool.untested_pairs()) == [(STUB, late.id), (x, a), (y, c)]


@pytest.mark.parametrize("first", [STUB, C.id])
def test_given_our_own_fault_then_the_pair_is_owed_again_but_not_for_ever(first):
    pool = Pool().grown([C, T, *([] if first == STUB else failed_on_stub(T))])
    for _ in range(MOST_HURT):
        assert list(pool.untested_pairs()) == [(first, T.id)]
        pool = pool.grown([result(first, T.id, Verdict.SANDBOX_ERROR)])

    assert list(pool.untested_pairs()) == []
    assert pool.passes(first, T.id) is None


def test_given_our_own_fault_and_then_an_outcome_then_nothing_is_owed():
    pool = Pool().grown([C, T, *failed_on_stub(T), result(C.id, T.id, Verdict.SANDBOX_ERROR)])

    pool = pool.grown([result(C.id, T.id, Verdict.FAILED)])

    assert list(pool.untested_pairs()) == []
    assert pool.passes(C.id, T.id) is False


def test_samples_count_what_was_asked_for_and_came_back():
    asks = [
        AskOutcome(kind, Origin.SAMPLED, "", samples, 0, 0, 0, 0.0)
        for kind, samples in [(Kind.CODE, 16), (Kind.TEST, 12), (Kind.CODE, 3)]
    ]
    pool = Pool().grown(asks)

    assert (pool.samples(Kind.CODE), pool.samples(Kind.TEST)) == (19, 12)

"""Pools in the store: what is appended comes back, in its order, and nothing is kept twice."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from bot.requests import RequestStatus
from bot.store import UnknownPool
from bot.store.tables import candidates, pool_results, texts
from engine.candidates import STUB, AskOutcome, Candidate, Kind, Origin, Pool, Tier
from engine.errors import BadInput
from engine.verdicts import Isolation, Judgement, PairResult, Verdict
from tests.bot.requests_made import SPEC, request
from tests.engine.pools import code, outcome, results, unit

RAW = "```python\ndef f(x):\n    return 'ü\u2028 \\n \ud83d \0'\n"
CODE = code(1, raw=RAW, logprob=-0.25, edits=("a", "b"), style="dialogue")
TEST = unit(1, raw="reply", origin=Origin.IMPROVED, parent="p")
FAILED = PairResult(CODE.id, TEST.id, Verdict.FAILED, 0.5, "AssertionError", "1 != 2", "out\0put")
ENTRIES = [
    CODE,
    TEST,
    PairResult(STUB, TEST.id, Verdict.FAILED),
    outcome(Kind.CODE, 4),
    FAILED,
    Judgement(CODE.id, None, None, "reply"),
    CODE,
    Judgement(CODE.id, TEST.id, 0.25, "reply", "text"),
    PairResult(CODE.id, TEST.id, Verdict.PASSED, 0.25, isolation=Isolation.SEPARATE),
]
TEXT = st.text(max_size=6) | st.text(alphabet="\\u0\0\ud800 x", max_size=6)
NUMBER = st.floats(allow_nan=False)
COUNT = st.integers(-(2**63), 2**63 - 1)
ANY_ENTRY = st.one_of(
    st.builds(
        Candidate, kind=st.sampled_from(Kind), source=TEXT, raw=TEXT, origin=st.sampled_from(Origin),
        parent=st.none() | TEXT, logprob=st.none() | NUMBER, style=TEXT,
        edits=st.lists(TEXT, max_size=3).map(tuple),
    ),
    st.builds(
        PairResult, code_id=TEXT, test_id=TEXT,
        verdict=st.sampled_from([v for v in Verdict if v.is_final]),
        seconds=NUMBER, error=TEXT, message=TEXT, output=TEXT,
    ),
    st.builds(
        Judgement, code_id=TEXT, test_id=st.none() | TEXT, score=st.none() | NUMBER, reply=TEXT,
        method=TEXT,
    ),
    st.builds(
        AskOutcome, kind=st.sampled_from(Kind), origin=st.sampled_from(Origin), style=TEXT,
        samples=COUNT, usable=COUNT, fresh=COUNT, tokens=COUNT, seconds=NUMBER,
        temperature=st.none() | NUMBER, max_tokens=st.none() | COUNT,
        without=st.lists(TEXT, max_size=2).map(tuple), tier=st.sampled_from(Tier),
    ),
)  # fmt: skip


def rows_in(store, table):
    with store._database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def test_given_entries_then_the_pool_is_made_of_them_in_their_order(store):
    pool_id = store.create_pool(SPEC)
    for entry in ENTRIES[:4]:
        store.append(pool_id, [entry])
    store.append(pool_id, ENTRIES[4:])

    assert list(store.iter_entries(pool_id)) == ENTRIES
    assert store.load_pool(pool_id) == Pool().grown(ENTRIES)
    assert store.get_pool(pool_id).size == len(ENTRIES)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(entries=st.lists(ANY_ENTRY, max_size=8))
def test_any_entry_comes_back_as_it_was(store, entries):
    pool_id = store.create_pool(SPEC)

    store.append(pool_id, entries)

    assert list(store.iter_entries(pool_id)) == entries
    assert store.load_pool(pool_id) == Pool().grown(entries)


def test_given_a_number_that_no_column_holds_then_it_is_refused_and_nothing_is_added(store):
    pool_id = store.create_pool(SPEC)
    huge = AskOutcome(Kind.CODE, Origin.SAMPLED, "", 10**30, 0, 0, 0, 0.0)

    with pytest.raises(BadInput, match="the database cannot hold this: "):
        store.append(pool_id, [CODE, huge])
    assert store.load_pool(pool_id) == Pool()


def test_what_the_sandbox_failed_at_is_owed_again_and_is_not_kept(store):
    pool_id = store.create_pool(SPEC)

    assert store.append(pool_id, [PairResult("c", "t", Verdict.SANDBOX_ERROR), FAILED]) == 1
    assert list(store.iter_entries(pool_id)) == [FAILED]


def test_nothing_is_kept_twice_however_many_pools_have_it(store):
    test_of_same_reply = unit(2, raw=RAW)
    for _ in range(3):
        pool_id = store.create_pool(SPEC)
        store.append(pool_id, [CODE, CODE, test_of_same_reply])

    assert rows_in(store, candidates) == 2
    assert rows_in(store, texts) == 1
    pool = store.load_pool(pool_id)
    assert pool.seen == {CODE.id: 2, test_of_same_reply.id: 1}
    assert pool.candidates[CODE.id].raw is pool.candidates[test_of_same_reply.id].raw


def test_given_a_pool_that_grows_while_it_is_read_then_one_state_of_it_is_seen(store):
    pool_id = store.create_pool(SPEC)
    store.append(pool_id, [CODE])
    reading = store.iter_entries(pool_id)
    first = next(reading)
    store.append(pool_id, [TEST])

    assert [first, *reading] == [CODE]


def test_when_an_append_is_repeated_at_its_place_then_its_entries_are_not_added_again(store):
    pool_id = store.create_pool(SPEC)
    assert store.append(pool_id, [CODE, TEST], at=0) == 2
    assert store.append(pool_id, [CODE, TEST], at=0) == 2
    assert store.append(pool_id, [FAILED], at=2) == 3
    assert store.append(pool_id, [CODE]) == 4
    assert store.append(pool_id, [], at=4) == 4

    assert list(store.iter_entries(pool_id)) == [CODE, TEST, FAILED, CODE]


def test_when_others_have_appended_at_that_place_then_nothing_is_taken_for_what_it_is_not(store):
    pool_id = store.create_pool(SPEC, [CODE])
    store.append(pool_id, [FAILED, FAILED])

    assert store.append(pool_id, [TEST], at=1) == 4
    assert list(store.iter_entries(pool_id)) == [CODE, FAILED, FAILED, TEST]


def test_when_two_append_to_one_pool_then_no_entry_is_lost(store):
    pool_id = store.create_pool(SPEC)
    tests = [unit(i) for i in range(40)]
    made = {n: [code(n), *results(code(n).id, tests, "PF" * 20)] for n in range(2)}

    def work(n):
        for entry in made[n]:
            store.append(pool_id, [entry])

    threads = [threading.Thread(target=work, args=(n,)) for n in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = list(store.iter_entries(pool_id))
    assert len(found) == 82
    for n, own in made.items():
        mine = {*own}
        assert [entry for entry in found if entry in mine] == own, n


def test_given_no_such_pool_then_every_call_says_so(store):
    for call in (
        store.load_pool,
        store.get_pool,
        lambda name: list(store.iter_entries(name)),
        lambda name: store.append(name, [CODE]),
    ):
        with pytest.raises(UnknownPool, match="there is no pool p9; list them: "):
            call("p9")


def test_given_an_id_that_is_taken_then_no_second_pool_is_made(store):
    store.create_pool(SPEC, pool_id="p1")

    with pytest.raises(BadInput, match="there is a pool p1 already"):
        store.create_pool(SPEC, pool_id="p1")


def test_pools_are_listed_newest_first_with_what_is_known_of_them(store, clock):
    first = store.create_pool(SPEC, model="m", seed=None)
    store.create_pool(SPEC, pool_id="second")
    grown = clock.advance(5)
    store.append(first, [CODE])

    listed = store.list_pools()
    assert [p.id for p in listed] == ["second", first]
    assert (listed[1].about, listed[1].size, listed[1].updated_at) == (
        {"model": "m", "seed": None},
        1,
        grown,
    )
    assert listed[1].spec == SPEC
    assert [p.id for p in store.list_pools(limit=1)] == ["second"]


def test_old_pools_are_dropped_with_what_only_they_had_and_those_in_use_stay(store, clock):
    names = ["old", "used", "done", "new"]
    for name, own in zip(names, range(4), strict=True):
        store.create_pool(SPEC, pool_id=name)
        store.append(name, [CODE, code(10 + own, raw=name), FAILED])
        if name == "done":
            clock.advance(10)
    store.add_request(request("r1", pool_id="used"))
    store.add_request(request("r2", pool_id="old", status=RequestStatus.CANCELLED))

    assert store.prune_pools(clock() - timedelta(seconds=5)) == 2

    assert {p.id for p in store.list_pools()} == {"used", "new"}
    assert store.get_request("r2").pool_id is None
    assert rows_in(store, candidates) == 3
    assert rows_in(store, pool_results) == 2
    assert len(list(store.iter_entries("used"))) == 3
    assert store.prune_pools(clock() - timedelta(seconds=5)) == 0

"""What a search finds while the database is away is stored when it is back, once."""

from __future__ import annotations

import pytest

from bot.store import StoreUnavailable, UnknownPool
from bot.store import journal as journals
from bot.store.journal import Journal
from engine.verdicts import PairResult, Verdict
from tests.bot.requests_made import SPEC
from tests.engine.pools import code

CODES = [code(n) for n in range(6)]


@pytest.fixture
def pool_id(store):
    return store.create_pool(SPEC, [CODES[0]])


@pytest.fixture
def outage(store, monkeypatch):
    """Makes appends fail: before they are committed, or after, when only the answer is lost."""
    append = store.append

    def begin(*, committed):
        def fail(*arguments, **named):
            if committed:
                append(*arguments, **named)
            raise StoreUnavailable("away", remedy="start it")

        monkeypatch.setattr(store, "append", fail)

    begin.end = lambda: monkeypatch.setattr(store, "append", append)
    return begin


def test_what_is_found_is_stored_at_once(store, pool_id):
    journal = Journal(store, pool_id)
    journal(CODES[1:3])
    journal([])
    journal(iter(CODES[3:4]))

    assert journal.owed == 0
    assert list(store.iter_entries(pool_id)) == CODES[:4]


@pytest.mark.parametrize("committed", [False, True])
def test_given_an_outage_then_nothing_is_lost_and_nothing_is_stored_twice(
    store, pool_id, outage, committed
):
    journal = Journal(store, pool_id)
    outage(committed=committed)
    journal(CODES[1:3])
    journal(CODES[3:4])
    assert journal.owed == 3
    with pytest.raises(StoreUnavailable):
        journal.flush()

    outage.end()
    journal(CODES[4:5])
    journal(CODES[5:])

    assert journal.owed == 0
    assert list(store.iter_entries(pool_id)) == CODES


def test_given_too_long_an_outage_then_the_search_has_to_stop(store, pool_id, outage, monkeypatch):
    monkeypatch.setattr(journals, "MOST_OWED", 2)
    journal = Journal(store, pool_id)
    outage(committed=False)
    journal(CODES[1:3])
    with pytest.raises(StoreUnavailable):
        journal(CODES[3:4])

    outage.end()
    journal.flush()
    assert list(store.iter_entries(pool_id)) == CODES[:4]


def test_what_the_sandbox_failed_at_is_not_kept_and_confuses_nothing(store, pool_id):
    hurt = PairResult("c", "t", Verdict.SANDBOX_ERROR)
    journal = Journal(store, pool_id)
    journal([hurt])
    journal([hurt, CODES[1]])
    journal([CODES[2], hurt])

    assert list(store.iter_entries(pool_id)) == CODES[:3]


def test_given_no_such_pool_then_it_is_said_at_once(store):
    with pytest.raises(UnknownPool):
        Journal(store, "p9")

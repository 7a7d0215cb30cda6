"""The scheduler looks into the store often enough, and goes on whatever it meets there."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

import pytest

from bot.requests import RequestStatus
from bot.scheduler import Chores, Scheduler, Tick
from bot.settings import SchedulerSettings
from bot.store import StoreUnavailable, open_store
from tests.bot.requests_made import NOW, SPEC, request

S = RequestStatus
DAY = timedelta(days=1)


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    with open_store(f"sqlite:///{tmp_path / 'store.db'}", clock=clock) as opened:
        yield opened


@pytest.fixture
def chores(store, clock):
    settings = SchedulerSettings(keep_pools_days=10, keep_deliveries_days=5)
    return Chores(store, settings=settings, clock=clock, fingerprint="m/2")


def test_one_round_does_all_that_has_to_be_done(store, clock, chores):
    store.add_request(request("dead"))
    store.claim("w1", 60)
    store.add_request(request("due", status=S.WAITING, retry_at=NOW))
    store.add_request(request("later", status=S.WAITING, retry_at=NOW + DAY))
    store.add_request(request("old model", status=S.EXHAUSTED, fingerprint="m/1"))
    clock.now += timedelta(minutes=2)

    Scheduler(chores.ticks()).run_once()

    assert {r.id: r.status for r in store.list_requests()} == {
        "dead": S.QUEUED,
        "due": S.QUEUED,
        "later": S.WAITING,
        "old model": S.QUEUED,
    }
    assert [chore() for chore in (chores.wake, chores.release_stale_leases)] == [[], []]


def test_when_the_model_changes_then_what_it_could_not_solve_is_tried_again_in_order(
    store, clock, chores
):
    about = {"status": S.EXHAUSTED, "attempts": 6, "fingerprint": "m/1"}
    pool_id = store.create_pool(SPEC)
    store.add_request(request("young", created_at=NOW + DAY, **about))
    store.add_request(request("old", expires_at=NOW + DAY, pool_id=pool_id, **about))
    store.add_request(request("same", **{**about, "fingerprint": "m/2"}))
    store.add_request(request("expired", expires_at=NOW, **about))
    store.add_request(request("never ran", **{**about, "fingerprint": ""}))
    store.add_request(request("failed", **{**about, "status": S.FAILED}))

    revived = chores.revive_exhausted()

    assert [r.id for r in revived] == ["old", "young"]
    assert (revived[0].attempts, revived[0].pool_id) == (0, pool_id)
    assert store.queue_length() == 2
    assert chores.revive_exhausted() == []


def test_given_no_known_model_then_nothing_is_tried_again(store, clock):
    store.add_request(request(status=S.EXHAUSTED, fingerprint="m/1"))
    chores = Chores(store, settings=SchedulerSettings(), clock=clock)

    assert chores.revive_exhausted() == []


def test_what_is_old_and_done_with_goes_and_the_rest_stays(store, clock, chores):
    store.create_pool(SPEC, pool_id="old")
    for name in ("handled", "open"):
        store.accept_delivery(name, "ping", b"")
    store.mark_handled("handled")
    clock.now += 7 * DAY
    store.create_pool(SPEC, pool_id="new")
    assert chores.keep_house() == (0, 1)

    clock.now += 4 * DAY
    assert chores.keep_house() == (1, 0)
    assert [p.id for p in store.list_pools()] == ["new"]
    assert store.count_unhandled_deliveries() == 1


def test_how_things_stand_is_told_in_the_log_when_it_is_news(store, chores, caplog):
    store.add_request(request("waits"))
    with caplog.at_level(logging.INFO):
        assert chores.tell_metrics() == "1 queued"
        store.claim("w1", 60)
        assert chores.tell_metrics() == "1 running"
        assert chores.tell_metrics() == ""

    assert "under way: 1 queued" in caplog.text


def test_a_tick_that_meets_an_outage_is_told_in_one_line_and_stops_no_other(caplog):
    def down():
        raise StoreUnavailable("the database is away", remedy="start it")

    done = []
    with caplog.at_level(logging.WARNING):
        Scheduler([Tick("wake", 10, down), Tick("other", 10, lambda: done.append(1))]).run_once()

    assert done == [1]
    assert "wake: the database is away; tried again in about 10 s" in caplog.text


def test_while_it_runs_every_tick_is_done_again_and_again_and_after_its_stop_none():
    again = threading.Semaphore(0)
    rounds: list[int] = []

    def tick():
        rounds.append(1)
        again.release()

    scheduler = Scheduler([Tick("often", 0.01, tick)])
    scheduler.start()
    for _ in range(3):
        assert again.acquire(timeout=60)
    scheduler.stop()
    scheduler.stop()

    seen = len(rounds)
    scheduler.run_once()
    assert len(rounds) == seen >= 3

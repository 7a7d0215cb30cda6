"""Who works on what, and who goes on with it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bot import steps
from bot.requests import IllegalTransition, RequestStatus
from bot.retry import ParkPolicy, ParkReason, RetryPolicy
from bot.store import LeaseLost
from tests.bot.requests_made import NOW, request

S = RequestStatus


def add(store, *names, **about):
    for name in names:
        store.add_request(request(name, **about))


def park(store, clock, name, worker):
    return store.apply(
        name,
        lambda r: steps.parked(
            r, ParkReason.GITHUB, policy=ParkPolicy(), now=clock(), rng=random.Random(1),
            reason="GitHub is down",
        ),
        worker=worker,
    )  # fmt: skip


def unsolved(store, clock, name, worker, **policy):
    return store.apply(
        name,
        lambda r: steps.unsolved(
            r, policy=RetryPolicy(**policy), now=clock(), rng=random.Random(1), reason="no",
        ),
        worker=worker,
    )  # fmt: skip


def test_given_an_empty_queue_then_there_is_nothing_to_claim(store):
    assert store.claim("w1", 60) is None


def test_requests_are_claimed_by_priority_and_then_by_age(store):
    store.add_request(request("young", created_at=NOW.replace(hour=13)))
    store.add_request(request("old", created_at=NOW.replace(hour=11)))
    store.add_request(request("urgent", priority=1))

    assert [store.claim(f"w{i}", 60).id for i in range(3)] == ["urgent", "old", "young"]
    assert store.claim("w4", 60) is None


def test_a_claimed_request_runs_and_its_turn_has_begun(store, clock):
    add(store, "r1")
    now = clock.advance(3)

    claimed = store.claim("w1", 60)

    assert (claimed.status, claimed.updated_at) == (S.RUNNING, now)
    [attempt] = store.attempts_of("r1")
    assert (attempt.worker, attempt.started_at, attempt.ended_at) == ("w1", now, None)


def test_while_its_worker_lives_a_request_stays_its_own(store, clock):
    add(store, "r1")
    store.claim("w1", 60)
    for _ in range(5):
        clock.advance(59)
        store.heartbeat("r1", "w1", 60)

    assert store.release_stale_leases() == []
    assert store.claim("w2", 60) is None


def test_when_a_worker_is_gone_then_its_request_is_taken_up_again(store, clock):
    add(store, "r1")
    store.claim("w1", 60)
    clock.advance(59)
    assert store.release_stale_leases() == []
    clock.advance(1)

    [released] = store.release_stale_leases()
    assert (released.status, released.lost_leases) == (S.QUEUED, 1)
    assert store.claim("w2", 60).id == "r1"
    for call in (
        lambda: store.heartbeat("r1", "w1", 60),
        lambda: store.transition("r1", S.SOLVED, worker="w1"),
        lambda: store.release("r1", "w1"),
    ):
        with pytest.raises(LeaseLost):
            call()
    assert [a.ended_as for a in store.attempts_of("r1")] == [S.QUEUED, None]


def test_given_a_request_that_kills_its_workers_then_it_fails_in_the_end(store, clock):
    add(store, "r1")
    for turn in range(steps.MOST_LOST_LEASES):
        assert store.claim(f"w{turn}", 60).id == "r1"
        clock.advance(61)
        [released] = store.release_stale_leases()

    assert released.status is S.FAILED
    assert released.error_id
    assert store.claim("w", 60) is None


def test_a_worker_that_comes_to_an_end_in_between_clears_the_count(store, clock):
    add(store, "r1")
    store.claim("w1", 60)
    clock.advance(61)
    store.release_stale_leases()
    store.claim("w2", 60)
    assert unsolved(store, clock, "r1", "w2").lost_leases == 0


def test_when_a_worker_stops_in_good_order_then_its_request_goes_to_the_next_at_once(store):
    add(store, "r1", "r2")
    store.claim("w1", 60)

    released = store.release("r1", "w1")

    assert (released.status, released.lost_leases) == (S.QUEUED, 0)
    assert store.claim("w2", 60).id == "r1"


def solved(store):
    add(store, "r1", "r2")
    store.claim("w1", 60)
    store.transition("r1", S.SOLVED, worker="w1")


def test_a_solved_request_stays_with_its_worker_until_it_is_handed_over(store):
    solved(store)

    assert store.claim("w2", 60).id == "r2"
    assert store.claim("w3", 60) is None
    store.heartbeat("r1", "w1", 60)
    store.transition("r1", S.PR_OPENED, worker="w1")
    with pytest.raises(LeaseLost):
        store.heartbeat("r1", "w1", 60)


@pytest.mark.parametrize("how", ["dies", "stops"])
def test_when_its_worker_is_gone_then_a_solved_request_comes_first_and_never_runs_again(
    store, clock, how
):
    solved(store)
    if how == "dies":
        clock.advance(61)
        store.release_stale_leases()
    else:
        store.release("r1", "w1")

    claimed = store.claim("w2", 60)

    assert (claimed.id, claimed.status) == ("r1", S.SOLVED)
    assert [c.new for c in store.history("r1")] == [S.QUEUED, S.RUNNING, S.SOLVED]
    assert len(store.attempts_of("r1")) == 2


def test_a_parked_solved_request_waits_for_its_time(store, clock):
    solved(store)
    parked = park(store, clock, "r1", "w1")
    assert (parked.status, parked.parks) == (S.SOLVED, 1)
    assert store.claim("w2", 60).id == "r2"
    assert store.claim("w2", 60) is None

    clock.now = parked.retry_at
    again = store.claim("w2", 60)
    assert (again.id, again.status, again.retry_at, again.parked) == ("r1", S.SOLVED, None, None)
    assert again.parks == 1
    assert [(c.old, c.new) for c in store.history("r1")][-1] == (S.SOLVED, S.SOLVED)
    assert [a.parked for a in store.attempts_of("r1")] == [ParkReason.GITHUB, None]


def test_a_worker_can_leave_alone_what_it_cannot_do_now(store):
    solved(store)
    store.release("r1", "w1")

    assert store.claim("w2", 60, statuses=[S.QUEUED]).id == "r2"
    assert store.claim("w3", 60, statuses=[S.QUEUED]) is None
    assert store.claim("w3", 60, statuses=[S.SOLVED]).id == "r1"


def test_when_an_unsolved_request_is_due_then_it_is_queued_with_its_attempts(store, clock):
    add(store, "r1")
    store.claim("w1", 60)
    waiting = unsolved(store, clock, "r1", "w1")
    assert store.due() == store.wake() == []

    clock.now = waiting.retry_at
    assert store.due() == [waiting]
    [woken] = store.wake()
    assert (woken.status, woken.attempts, woken.retry_at) == (S.QUEUED, 1, None)
    assert store.wake() == []
    assert store.claim("w2", 60).attempts == 1


def test_what_is_due_goes_on_in_the_order_in_which_it_was_made(store, clock):
    names = [f"r{i}" for i in range(6)]
    for i, name in enumerate(names):
        add(store, name, created_at=NOW.replace(minute=i))
    for name in names:
        assert store.claim(f"w-{name}", 60).id == name
    rng = random.Random(5)
    policy, reason = ParkPolicy(), "the model is down"
    for name in reversed(names):
        store.apply(
            name,
            lambda r: steps.parked(
                r, ParkReason.MODEL, policy=policy, now=clock(), rng=rng, reason=reason
            ),
        )
    clock.advance(policy.cap_s)

    assert [r.id for r in store.due()] == names
    assert [r.id for r in store.wake(limit=4)] == names[:4]
    assert [r.id for r in store.wake()] == names[4:]
    assert [store.claim(f"v{i}", 60).id for i in range(6)] == names


def test_when_the_parts_answer_again_then_what_is_parked_goes_on_at_once_in_its_order(store, clock):
    solved(store)
    park(store, clock, "r1", "w1")
    for minute, name in enumerate(("b", "a")):
        add(store, name, created_at=NOW.replace(minute=minute + 1))
    for worker in ("w2", "w3", "w4"):
        park(store, clock, store.claim(worker, 60).id, worker)
    add(store, "unsolved", status=S.WAITING, retry_at=NOW.replace(year=2099))

    assert store.wake_parked({ParkReason.MODEL}) == []
    woken = store.wake_parked({ParkReason.GITHUB})

    assert [(r.id, r.status, r.parked, r.retry_at) for r in woken] == [
        ("r1", S.SOLVED, None, None),
        ("r2", S.QUEUED, None, None),
        ("b", S.QUEUED, None, None),
        ("a", S.QUEUED, None, None),
    ]
    assert store.wake_parked(set(ParkReason)) == []
    assert [store.claim(f"v{i}", 60).id for i in range(4)] == ["r1", "r2", "b", "a"]
    assert store.get_request("unsolved").status is S.WAITING


def test_when_a_waiting_request_has_expired_then_it_is_given_up(store, clock):
    add(store, "r1", status=S.WAITING, retry_at=NOW, expires_at=NOW)

    [given_up] = store.wake()
    assert (given_up.status, given_up.reason) == (S.EXHAUSTED, "it expired before it was solved")


@pytest.mark.parametrize("status", [S.QUEUED, S.WAITING, S.SOLVED])
def test_a_cancel_ends_at_once_what_nobody_works_on(store, status):
    add(store, "r1", status=status, retry_at=NOW if status is S.WAITING else None)

    cancelled = store.request_cancel("r1", "cancelled by ada")

    assert (cancelled.status, cancelled.reason) == (S.CANCELLED, "cancelled by ada")
    assert store.is_cancelled("r1")
    assert store.claim("w1", 60) is None


def test_a_cancel_reaches_the_worker_with_its_next_heartbeat(store):
    add(store, "r1")
    store.claim("w1", 60)
    assert not store.is_cancelled("r1")

    assert store.request_cancel("r1").status is S.RUNNING

    assert store.is_cancelled("r1")
    assert store.heartbeat("r1", "w1", 60).cancel_requested
    store.transition("r1", S.CANCELLED, worker="w1")
    assert store.is_cancelled("r1")


def test_when_a_cancelled_request_loses_its_worker_then_it_is_cancelled(store, clock):
    add(store, "r1")
    store.claim("w1", 60)
    store.request_cancel("r1")
    clock.advance(61)

    [released] = store.release_stale_leases()
    assert released.status is S.CANCELLED


def test_what_has_ended_cannot_be_cancelled(store):
    add(store, "r1", status=S.FAILED)

    with pytest.raises(IllegalTransition, match="failed never becomes cancelled"):
        store.request_cancel("r1")


def test_when_somebody_ends_a_running_request_then_its_worker_finds_out(store):
    add(store, "r1")
    store.claim("w1", 60)
    store.transition("r1", S.REFUSED, "the repository is gone")

    with pytest.raises(LeaseLost):
        store.heartbeat("r1", "w1", 60)
    assert store.attempts_of("r1")[0].ended_as is S.REFUSED


def test_a_retry_of_a_cancelled_request_runs_again(store, clock):
    add(store, "r1")
    store.claim("w1", 60)
    store.request_cancel("r1")
    store.transition("r1", S.CANCELLED, worker="w1")

    store.apply("r1", lambda r: steps.revived(r, now=clock(), reason="asked again"))

    assert not store.is_cancelled("r1")
    assert store.claim("w2", 60).id == "r1"


def test_a_change_of_other_fields_leaves_the_lease(store):
    add(store, "r1")
    store.claim("w1", 60)
    before = store.get_request("r1")

    after = store.update_request("r1", status_comment_id=7)

    assert after == replace(before, status_comment_id=7)
    store.heartbeat("r1", "w1", 60)

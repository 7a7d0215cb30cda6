"""Whatever is called in whatever order: no request stands where the machine has no way to."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from bot import steps
from bot.requests import TRANSITIONS, IllegalTransition, RequestStatus
from bot.retry import ParkPolicy, ParkReason, RetryPolicy
from bot.store import LeaseLost
from tests.bot.requests_made import request

NAMES = [f"r{i}" for i in range(4)]
WORKERS = ["w0", "w1", "w2"]
STEPS = 150


class Walk:
    """Random calls, by many workers, that know nothing of what the others do."""

    def __init__(self, store, clock, seed):
        self.store, self.clock, self.rng = store, clock, random.Random(seed)
        self.held = {}
        self.calls = [
            self.add, self.claim, self.claim, self.beat, self.beat, self.solve, self.solve, self.hand,
            self.fail, self.give_up, self.park, self.stop, self.cancel, self.revive, self.wake,
            self.release_stale, self.pass_time, self.nonsense, self.note,
        ]  # fmt: skip

    def step(self):
        call = self.rng.choice(self.calls)
        try:
            call(self.rng.choice(NAMES), self.rng.choice(WORKERS))
        except (IllegalTransition, LeaseLost):
            return False
        return True

    def add(self, name, worker):
        self.store.add_request(request(name, created_at=self.clock(), updated_at=self.clock()))

    def claim(self, name, worker):
        claimed = self.store.claim(worker, 30)
        if claimed is not None:
            assert claimed.status in (RequestStatus.RUNNING, RequestStatus.SOLVED)
            # Nobody whose lease is good may see another take the same.
            others = [w for w, (held, until) in self.held.items() if held == claimed.id]
            assert all(self.held[w][1] <= self.clock() or w == worker for w in others)
            self.held[worker] = (claimed.id, self.clock() + timedelta(seconds=30))

    def beat(self, name, worker):
        name = self.held.get(worker, (name, None))[0]
        try:
            beaten = self.store.heartbeat(name, worker, 30)
        except LeaseLost:
            self.held.pop(worker, None)
            raise
        self.held[worker] = (beaten.id, self.clock() + timedelta(seconds=30))

    def solve(self, name, worker):
        self.mine(worker, name, RequestStatus.SOLVED)

    def hand(self, name, worker):
        self.mine(worker, name, RequestStatus.PR_OPENED)

    def fail(self, name, worker):
        self.mine(worker, name, RequestStatus.FAILED)

    def mine(self, worker, name, status):
        name = self.held.get(worker, (name, None))[0]
        self.store.transition(name, status, "by walk", worker=worker)
        if status is not RequestStatus.SOLVED:
            self.held.pop(worker, None)

    def give_up(self, name, worker):
        self.ended(worker, name, lambda r: steps.unsolved(
            r, policy=RetryPolicy(max=1, backoff_s=40), now=self.clock(), rng=self.rng, reason="no"
        ))  # fmt: skip

    def park(self, name, worker):
        self.ended(worker, name, lambda r: steps.parked(
            r, ParkReason.MODEL, policy=ParkPolicy(), now=self.clock(), rng=self.rng, reason="down"
        ))  # fmt: skip

    def ended(self, worker, name, step):
        name = self.held.pop(worker, (name, None))[0]
        self.store.apply(name, step, worker=worker)

    def stop(self, name, worker):
        self.store.release(self.held.pop(worker, (name, None))[0], worker)

    def cancel(self, name, worker):
        self.store.request_cancel(name)

    def revive(self, name, worker):
        self.store.apply(name, lambda r: steps.revived(r, now=self.clock(), reason="retry"))

    def wake(self, name, worker):
        self.store.wake()

    def release_stale(self, name, worker):
        now = self.clock()
        self.held = {w: (n, until) for w, (n, until) in self.held.items() if until > now}
        self.store.release_stale_leases()

    def pass_time(self, name, worker):
        self.clock.advance(self.rng.choice([1, 10, 31, 100]))

    def nonsense(self, name, worker):
        status = self.rng.choice(list(RequestStatus))
        self.store.transition(name, status, "nonsense", retry_at=self.clock())
        # Whoever held it has lost it, and finds out at its next call.
        self.held = {w: (n, until) for w, (n, until) in self.held.items() if n != name}

    def note(self, name, worker):
        self.store.update_request(name, status_comment_id=self.rng.randrange(9))


@pytest.mark.parametrize("seed", range(4))
def test_no_sequence_of_calls_reaches_an_illegal_status(store, clock, seed):
    walk = Walk(store, clock, seed)
    for name in NAMES:
        walk.add(name, "")

    done = sum(walk.step() for _ in range(STEPS))

    assert done > STEPS / 4
    for kept in store.list_requests():
        check_history(store, kept)


def check_history(store, kept):
    changes = store.history(kept.id)
    status: RequestStatus | None = None
    last: datetime = changes[0].at
    for change in changes:
        assert change.old is status
        if status is None:
            assert change.new is RequestStatus.QUEUED
        else:
            assert change.new in TRANSITIONS[status] or change.new is status
        assert change.at >= last
        status, last = change.new, change.at
    assert status is kept.status
    open_turns = [a for a in store.attempts_of(kept.id) if a.ended_at is None]
    assert len(open_turns) <= (kept.status in (RequestStatus.RUNNING, RequestStatus.SOLVED))
    assert (kept.status is RequestStatus.WAITING) <= (kept.retry_at is not None)

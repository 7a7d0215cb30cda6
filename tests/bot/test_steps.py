"""What happens to a request, from one value of it to the next."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from bot import steps
from bot.requests import IllegalTransition, RequestStatus
from bot.retry import ParkPolicy, ParkReason, RetryPolicy
from tests.bot.requests_made import NOW, request

LATER = NOW + timedelta(hours=1)
RUNNING, SOLVED = RequestStatus.RUNNING, RequestStatus.SOLVED


def unsolved(asked, policy=None):
    return steps.unsolved(
        asked, policy=policy or RetryPolicy(max=2), now=NOW, rng=random.Random(1),
        reason="nothing found", fingerprint="m/p",
    )  # fmt: skip


def parked(asked):
    return steps.parked(
        asked, ParkReason.GITHUB, policy=ParkPolicy(), now=NOW, rng=random.Random(1),
        reason="GitHub is down",
    )  # fmt: skip


def test_an_unsolved_request_waits_costs_an_attempt_and_forgets_its_outages():
    waiting = unsolved(request(status=RUNNING, attempts=1, parks=3, lost_leases=2))

    assert waiting.status is RequestStatus.WAITING
    assert (waiting.attempts, waiting.parks, waiting.lost_leases) == (2, 0, 0)
    assert waiting.retry_at > NOW
    assert (waiting.reason, waiting.fingerprint) == ("nothing found", "m/p")


def test_an_unsolved_request_without_retries_left_is_exhausted_by_that_model():
    exhausted = unsolved(request(status=RUNNING, attempts=2))

    assert exhausted.status is RequestStatus.EXHAUSTED
    assert (exhausted.attempts, exhausted.retry_at, exhausted.fingerprint) == (3, None, "m/p")


def test_a_request_that_would_be_tried_again_after_its_expiry_is_exhausted():
    assert unsolved(request(status=RUNNING, expires_at=NOW)).status is RequestStatus.EXHAUSTED


def test_a_parked_request_waits_and_costs_no_attempt():
    waiting = parked(request(status=RUNNING, attempts=1, parks=2))

    assert waiting.status is RequestStatus.WAITING
    assert (waiting.parked, waiting.parks, waiting.attempts) == (ParkReason.GITHUB, 3, 1)
    assert waiting.retry_at > NOW


def test_a_parked_solved_request_stays_solved_with_a_time_to_go_on_at():
    solved = parked(request(status=SOLVED))

    assert (solved.status, solved.parked, solved.parks) == (SOLVED, ParkReason.GITHUB, 1)
    assert solved.retry_at > NOW


@pytest.mark.parametrize("status", [s for s in RequestStatus if s not in (RUNNING, SOLVED)])
def test_nothing_else_can_be_parked(status):
    with pytest.raises(IllegalTransition):
        parked(request(status=status))


def test_when_a_worker_dies_then_its_request_is_queued_until_too_many_have():
    def lost(times):
        asked = request(status=RUNNING, lost_leases=times - 1)
        return steps.lease_lost(asked, now=NOW, error_id="e1")

    assert lost(1).status is RequestStatus.QUEUED
    assert lost(steps.MOST_LOST_LEASES - 1).status is RequestStatus.QUEUED
    failed = lost(steps.MOST_LOST_LEASES)
    assert (failed.status, failed.error_id) == (RequestStatus.FAILED, "e1")
    assert failed.reason == "5 workers in a row died over it"


def test_when_a_worker_dies_over_a_pull_request_then_the_solution_stays():
    again = steps.lease_lost(request(status=SOLVED), now=NOW, error_id="e1")

    assert (again.status, again.lost_leases) == (SOLVED, 1)


@pytest.mark.parametrize("status", [RUNNING, SOLVED])
@pytest.mark.parametrize(
    "turn",
    [
        lambda r: steps.lease_lost(r, now=NOW, error_id="e"),
        lambda r: steps.released(r, now=NOW, reason="stops"),
        lambda r: parked(r),
    ],
)
def test_however_the_turn_of_a_worker_ends_that_was_to_stop_its_request_is_cancelled(status, turn):
    ended = turn(request(status=status, cancel_requested=True, reason="by ada"))

    assert (ended.status, ended.reason) == (RequestStatus.CANCELLED, "by ada")


def test_an_unsolved_request_that_was_to_stop_is_cancelled():
    ended = unsolved(request(status=RUNNING, cancel_requested=True))

    assert (ended.status, ended.attempts) == (RequestStatus.CANCELLED, 0)


def test_when_its_time_has_come_then_a_request_is_queued_or_given_up():
    waiting = request(status=RequestStatus.WAITING, retry_at=NOW, expires_at=LATER)

    assert steps.woken(waiting, now=NOW).status is RequestStatus.QUEUED
    assert steps.woken(waiting, now=LATER).status is RequestStatus.EXHAUSTED


@pytest.mark.parametrize(
    "status",
    [
        RequestStatus.WAITING,
        RequestStatus.EXHAUSTED,
        RequestStatus.FAILED,
        RequestStatus.CANCELLED,
    ],
)
def test_a_retry_keeps_the_pool_and_a_fresh_one_drops_it(status):
    ended = request(status=status, attempts=4, pool_id="p1", expires_at=NOW)

    kept = steps.revived(ended, now=NOW, reason="asked again", expires_at=LATER)
    assert (kept.status, kept.attempts) == (RequestStatus.QUEUED, 0)
    assert (kept.pool_id, kept.expires_at) == ("p1", LATER)
    assert steps.revived(ended, now=NOW, reason="again", fresh=True).pool_id is None


@pytest.mark.parametrize(
    "status",
    [RequestStatus.QUEUED, RUNNING, SOLVED, RequestStatus.PR_OPENED, RequestStatus.REFUSED],
)
def test_what_is_under_way_or_done_is_not_retried(status):
    with pytest.raises(IllegalTransition):
        steps.revived(request(status=status), now=NOW, reason="asked again")


def test_a_cancel_ends_a_request_or_tells_the_worker_that_holds_it():
    queued = steps.cancelled(request(), now=NOW, reason="by ada", held=False)
    held = steps.cancelled(request(status=RUNNING), now=NOW, reason="by ada", held=True)

    assert (queued.status, queued.reason) == (RequestStatus.CANCELLED, "by ada")
    assert (held.status, held.cancel_requested, held.reason) == (RUNNING, True, "by ada")

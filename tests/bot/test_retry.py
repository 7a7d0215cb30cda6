"""When a request goes on."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.retry import ParkPolicy, RetryPolicy
from engine.errors import BadInput
from tests.bot.requests_made import NOW


def delays(policy, *, draws=200):
    """For each attempt, the shortest and the longest delay in seconds that were drawn."""
    rng = random.Random(1)
    for attempts in range(1, policy.max + 1):
        drawn = [
            (policy.next_retry(attempts, NOW, rng) - NOW).total_seconds() for _ in range(draws)
        ]
        yield min(drawn), max(drawn)


def test_the_delay_doubles_up_to_the_cap_and_is_drawn_from_its_upper_half():
    policy = RetryPolicy(max=4, backoff_s=100, cap_s=400)

    for (low, high), full in zip(delays(policy), (100, 200, 400, 400), strict=True):
        assert full / 2 <= low < 0.55 * full
        assert 0.95 * full < high <= full


@pytest.mark.parametrize(
    ("most", "attempts", "again"), [(0, 1, False), (2, 2, True), (2, 3, False)]
)
def test_after_its_retries_there_is_none(most, attempts, again):
    policy = RetryPolicy(max=most)

    assert (policy.next_retry(attempts, NOW, random.Random(1)) is not None) is again


def test_a_retry_after_the_expiry_is_none():
    policy = RetryPolicy(backoff_s=60, expires_days=1)
    expires = policy.expires_at(NOW)
    rng = random.Random(1)

    assert expires == NOW + timedelta(days=1)
    assert policy.next_retry(1, NOW, rng, expires_at=expires) is not None
    assert policy.next_retry(1, expires - timedelta(seconds=20), rng, expires_at=expires) is None


@pytest.mark.parametrize(
    ("policy", "key", "value", "said"),
    [
        (RetryPolicy, "max", -1, "retry.max must be 0 or more, not -1"),
        (RetryPolicy, "backoff_s", 0, "retry.backoff_s must be more than 0, not 0"),
        (RetryPolicy, "cap_s", float("inf"), "retry.cap_s must be more than 0, not inf"),
        (RetryPolicy, "expires_days", float("nan"), "retry.expires_days must be more than 0, not nan"),
        (ParkPolicy, "first_s", -3, "park.first_s must be more than 0, not -3"),
    ],
)  # fmt: skip
def test_given_a_policy_that_cannot_be_then_one_line_says_so(policy, key, value, said):
    with pytest.raises(BadInput) as raised:
        policy(**{key: value})
    assert str(raised.value) == said


def test_requests_that_stopped_together_do_not_come_back_together():
    rng, policy = random.Random(1), ParkPolicy(first_s=20, floor_s=2)
    again = sorted(policy.next_try(1, NOW, rng) for _ in range(100))

    assert again[0] >= NOW + timedelta(seconds=2)
    assert again[-1] <= NOW + timedelta(seconds=20)
    assert len(set(again)) == 100
    assert again[75] - again[25] > timedelta(seconds=5)


def test_what_the_part_asked_for_is_waited_for_and_the_draw_comes_on_top():
    policy = ParkPolicy(first_s=20, floor_s=2)

    again = policy.next_try(1, NOW, random.Random(1), retry_after_s=60)

    assert timedelta(seconds=62) <= again - NOW <= timedelta(seconds=80)


@given(times=st.integers(1, 10**9), seed=st.integers())
def test_however_often_it_happened_the_delay_stays_below_the_cap(times, seed):
    rng = random.Random(seed)
    retry, park = RetryPolicy(max=10**9), ParkPolicy()

    assert retry.next_retry(times, NOW, rng) <= NOW + timedelta(seconds=retry.cap_s)
    assert park.next_try(times, NOW, rng) <= NOW + timedelta(seconds=park.cap_s)

"""Lists and counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.requests import RequestStatus, Subject, SubjectKind
from bot.retry import ParkReason
from bot.store.queries import RequestFilter
from tests.bot.requests_made import NOW, SPEC, request

S = RequestStatus
MADE = [
    request("a", created_at=NOW),
    request("b", created_at=NOW + timedelta(minutes=1), requester="bob", told=S.QUEUED),
    request("c", created_at=NOW + timedelta(minutes=2), repository="octo/other", branch="x"),
    request("d", created_at=NOW + timedelta(minutes=3), status=S.PR_OPENED, pull_number=9),
    request(
        "e", created_at=NOW + timedelta(minutes=4), status=S.PR_OPENED, pull_closed_at=NOW,
        spec=replace(SPEC, path="b.py", qualname="A.f"),
    ),
    request("f", created_at=NOW + timedelta(minutes=5), status=S.EXHAUSTED, fingerprint="m/1"),
    request(
        "g", created_at=NOW + timedelta(minutes=6), status=S.EXHAUSTED, fingerprint="m/2",
        subject=Subject(SubjectKind.ISSUE, 7), priority=1,
    ),
]  # fmt: skip


@pytest.fixture
def full(store):
    for made in MADE:
        store.add_request(made)
    return store


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (RequestFilter(), "gfedcba"),
        (RequestFilter(statuses=(S.QUEUED, S.EXHAUSTED)), "gfcba"),
        (RequestFilter(repository="octo/other"), "c"),
        (RequestFilter(requester="bob"), "b"),
        (RequestFilter(subject=Subject(SubjectKind.ISSUE, 7)), "g"),
        (RequestFilter(path="b.py", qualname="A.f"), "e"),
        (RequestFilter(branch="x"), "c"),
        (RequestFilter(pull_number=9), "d"),
        (RequestFilter(since=NOW + timedelta(minutes=5)), "gf"),
        (RequestFilter(statuses=(S.EXHAUSTED,), other_fingerprint_than="m/2"), "f"),
        (RequestFilter(words_owed=True), "gfedca"),
        (RequestFilter(repository="octo/maths", pull_open=True), "d"),
        (RequestFilter(requester="nobody"), ""),
    ],
)
def test_a_filter_lets_its_own_through_newest_first_and_counts_as_many(full, wanted, names):
    assert "".join(r.id for r in full.list_requests(wanted)) == names
    assert full.count_requests(wanted) == len(names)


def test_a_list_ends_at_its_limit(full):
    assert [r.id for r in full.list_requests(limit=2)] == ["g", "f"]


def test_every_status_is_counted(full):
    counts = full.counts_by_status()

    assert counts[S.QUEUED] == full.queue_length() == 3
    assert counts[S.RUNNING] == 0
    assert sum(counts.values()) == 7


def test_the_gauges_tell_how_things_stand(full, clock):
    full.accept_delivery("d1", "issue_comment", b"{}")
    full.create_pool(SPEC)
    waits = {"status": S.WAITING, "retry_at": NOW, "parked": ParkReason.GITHUB}
    full.add_request(request("h", **waits))
    clock.advance(90)

    gauges = full.gauges()

    told = {status: count for status, count in gauges.requests.items() if count}
    assert told == {S.QUEUED: 3, S.WAITING: 1, S.PR_OPENED: 2, S.EXHAUSTED: 2}
    assert {part: n for part, n in gauges.parked.items() if n} == {ParkReason.GITHUB: 1}
    assert (gauges.oldest_queued_s, gauges.words_owed) == (90, 4)
    assert (gauges.deliveries, gauges.pools) == (1, 1)


def test_an_empty_store_has_gauges_too(store):
    gauges = store.gauges()

    assert (set(gauges.requests.values()), gauges.oldest_queued_s) == ({0}, 0)


def test_the_place_in_the_queue_is_that_in_which_requests_are_claimed(full):
    full.add_request(request("urgent", created_at=NOW + timedelta(hours=1), priority=2))
    places = {name: full.queue_position(name) for name in ("urgent", "a", "b", "c", "d")}

    assert places == {"urgent": 0, "a": 1, "b": 2, "c": 3, "d": None}
    assert [full.claim(f"w{i}", 60).id for i in range(4)] == ["urgent", "a", "b", "c"]


def test_requests_that_were_made_at_one_time_keep_their_order(store):
    names = ["m", "a", "z", "b"]
    for name in names:
        store.add_request(request(name))

    assert [store.queue_position(name) for name in names] == [0, 1, 2, 3]
    assert [r.id for r in store.list_requests()] == names[::-1]
    assert [store.claim(f"w{i}", 60).id for i in range(4)] == names

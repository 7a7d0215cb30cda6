"""Requests as they are stored: once each, along the machine, with their history."""

from __future__ import annotations

import logging
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.requests import (
    IllegalTransition,
    Options,
    Request,
    RequestStatus,
    Subject,
    SubjectKind,
    Trigger,
    TriggerKind,
)
from bot.retry import ParkReason
from bot.store import LeaseLost, UnknownRequest
from bot.store.rows import to_row
from engine.search import Solution
from engine.selection import choose
from engine.spec import FunctionSpec
from engine.verdicts import Judgement, PairResult, Verdict
from tests.bot.requests_made import NOW, SPEC, request
from tests.engine.pools import drawn

S = RequestStatus
FULL = request(
    installation_id=5_000_000_000, requester_id=7, base_branch="main", head_sha="c0ffee",
    options=Options(1, 2, 0.5, 1.5, "dev", "faster", True), subject=Subject(SubjectKind.ISSUE, 3),
    trigger=Trigger(TriggerKind.LABEL, "d1"), status=S.QUEUED, reason="a\0b \\ \ud800", error_id="e",
    status_comment_id=4_000_000_000, told=S.FAILED, branch="supercharge/x", pull_number=9,
    pull_closed_at=NOW, priority=3, attempts=2, parked=ParkReason.DISK, parks=4, lost_leases=1,
    cancel_requested=True, retry_at=NOW, expires_at=NOW + timedelta(days=1), fingerprint="m/p",
)  # fmt: skip


def test_every_field_of_a_request_comes_back(store):
    pool_id = store.create_pool(SPEC)
    full = replace(FULL, pool_id=pool_id)
    plain = {f.name: getattr(request(), f.name) for f in fields(Request)}
    same = [name for name, value in plain.items() if getattr(full, name) == value]

    store.add_request(full)

    assert store.get_request("r1") == full
    # A field that this test leaves at its default would prove nothing.
    assert set(same) <= {
        "id", "repository", "requester", "spec", "created_at", "updated_at", "status",
    }  # fmt: skip


@given(
    text=st.text(max_size=20),
    spec=st.builds(
        FunctionSpec, qualname=st.text(max_size=5), prototype=st.text(), description=st.text(),
        module=st.text(),
    ),
)  # fmt: skip
def test_any_words_in_a_request_can_be_bound(text, spec):
    row = to_row(request(reason=text, spec=spec, fingerprint=text))

    row["spec"].encode("ascii")


def test_given_the_same_trigger_and_stub_again_then_the_first_request_is_returned(store):
    first, new = store.add_request(request("r1"))
    again, new_again = store.add_request(
        request("r2", trigger=Trigger(TriggerKind.ISSUE_COMMENT, "r1"), reason="other")
    )

    assert (new, new_again) == (True, False)
    assert again == first
    assert [change.new for change in store.history("r1")] == [S.QUEUED]
    with pytest.raises(UnknownRequest, match="there is no request r2"):
        store.get_request("r2")


def test_given_the_same_trigger_and_another_stub_then_both_are_kept(store):
    store.add_request(request("r1"))
    trigger = Trigger(TriggerKind.ISSUE_COMMENT, "r1")
    _, new = store.add_request(request("r2", trigger=trigger, spec=replace(SPEC, qualname="halve")))

    assert new
    assert store.count_requests() == 2


def test_a_request_can_be_stored_as_refused(store):
    store.add_request(request(status=S.REFUSED, reason="no permission"))

    [change] = store.history("r1")
    assert (change.old, change.new, change.reason) == (None, S.REFUSED, "no permission")


def test_every_change_of_status_is_kept_with_its_time_reason_and_worker(store, clock):
    store.add_request(request())
    claimed_at = clock.advance(1)
    store.claim("w1", 60)
    solved_at = clock.advance(5)
    store.transition("r1", S.SOLVED, "score 0.9", worker="w1")
    store.update_request("r1", status_comment_id=5)
    store.transition("r1", S.PR_OPENED, "pull request 9", worker="w1", pull_number=9)

    assert [(c.at, c.old, c.new, c.reason, c.worker) for c in store.history("r1")] == [
        (NOW, None, S.QUEUED, "", None),
        (claimed_at, S.QUEUED, S.RUNNING, "", "w1"),
        (solved_at, S.RUNNING, S.SOLVED, "score 0.9", "w1"),
        (solved_at, S.SOLVED, S.PR_OPENED, "pull request 9", "w1"),
    ]
    [attempt] = store.attempts_of("r1")
    assert (attempt.worker, attempt.started_at, attempt.ended_at) == ("w1", claimed_at, solved_at)
    assert (attempt.ended_as, attempt.reason) == (S.PR_OPENED, "pull request 9")
    assert store.get_request("r1").pull_number == 9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: replace(r, status=S.PR_OPENED), "r1: queued never becomes pr_opened"),
        (lambda r: replace(r, status=S.RUNNING), "r1: only a claim makes it run"),
        (lambda r: replace(r, id="r2"), "r1: what makes a request itself never changes"),
        (lambda r: replace(r, repository="a/b"), "r1: what makes a request itself never changes"),
    ],
)
def test_an_illegal_change_is_refused_and_nothing_is_changed(store, change, said):
    store.add_request(request())

    with pytest.raises(IllegalTransition) as raised:
        store.apply("r1", change)

    assert str(raised.value) == said
    assert store.get_request("r1") == request()
    assert len(store.history("r1")) == 1


def test_an_illegal_change_is_logged(store, caplog):
    store.add_request(request())

    with caplog.at_level(logging.ERROR), pytest.raises(IllegalTransition):
        store.transition("r1", S.SOLVED)
    assert "r1: queued never becomes solved" in caplog.text


def test_given_a_worker_without_the_lease_then_nothing_is_changed(store):
    store.add_request(request())
    store.claim("w1", 60)

    with pytest.raises(LeaseLost, match="r1 is no longer the work of w2"):
        store.transition("r1", S.FAILED, worker="w2")
    assert store.get_request("r1").status is S.RUNNING


def test_given_no_such_request_then_every_call_says_so(store):
    for call in (
        store.get_request,
        store.request_cancel,
        store.is_cancelled,
        store.queue_position,
        lambda name: store.transition(name, S.CANCELLED),
        lambda name: store.update_request(name, branch="b"),
    ):
        with pytest.raises(UnknownRequest, match="there is no request nobody; list them: "):
            call("nobody")


def solution(pool):
    choice = choose(pool, min_asserts=1)
    judged = Judgement(choice.code_id, "suite", 0.75, "reply")
    ran = PairResult(choice.code_id, "suite", Verdict.PASSED, 0.25)
    return Solution("code\n", "test \ud800\n", 0.9, choice, judged, None, ran, pool)


def test_a_solution_is_kept_with_its_status_and_comes_back_whole(store):
    pool = drawn(["PPP", "PPP", "FFF"], logprobs=[-0.1, -0.2, -0.3])
    store.add_request(request())
    store.claim("w1", 60)
    assert store.load_solution("r1", pool) is None

    solved = store.solve("r1", solution(pool), "score 0.9", worker="w1")

    assert solved.status is S.SOLVED
    assert store.load_solution("r1", pool) == solution(pool)


def test_given_a_request_that_cannot_be_solved_then_no_solution_is_kept(store):
    pool = drawn(["PPP"])
    store.add_request(request())

    with pytest.raises(IllegalTransition):
        store.solve("r1", solution(pool))
    assert store.load_solution("r1", pool) is None


@settings(max_examples=20)
@given(st.text(max_size=8), st.text(max_size=8))
def test_two_requests_with_other_words_have_other_keys(one, other):
    spec = replace(SPEC, qualname=one), replace(SPEC, qualname=other)
    hashes = {to_row(request(spec=s))["key_hash"] for s in spec}

    assert len(hashes) == len({one, other})

"""The one state machine, and what a change of status takes with it."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot.requests import (
    ENDS,
    TRANSITIONS,
    IllegalTransition,
    RequestStatus,
    Trigger,
    TriggerKind,
    new_id,
    transition,
)
from bot.retry import ParkReason
from tests.bot.requests_made import NOW, request

DESIGN = Path(__file__).parents[2] / "docs" / "design.md"
LATER = NOW + timedelta(hours=1)


def test_the_diagram_and_the_table_are_the_same_machine():
    [block] = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", DESIGN.read_text(), re.DOTALL)
    drawn = [(a.lower(), b.lower()) for a, b in re.findall(r"(\w+) --> (\w+)", block)]
    table = {(a.value, b.value) for a, targets in TRANSITIONS.items() for b in targets}

    assert set(drawn) == table
    assert len(drawn) == len(table)


def test_every_status_has_its_row():
    assert set(TRANSITIONS) == set(RequestStatus)


def test_every_end_can_be_reached_and_what_is_no_end_goes_on():
    reached = set().union(*TRANSITIONS.values())

    assert set(ENDS) <= reached
    assert all(TRANSITIONS[status] for status in set(RequestStatus) - ENDS)
    assert all(TRANSITIONS[status] <= {RequestStatus.QUEUED} for status in ENDS)


@pytest.mark.parametrize("old", list(RequestStatus))
@pytest.mark.parametrize("new", list(RequestStatus))
def test_only_the_tables_arrows_are_possible(old, new):
    asked = request(status=old)

    if new in TRANSITIONS[old]:
        changed = transition(asked, new, reason="because", at=LATER, retry_at=LATER)
        assert (changed.status, changed.reason, changed.updated_at) == (new, "because", LATER)
        assert asked.status is old
    else:
        with pytest.raises(
            IllegalTransition, match=rf"^r1: {old.value} never becomes {new.value}$"
        ):
            transition(asked, new, retry_at=LATER)


def test_given_no_time_to_go_on_at_then_a_request_cannot_wait():
    with pytest.raises(IllegalTransition, match="waiting needs a time"):
        transition(request(status=RequestStatus.RUNNING), RequestStatus.WAITING)


def test_when_a_request_goes_on_then_what_it_waited_for_is_forgotten():
    parked = request(
        status=RequestStatus.WAITING, retry_at=LATER, parked=ParkReason.MODEL, parks=2, attempts=1
    )

    queued = transition(parked, RequestStatus.QUEUED, at=LATER)

    assert (queued.retry_at, queued.parked) == (None, None)
    assert (queued.parks, queued.attempts) == (2, 1)


@pytest.mark.parametrize("end", [s for s in RequestStatus if s in ENDS and TRANSITIONS[s]])
def test_when_an_end_is_revived_then_it_starts_with_all_its_retries_and_its_pool(end):
    ended = request(
        status=end, attempts=5, parks=1, lost_leases=2, cancel_requested=True, error_id="e1",
        fingerprint="m/p", pool_id="p1",
    )  # fmt: skip

    queued = transition(ended, RequestStatus.QUEUED)

    assert (queued.attempts, queued.parks, queued.lost_leases) == (0, 0, 0)
    assert (queued.cancel_requested, queued.error_id, queued.fingerprint) == (False, None, "")
    assert queued.pool_id == "p1"


def test_when_a_status_comes_again_then_it_is_told_again():
    told = request(status=RequestStatus.EXHAUSTED, told=RequestStatus.EXHAUSTED)

    again = transition(told, RequestStatus.QUEUED)

    assert again.told is None


def test_given_changes_then_they_come_with_the_status():
    changed = transition(
        request(status=RequestStatus.SOLVED), RequestStatus.PR_OPENED, pull_number=9
    )

    assert changed.pull_number == 9


def test_the_key_tells_repositories_triggers_and_stubs_apart():
    plain = request()
    others = [
        request(repository="octo/other"),
        request(trigger=Trigger(TriggerKind.REVIEW_COMMENT, "r1")),
        request(trigger=Trigger(TriggerKind.ISSUE_COMMENT, "r2")),
    ]

    assert plain.key == request().key
    assert len({plain.key, *(other.key for other in others)}) == 4
    assert plain.target == "src/double.py::double"


def test_ids_are_short_safe_anywhere_and_differ():
    ids = {new_id() for _ in range(200)}

    assert len(ids) == 200
    assert all(re.fullmatch(r"[a-z0-9]{10}", made) for made in ids)
    assert new_id(random.Random(1).choice) == new_id(random.Random(1).choice)

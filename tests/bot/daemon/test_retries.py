"""What was not solved is tried again, with all that was found, until somebody knows better."""

from __future__ import annotations

from datetime import timedelta

from bot.requests import RequestStatus
from bot.runner import fingerprint
from bot.scheduler import Chores

REPO = "octo/shop"
S = RequestStatus


def test_a_retry_goes_on_with_the_kept_pool_and_another_model_gives_a_new_chance(scene, clock):
    retry = "retry:\n  max: 1\n  backoff: 10m\n"
    scene.github.push(REPO, "main", {".github/supercharge.yml": retry}, by="ada")
    codes, scene.mind.codes = scene.mind.codes, ["\n    return n - n\n"]
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.work()
    [request] = scene.store.list_requests()
    assert (request.status, request.attempts) == (S.WAITING, 1)
    assert timedelta(minutes=5) <= request.retry_at - clock.now <= timedelta(minutes=10)
    first = list(scene.store.iter_entries(request.pool_id))

    clock.now = request.retry_at
    scene.store.wake()
    scene.work()
    [request] = scene.store.list_requests()
    assert (request.status, request.attempts) == (S.EXHAUSTED, 2)
    second = list(scene.store.iter_entries(request.pool_id))
    assert second[: len(first)] == first
    assert len(second) > len(first)
    assert "supercharge:failed" in [x.name for x in scene.github.issue(REPO, number).labels]

    settings = scene.services.settings
    same, other = (
        Chores(scene.store, settings=settings.scheduler, clock=clock, fingerprint=name)
        for name in (fingerprint(settings), "a better model")
    )
    assert same.revive_exhausted() == []
    assert [revived.id for revived in other.revive_exhausted()] == [request.id]
    scene.mind.codes = codes
    scene.work()
    [request] = scene.store.list_requests()
    assert request.status is S.PR_OPENED
    third = list(scene.store.iter_entries(request.pool_id))
    assert third[: len(second)] == second
    assert [x.name for x in scene.github.issue(REPO, number).labels] == []
    assert len(scene.own_pulls()) == 1

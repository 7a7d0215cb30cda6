"""A part is down: requests wait with what they have, and go on by themselves, in their order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.forge.fake import FaultKind
from bot.requests import RequestStatus
from bot.retry import ParkReason
from bot.runner import Runner
from engine.errors import ModelUnavailable, SandboxUnavailable

REPO = "octo/shop"
STUB = 'def double(n):\n    """Return twice n."""\n    raise NotImplementedError\n'
S = RequestStatus


def ask(scene, count):
    """So many requests, each on a pull request of its own; their ids in order."""
    for number in range(count):
        pull = scene.github.open_pull(
            REPO,
            by="ada",
            head=f"feature-{number}",
            files={f"shop/m{number}.py": STUB},
        )
        scene.comment(pull, "/supercharge")
        scene.hear()
    return [request.id for request in reversed(scene.store.list_requests())]


def worked(scene):
    """Work until there is nothing to do now."""
    while scene.runner.work():
        pass


def statuses(scene):
    return [(r.id, r.status, r.parked) for r in reversed(scene.store.list_requests())]


@pytest.mark.parametrize("part", [ParkReason.MODEL, ParkReason.SANDBOX])
def test_when_a_part_of_the_machine_is_down_then_one_request_finds_out_and_the_others_keep_their_place(
    scene, clock, part
):
    ids = ask(scene, 2)
    scene.runner.open_model, up = _gone(ModelUnavailable), scene.runner.open_model
    if part is ParkReason.SANDBOX:
        scene.runner.open_model = up
        scene.runner.open_sandbox, up = _gone(SandboxUnavailable), scene.runner.open_sandbox
    worked(scene)
    assert statuses(scene) == [
        (ids[0], S.WAITING, part),
        (ids[1], S.QUEUED, None),
    ]

    clock.now += timedelta(minutes=15)
    scene.store.wake()
    worked(scene)
    [(_, status, _), *_] = statuses(scene)
    assert status is S.WAITING, "the first one tried again, and alone"
    assert [change.parked for change in scene.store.attempts_of(ids[0])] == [part, part]
    assert scene.store.attempts_of(ids[1]) == []

    if part is ParkReason.SANDBOX:
        scene.runner.open_sandbox = up
    else:
        scene.runner.open_model = up
    clock.now += timedelta(minutes=15)
    scene.store.wake()
    worked(scene)
    assert [status for _, status, _ in statuses(scene)] == [S.PR_OPENED] * 2
    ended = [scene.store.history(name)[-1].at for name in ids]
    assert ended == sorted(ended)
    assert scene.store.get_request(ids[0]).attempts == 0


def test_when_the_first_gets_through_then_all_that_wait_go_on_in_order(scene, clock):
    ids = ask(scene, 2)
    up = scene.runner.open_model
    for name in ("one", "two"):
        # As many workers, each with a model that is down.
        Runner(scene.services, name, _gone(ModelUnavailable), scene.runner.open_sandbox).work()
    assert [status for _, status, _ in statuses(scene)] == [S.WAITING] * 2
    # By chance the last one is to try first.
    scene.store.update_request(ids[1], retry_at=clock.now)

    scene.runner.open_model = up
    assert [r.id for r in scene.store.wake()] == [ids[1]]
    assert scene.runner.work()
    assert statuses(scene) == [(ids[0], S.QUEUED, None), (ids[1], S.PR_OPENED, None)]
    assert len(scene.own_pulls()) == 1


def test_while_the_model_is_down_what_is_solved_is_handed_over(scene, clock):
    first, second = ask(scene, 2)
    scene.github.faults.plan(FaultKind.SERVER_ERROR, method="POST", path=r"/pulls$")
    assert scene.runner.work()
    assert statuses(scene)[0] == (first, S.SOLVED, ParkReason.GITHUB)
    pool = scene.store.get_request(first).pool_id
    size = scene.store.get_pool(pool).size
    scene.runner.close()
    scene.runner.open_model = _gone(ModelUnavailable)
    assert scene.runner.work()
    assert statuses(scene)[1] == (second, S.WAITING, ParkReason.MODEL)

    scene.store.update_request(first, retry_at=clock.now)
    assert scene.runner.work()
    assert statuses(scene)[0] == (first, S.PR_OPENED, None)
    assert scene.store.get_pool(pool).size == size, "nothing is sampled or run again"
    assert statuses(scene)[1] == (second, S.WAITING, ParkReason.MODEL), "that one still is down"
    assert not scene.runner.work()


def _gone(error):
    def open_it(*_):
        raise error("it does not answer", remedy="start it")

    return open_it

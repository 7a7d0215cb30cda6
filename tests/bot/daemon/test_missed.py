"""What the webhook missed is found, and what comes late after all is no second request."""

from __future__ import annotations

import pytest

from bot.polling import Poller

REPO = "octo/shop"
STUB = 'def double(n):\n    """Return twice n."""\n    ...\n'


@pytest.fixture
def poller(scene) -> Poller:
    poller = Poller(scene.store, scene.services.forge, scene.services.clock)
    # What was there before the first look is nobody's wish any more.
    assert poller.find_comments() == 0
    assert poller.redeliver_failed() == 0
    return poller


def test_a_comment_that_no_delivery_told_of_is_found_once(scene, poller):
    number = scene.pull_with_stub()
    hooks, scene.github.courier.hooks = scene.github.courier.hooks, []
    comment = scene.comment(number, "/supercharge")
    scene.comment(number, "nice")
    scene.github.courier.hooks = hooks
    scene.hear()
    assert scene.store.list_requests() == []

    assert poller.find_comments() == 1
    assert poller.find_comments() == 0
    scene.hear()
    assert [r.qualname for r in scene.store.list_requests()] == ["double"]
    assert scene.github.reactions(REPO, comment) == ["eyes"]


def test_a_comment_on_a_line_is_found_as_well(scene, poller):
    number = scene.pull_with_stub({"shop/sums.py": f"{STUB}\n\n{STUB.replace('double', 'triple')}"})
    hooks, scene.github.courier.hooks = scene.github.courier.hooks, []
    scene.github.review_comment(REPO, number, "/supercharge", by="ada", path="shop/sums.py", line=7)
    scene.github.courier.hooks = hooks

    assert poller.find_comments() == 1
    scene.hear()
    assert [r.qualname for r in scene.store.list_requests()] == ["triple"]


def test_what_a_delivery_told_of_is_not_found_again(scene, poller):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.hear()

    assert poller.find_comments() == 0
    assert len(scene.store.list_requests()) == 1


def test_a_deleted_comment_is_nobodys_wish(scene, poller):
    number = scene.pull_with_stub()
    hooks, scene.github.courier.hooks = scene.github.courier.hooks, []
    comment = scene.comment(number, "/supercharge")
    assert poller.find_comments() == 1
    scene.github.delete_comment(REPO, comment, by="ada")
    scene.github.courier.hooks = hooks
    scene.hear()

    assert scene.store.list_requests() == []


def test_a_delivery_that_failed_is_asked_for_again(scene, poller):
    number = scene.pull_with_stub()
    scene.hear()
    [hook] = scene.github.courier.hooks
    url, hook.url = hook.url, hook.url.replace("/webhook", "/nowhere")
    scene.comment(number, "/supercharge")
    scene.github.wait_delivered()
    hook.url = url

    assert poller.redeliver_failed() == 1
    scene.hear()
    assert [r.qualname for r in scene.store.list_requests()] == ["double"]

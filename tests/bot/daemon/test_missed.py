"""What the webhook missed is found, and what comes late after all is no second request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bot.polling import Poller

REPO = "octo/shop"
STUB = 'def double(n):\n    """Return twice n."""\n    ...\n'


ISSUE = f"### File\n\nshop/sums.py\n\n### Stub\n\n```python\n{STUB}```\n"


@contextmanager
def unheard(scene: Any) -> Iterator[None]:
    """What is done meanwhile no delivery tells of."""
    scene.github.wait_delivered()
    hooks, scene.github.courier.hooks = scene.github.courier.hooks, []
    yield
    scene.github.courier.hooks = hooks


@pytest.fixture
def poller(scene) -> Poller:
    poller = Poller(scene.services)
    # What was there before the first look is nobody's wish any more.
    assert poller.find_missed() == 0
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

    assert poller.find_missed() == 1
    assert poller.find_missed() == 0
    scene.hear()
    assert [r.qualname for r in scene.store.list_requests()] == ["double"]
    assert scene.github.reactions(REPO, comment) == ["eyes"]


def test_a_comment_on_a_line_is_found_as_well(scene, poller):
    number = scene.pull_with_stub({"shop/sums.py": f"{STUB}\n\n{STUB.replace('double', 'triple')}"})
    hooks, scene.github.courier.hooks = scene.github.courier.hooks, []
    scene.github.review_comment(REPO, number, "/supercharge", by="ada", path="shop/sums.py", line=7)
    scene.github.courier.hooks = hooks

    assert poller.find_missed() == 1
    scene.hear()
    assert [r.qualname for r in scene.store.list_requests()] == ["triple"]


def test_a_review_that_asks_is_found_as_well(scene, poller):
    number = scene.pull_with_stub()
    with unheard(scene):
        scene.github.review(REPO, number, "/supercharge", by="ada", state="commented")
        scene.github.review(REPO, number, "looks fine", by="ada", state="approved")

    assert poller.find_missed() == 1
    assert poller.find_missed() == 0
    scene.hear()
    assert [r.qualname for r in scene.store.list_requests()] == ["double"]


def test_a_review_of_our_own_pull_request_is_found_as_the_wish_that_it_is(scene, poller):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.work()
    [own] = scene.own_pulls()
    with unheard(scene):
        scene.github.review(REPO, own, "add instead of multiplying", by="ada")

    assert poller.find_missed() == 1
    scene.hear()
    assert [r.options.wish for r in scene.store.list_requests()] == [
        "add instead of multiplying",
        None,
    ]


def test_a_label_is_found_and_asks_for_whoever_put_it_on(scene, poller):
    first = scene.github.open_issue(REPO, "Double", ISSUE, by="mallory")
    second = scene.github.open_issue(REPO, "Triple", ISSUE, by="ada")
    scene.hear()
    with unheard(scene):
        scene.github.label(REPO, first, "Supercharge", by="ada")
        scene.github.label(REPO, second, "bug", by="ada")

    assert poller.find_missed() == 1
    assert poller.find_missed() == 0
    scene.hear()
    [request] = scene.store.list_requests()
    assert (request.subject.number, request.requester) == (first, "ada")
    assert poller.find_missed() == 0


def test_a_label_that_a_delivery_told_of_and_was_refused_is_not_refused_twice(scene, poller):
    number = scene.github.open_issue(REPO, "Please", "do something nice", by="ada")
    scene.github.label(REPO, number, "supercharge", by="ada")
    scene.hear()
    assert len(scene.said(number)) == 1

    assert poller.find_missed() == 0
    scene.hear()
    assert len(scene.said(number)) == 1


def test_a_label_that_was_found_is_not_heard_again_when_its_delivery_comes_late(scene, poller):
    number = scene.github.open_issue(REPO, "Double", ISSUE, by="ada")
    scene.github.wait_delivered()
    [hook] = scene.github.courier.hooks
    url, hook.url = hook.url, hook.url.replace("/webhook", "/nowhere")
    scene.github.label(REPO, number, "supercharge", by="ada")
    scene.github.wait_delivered()
    hook.url = url
    assert poller.find_missed() == 1
    scene.hear()

    assert poller.redeliver_failed() == 1
    scene.hear()
    assert len(scene.store.list_requests()) == 1


def test_a_label_that_was_taken_back_asks_for_nothing(scene, poller):
    number = scene.github.open_issue(REPO, "Double", ISSUE, by="ada")
    with unheard(scene):
        scene.github.label(REPO, number, "supercharge", by="ada")
        assert poller.find_missed() == 1
        scene.services.forge.remove_label(REPO, number, "supercharge")
    scene.hear()

    assert scene.store.list_requests() == []


def test_what_a_delivery_told_of_is_not_found_again(scene, poller):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.hear()

    assert poller.find_missed() == 0
    assert len(scene.store.list_requests()) == 1


def test_a_deleted_comment_is_nobodys_wish(scene, poller):
    number = scene.pull_with_stub()
    hooks, scene.github.courier.hooks = scene.github.courier.hooks, []
    comment = scene.comment(number, "/supercharge")
    assert poller.find_missed() == 1
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

"""cancel, status, explain, config, help, and what is wrong with a command or a configuration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.requests import RequestStatus
from bot.settings import LimitSettings

REPO = "octo/shop"


def test_a_queued_request_is_cancelled_at_once_and_says_so(scene):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.hear()
    scene.comment(number, "/supercharge cancel")
    scene.work()

    assert scene.store.list_requests()[0].status is RequestStatus.CANCELLED
    [words] = scene.said(number)
    assert "is cancelled, as `ada` asked" in words
    assert scene.own_pulls() == []


def test_a_running_search_is_cancelled_and_says_so(scene):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.hear()

    # The model is asked first when the search runs: then somebody wants it to stop.
    def stop_it(prompt):
        scene.mind.__class__.__call__(scene.mind, prompt)
        [request] = scene.store.list_requests()
        if not request.cancel_requested:
            scene.comment(number, "/supercharge cancel")
            scene.hear()
        return ("\n    return n\n",)

    scene.runner.open_model = lambda: _scripted(stop_it)
    scene.work()

    assert scene.store.list_requests()[0].status is RequestStatus.CANCELLED
    [words] = scene.said(number)
    assert "is cancelled, as `ada` asked" in words


def _scripted(script):
    from engine.llm.scripted import ScriptedModel

    return ScriptedModel(script, name="scripted")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("help", "I write the body of stub functions"),
        ("config", "so these are the defaults"),
        ("cancel", "There is nothing to cancel here"),
        ("retry", "There is nothing to retry here"),
        ("status", "There is nothing to status here"),
        ("explain", "There is nothing to explain here"),
        ("candidtes=4", "did you mean candidates"),
    ],
)
def test_a_command_is_answered_in_words(scene, command, words):
    number = scene.pull_with_stub()
    scene.comment(number, f"/supercharge {command}")
    scene.work()

    [said] = scene.said(number)
    assert words in said


def test_explain_shows_the_evidence_of_what_was_chosen(scene):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.work()
    scene.comment(number, "/supercharge explain")
    scene.work()

    assert "Why I chose this code for `double`" in scene.said(number)[-1]


def test_a_configuration_with_mistakes_is_told_with_its_lines(scene):
    text = "enabled: true\ncandidats: 5\n"
    scene.github.push(REPO, "main", {".github/supercharge.yml": text}, by="ada")
    number = scene.pull_with_stub()
    asked = scene.comment(number, "/supercharge")
    scene.work()

    [words] = scene.said(number)
    assert "line 2:" in words
    assert "candidates" in words
    assert scene.github.reactions(REPO, asked) == ["confused"]
    [check] = scene.github.check_runs(REPO)
    assert check.conclusion == "action_required"
    assert check.head_sha == scene.github.issue(REPO, number).pull.head_sha
    assert check.title == ".github/supercharge.yml has a mistake"
    assert "line 2:" in check.summary


def test_a_configuration_with_mistakes_is_no_check_for_an_issue(scene):
    scene.github.push(REPO, "main", {".github/supercharge.yml": "candidats: 5\n"}, by="ada")
    number = scene.github.open_issue(REPO, "Double", by="ada")
    scene.comment(number, "/supercharge")
    scene.work()

    assert "line 1:" in scene.said(number)[0]
    assert scene.github.check_runs(REPO) == []


def test_a_pull_requests_own_configuration_is_never_read(scene):
    number = scene.pull_with_stub(
        {
            "shop/sums.py": 'def double(n):\n    """Return twice n."""\n    ...\n',
            ".github/supercharge.yml": "permission: admin\nenabled: false\n",
        }
    )
    scene.comment(number, "/supercharge")
    scene.hear()

    assert len(scene.store.list_requests()) == 1


def test_a_switched_off_repository_refuses(scene):
    scene.github.push(REPO, "main", {".github/supercharge.yml": "enabled: false\n"}, by="ada")
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.work()

    assert "turned off here" in scene.said(number)[0]


def test_a_repository_has_a_limit_of_open_pull_requests_that_a_closed_one_makes_room_in(scene):
    scene.github.push(REPO, "main", {".github/supercharge.yml": "max_open_prs: 1\n"}, by="ada")
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.work()
    [own] = scene.own_pulls()
    scene.comment(number, "/supercharge shop/sums.py::double")
    scene.work()

    assert "as many as `max_open_prs` allows" in scene.said(number)[-1]
    assert scene.said(number)[-1].partition("\n\n<!--")[0].count("\n") == 0
    assert len(scene.store.list_requests()) == 1

    scene.github.close_issue(REPO, own, by="ada")
    scene.comment(number, "/supercharge")
    scene.hear()
    assert len(scene.store.list_requests()) == 2


def test_the_queue_has_its_length(scene):
    limits = replace(scene.services.settings, limits=LimitSettings(queue=1))
    scene.inbox = replace(scene.inbox, services=replace(scene.services, settings=limits))
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.comment(number, "/supercharge")
    scene.hear()

    assert len(scene.store.list_requests()) == 1
    [words] = scene.said(number)
    assert words.startswith("Sorry, my queue is full; ask again later.\n\n<!--")


def test_a_day_has_its_limit(scene):
    limit = "max_requests_per_user_day: 1\n"
    scene.github.push(REPO, "main", {".github/supercharge.yml": limit}, by="ada")
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.hear()
    scene.comment(number, "/supercharge")
    scene.hear()

    assert len(scene.store.list_requests()) == 1
    assert "as many as `max_requests_per_user_day` allows" in scene.said(number)[0]

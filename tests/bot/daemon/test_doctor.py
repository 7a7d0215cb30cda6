"""What the doctor says of GitHub and of the database."""

from __future__ import annotations

import dataclasses

from bot import doctor
from bot.settings import DatabaseSettings, WebhookSettings


def findings(settings) -> dict[str, doctor.Finding]:
    found = [doctor._database(settings), *doctor._github(settings)]
    return {finding.part: finding for finding in found}


def test_a_credential_that_works_is_told_with_where_it_may_work(scene):
    settings = dataclasses.replace(scene.services.settings, github=scene.github_settings)
    found = findings(settings)

    assert found["github"].ok
    assert "supercharge[bot]" in found["github"].detail
    assert "octo/shop" in found["github"].detail
    assert found["database"].ok
    assert found["webhook"].ok


def test_what_an_app_was_not_granted_is_told(scene):
    settings = dataclasses.replace(scene.services.settings, github=scene.github_settings)
    assert findings(settings)["github permissions"].ok
    [installation] = scene.github.world.installations.values()
    del installation.permissions["checks"]
    finding = findings(settings)["github permissions"]

    assert finding.ok is False
    assert "octo: checks (write)" in finding.detail


def test_whether_github_reaches_the_webhook_is_told_by_what_came_of_its_deliveries(scene):
    settings = dataclasses.replace(scene.services.settings, github=scene.github_settings)
    number = scene.pull_with_stub()
    scene.github.wait_delivered()
    assert findings(settings)["webhook reachable"].ok

    [hook] = scene.github.courier.hooks
    hook.url = hook.url.replace("/webhook", "/nowhere")
    scene.comment(number, "hello")
    scene.github.wait_delivered()
    finding = findings(settings)["webhook reachable"]
    assert finding.ok is False
    assert "answered 404" in finding.detail


def test_a_credential_that_is_refused_is_told_with_what_mends_it(scene, tmp_path):
    wrong = dataclasses.replace(scene.github_settings, app_id=0, app_key_file=None, token="ghp_x")
    settings = dataclasses.replace(scene.services.settings, github=wrong, webhook=WebhookSettings())
    found = findings(settings)

    assert found["github"].ok is False
    assert "renew the credential" in found["github"].remedy
    assert found["webhook"].ok is False


def test_without_a_credential_nothing_is_missing_for_the_command_line(scene):
    settings = dataclasses.replace(
        scene.services.settings, database=DatabaseSettings("postgresql://nobody@127.0.0.1:1/none")
    )
    found = findings(settings)

    assert found["github"].ok is None
    assert found["database"].ok is False

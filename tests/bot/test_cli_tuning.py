"""`supercharge tuning` as a user meets it."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner

from bot.cli import cli
from bot.store import open_store
from engine.candidates import Kind
from engine.errors import BadInput
from engine.knobs import AS_CONFIGURED
from engine.tuning import Outcome

BROUGHT = [Outcome(Kind.CODE, "dialogue", AS_CONFIGURED, frozenset(), 5.0, 16, 900, 10.0)]


@pytest.fixture
def url(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("SUPERCHARGE_")]:
        monkeypatch.delenv(name)
    given = f"sqlite:///{tmp_path / 'a.db'}"
    monkeypatch.setenv("SUPERCHARGE_DATABASE_URL", given)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return given


def said(*words: str) -> str:
    result = CliRunner().invoke(cli, ["tuning", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_what_is_known_is_shown_and_can_be_forgotten(url):
    assert said("show") == "nothing is learnt yet: asks are as configured\n"
    with open_store(url) as store:
        store.add_outcomes("small, prompts 12", BROUGHT)

    assert said("show").splitlines()[1].split()[:3] == ["code", "dialogue", "1"]
    assert said("forget", "small, prompts 12") == "1 outcomes forgotten\n"
    assert said("show") == "nothing is learnt yet: asks are as configured\n"


def test_a_model_of_which_nothing_is_known_cannot_be_forgotten(url):
    with pytest.raises(BadInput, match="nothing is known of 'other'"):
        said("forget", "other")


def test_when_tuning_is_off_then_that_is_said(url, monkeypatch):
    monkeypatch.setenv("SUPERCHARGE_TUNING_ENABLED", "false")

    assert said("show").startswith("tuning is off: ")

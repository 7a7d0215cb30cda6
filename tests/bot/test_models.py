"""The configured models: their names, who sees code, and what the doctor says of them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from bot import doctor
from bot.models import hosts_that_see_code, identity, open_configured
from bot.outages import outage_of
from bot.retry import ParkReason
from bot.runner import fingerprint
from bot.settings import CascadeSettings, Settings
from engine.errors import ModelUnavailable
from engine.llm.ledger import MemoryLedger
from engine.llm.openai.settings import OpenAISettings
from engine.llm.routing import Role, Routes
from engine.llm.settings import ModelSettings
from engine.llm.transformers import fitting
from tests.engine.llm.openai.hostile import hostile_server

PAID = ModelSettings(
    backend="openai",
    model="mind",
    openai=OpenAISettings(base_url="https://api.example.com/v1", allow_remote=True),
)
HYBRID = Settings(models={"paid": PAID}, routes=Routes(judge="paid"))


@pytest.fixture
def served():
    with hostile_server() as server:
        there = OpenAISettings(base_url=server.url)
        yield server, Settings(model=ModelSettings(backend="openai", openai=there))


def test_the_models_are_named_without_opening_them():
    assert identity(Settings()) == "embedded none"
    assert identity(Settings(model=PAID)) == "mind at api.example.com"
    assert identity(HYBRID) == (
        "code=embedded none test=embedded none improve=embedded none judge=mind at api.example.com"
    )


def test_another_route_is_a_new_chance_for_what_was_exhausted():
    assert fingerprint(HYBRID) != fingerprint(Settings())
    assert fingerprint(dataclasses.replace(HYBRID, routes=Routes())) == fingerprint(Settings())


def test_who_sees_code_is_told_by_host():
    assert hosts_that_see_code(Settings()) == {}
    assert hosts_that_see_code(HYBRID) == {"api.example.com": [Role.JUDGE]}


def test_the_doctor_says_whether_code_leaves_this_machine():
    assert doctor._privacy(Settings()).detail == "no code leaves this machine"
    assert "LEAVES THIS MACHINE, to api.example.com (judge)" in doctor._privacy(HYBRID).detail


def test_the_doctor_asks_a_server_whether_it_has_the_model(served):
    server, settings = served
    found = doctor._model("model", settings.model)
    assert found.ok
    assert found.detail.startswith("mind at 127.0.0.1:")

    wanted = dataclasses.replace(settings.model, model="huge")
    missing = doctor._model("model", wanted)
    assert missing.ok is False
    assert "it serves mind" in missing.detail
    assert missing.remedy
    assert server.requests == []  # nothing was asked that could cost


def checkpoint(folder, **shape):
    words = {
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 1000,
    }
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(words | shape))
    return str(folder)


def models_found(settings):
    return {finding.part: finding for finding in doctor._models(settings)}


def test_the_doctor_says_of_both_models_of_a_cascade_whether_they_fit(tmp_path):
    large = checkpoint(tmp_path / "large", hidden_size=128)
    settings = Settings(
        model=ModelSettings(model=large, dtype="float32"),
        cascade=CascadeSettings(model=checkpoint(tmp_path / "small")),
    )
    found = models_found(settings)
    assert list(found) == ["model", "small model"]
    assert all(finding.ok for finding in found.values())
    assert "large fits: 0.1 GB (0.0 GB of weights, 40,960 tokens" in found["model"].detail


def test_a_small_model_that_does_not_fit_beside_the_large_one_is_told_with_what_would(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(fitting, "free_ram", lambda: 70 * 10**6)
    each = {name: checkpoint(tmp_path / name) for name in ("large", "small")}
    settings = Settings(
        model=ModelSettings(model=each["large"], dtype="float32", device_map="cpu"),
        cascade=CascadeSettings(model=each["small"], device_map="cpu"),
    )
    found = models_found(settings)
    assert found["model"].ok
    assert found["small model"].ok is None
    assert "that are free" in found["small model"].detail
    assert "max_batch_tokens = " in found["small model"].remedy


@pytest.mark.parametrize(
    ("model", "ok", "told", "remedy"),
    [
        ("owner/never-downloaded", None, "the first start downloads it", "hf download owner/never"),
        ("/nowhere/at/all", False, "unknown model '/nowhere/at/all'", "correct the model's name"),
    ],
)
def test_a_small_model_that_is_not_there_is_told(model, ok, told, remedy):
    finding = models_found(Settings(cascade=CascadeSettings(model=model)))["small model"]
    assert finding.ok is ok
    assert told in finding.detail
    assert finding.remedy.startswith(remedy)


def test_a_small_model_on_a_server_sees_code_too():
    settings = Settings(
        model=dataclasses.replace(PAID, backend="transformers", model="embedded"),
        cascade=CascadeSettings(model="mind", backend="openai"),
    )
    assert hosts_that_see_code(settings) == {
        "api.example.com": [Role.CODE, Role.TEST, Role.IMPROVE, Role.JUDGE]
    }


def test_a_server_and_another_backend_work_as_one(served, tmp_path):
    script = tmp_path / "judge.json"
    script.write_text('{"replies": {"": ["0.5"]}}')
    settings = dataclasses.replace(
        served[1],
        models={"dry": ModelSettings(backend="scripted", model=str(script))},
        routes=Routes(judge="dry"),
    )
    model = open_configured(settings, MemoryLedger())

    assert model.name.startswith("mind at 127.0.0.1:")
    assert model.name.endswith(" for code, test, improve; scripted (judge.json) for judge")
    model.close()


def test_a_model_that_says_when_it_is_back_is_waited_for_until_then():
    away = ModelUnavailable("the day's money is spent", remedy="wait", retry_after_s=3600.0)

    outage = outage_of(away)
    assert (outage.part, outage.retry_after_s) == (ParkReason.MODEL, 3600.0)

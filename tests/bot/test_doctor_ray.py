"""What the doctor says of the Ray cluster."""

from __future__ import annotations

import pytest

from bot import doctor
from bot.settings import Settings
from engine import cluster
from engine.llm import ModelSettings
from engine.sandbox import SandboxSettings

NOWHERE = "127.0.0.1:1"


@pytest.mark.parametrize(
    "settings",
    [
        Settings(model=ModelSettings(backend="ray", ray_address=NOWHERE)),
        Settings(sandbox=SandboxSettings(place="ray", ray_address=NOWHERE)),
    ],
)
def test_a_cluster_that_is_not_there_is_told_with_the_command_that_starts_one(settings):
    [finding] = doctor._cluster(settings)
    assert finding.ok is False
    assert finding.detail == f"no Ray cluster at {NOWHERE}: Connection refused"
    assert finding.remedy.startswith("ray start --head")


def test_a_cluster_that_is_there_is_told_with_its_nodes_and_cards(monkeypatch):
    nodes = [cluster.Node(f"{n}", f"10.0.0.{n}", 16, 2, n == 1) for n in range(1, 5)]
    monkeypatch.setattr(cluster, "connect", lambda address: None)
    monkeypatch.setattr(cluster, "disconnect", lambda: None)
    monkeypatch.setattr(cluster, "nodes", lambda: nodes)
    [finding] = doctor._cluster(Settings(model=ModelSettings(backend="ray")))
    assert (finding.ok, finding.detail) == (True, "4 nodes with 8 cards")


def test_where_nothing_is_to_run_on_a_cluster_none_is_looked_for():
    assert list(doctor._cluster(Settings())) == []

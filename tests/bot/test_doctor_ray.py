"""What the doctor says of the Ray cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot import doctor
from bot.settings import Settings
from engine import cluster
from engine.llm import ModelSettings

NOWHERE = "127.0.0.1:1"
ROOT = Path(doctor.__file__).parents[1]


@pytest.mark.parametrize("words", ["[model]\nbackend = 'ray'\n", "[sandbox]\nplace = 'ray'\n"])
def test_a_cluster_that_is_not_there_is_told_with_the_command_that_starts_one(tmp_path, words):
    (tmp_path / "supercharge.toml").write_text(f"{words}ray_address = '{NOWHERE}'\n")
    # A process of its own: this one may have its connection to a cluster already.
    script = (
        "from pathlib import Path; from bot import doctor, settings\n"
        "[f] = doctor._cluster(settings.load(Path('supercharge.toml')))\n"
        "print(f.ok, f.detail, f.remedy, sep='|')\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    ok, detail, remedy = told.stdout.strip().split("|")
    assert (ok, detail) == ("False", f"no Ray cluster at {NOWHERE}: Connection refused")
    assert remedy.startswith("ray start --head")


def test_a_cluster_that_is_there_is_told_with_its_nodes_and_cards(monkeypatch):
    nodes = [cluster.Node(f"{n}", f"10.0.0.{n}", 16, 2, n == 1) for n in range(1, 5)]
    monkeypatch.setattr(cluster, "connect", lambda address: None)
    monkeypatch.setattr(cluster, "disconnect", lambda: None)
    monkeypatch.setattr(cluster, "nodes", lambda: nodes)
    [finding] = doctor._cluster(Settings(model=ModelSettings(backend="ray")))
    assert (finding.ok, finding.detail) == (True, "4 nodes with 8 cards")


def test_where_nothing_is_to_run_on_a_cluster_none_is_looked_for():
    assert list(doctor._cluster(Settings())) == []

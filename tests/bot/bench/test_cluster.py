from __future__ import annotations

import json
from dataclasses import replace

from click.testing import CliRunner

from bot.bench import cluster
from bot.bench.queueing import Figures, Part
from bot.cli import cli


def test_one_run_prints_what_every_size_does_and_which_part_is_busiest(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "NODES", (1, 4))
    monkeypatch.setattr(cluster, "measured", lambda quick: Figures())
    file = tmp_path / "figures.json"
    ran = CliRunner().invoke(cli, ["bench", "cluster", "--quick", "--json", str(file)])
    assert ran.exit_code == 0, ran.output
    told = json.loads(file.read_text(encoding="utf-8"))
    assert [row["nodes"] for row in told["rows"]] == [1, 4]
    for row in told["rows"]:
        assert row["busy"].keys() == {part.value for part in Part}
        assert row["busiest"] in row["busy"]
    assert told["rows"][0]["asks_per_s"] < told["rows"][1]["asks_per_s"]
    assert 1000 < told["completion_bytes"] < 100_000  # what is smaller goes along with Ray's answer


def test_what_a_worker_costs_is_measured_on_a_search_that_runs_to_its_end(monkeypatch):
    monkeypatch.setattr(cluster, "BATCH", 4)
    monkeypatch.setattr(cluster, "_damaged", lambda quick: [("def f(x):\n    return x", "f")])
    figures = cluster.measured(quick=True)
    assert figures.reply_s > figures.stream_s
    assert figures.result_s > 0
    assert replace(figures, reply_s=0, result_s=0) == replace(Figures(), reply_s=0, result_s=0)


def test_githubs_limits_count_calls_and_those_that_write():
    outcome = cluster.Outcome(nodes=1, asks_per_s=1.0, busy={})
    figures = Figures(asks_per_search=3600, calls_per_search=4000, writes_per_search=10)
    assert cluster.installations(outcome, figures) == 1
    assert cluster.installations(outcome, replace(figures, writes_per_search=1500)) == 3
    assert cluster.installations(outcome, replace(figures, calls_per_search=10_001)) == 3

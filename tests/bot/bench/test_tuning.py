"""The simulated worlds: what is promised of tuning holds in them, at a size that takes a moment."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from bot.bench import tuning
from engine.knobs import AS_CONFIGURED


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(tuning, "HORIZONS", (10, 200))
    monkeypatch.setattr(tuning, "RUNS", 2)


def worlds(result):
    return {world["world"]: world["rows"] for world in result["worlds"]}


@pytest.mark.parametrize("world", tuning.WORLDS, ids=lambda world: world.name)
def test_the_best_fixed_knobs_of_a_world_are_no_worse_than_any_other(world):
    assert world.rate(AS_CONFIGURED) == 1
    best = world.rate(world.best)
    assert best >= 1
    assert best >= world.rate(replace(world.best, temperature=0.0))
    assert best >= world.rate(replace(AS_CONFIGURED, samples=2.0))


def test_with_a_floor_of_one_every_world_is_asked_as_configured(short):
    result = tuning.run(floor=1.0)
    for rows in worlds(result).values():
        assert [row["searches"] for row in rows] == [10, 200]
        assert all(row["tuned"] == pytest.approx(1) for row in rows)
        assert all(row["worst"] == pytest.approx(1) for row in rows)


def test_with_the_usual_floor_little_is_risked_and_what_pays_is_found(short):
    found = worlds(tuning.run())
    assert all(row["worst"] > 0.8 for rows in found.values() for row in rows)
    assert all(row["tuned"] == pytest.approx(1, rel=0.1) for row in found["nothing matters"])
    several = found["several pay"][-1]
    assert 1 < several["tuned"] < several["best"]
    assert several["regret"] == pytest.approx(1 - several["tuned"] / several["best"], abs=0.05)


def test_the_same_seed_is_the_same_table(short):
    first, again = (tuning.run(seed=5, quick=True) for _ in range(2))
    assert first["worlds"] == again["worlds"]
    out = Console(file=io.StringIO(), width=120)
    tuning.report(first, out)
    assert "one knob pays" in out.file.getvalue()
    assert "seed 5, floor 0.9" in out.file.getvalue()

"""`supercharge bench tuning`: what self-tuning gains and what it risks, in worlds whose truth is known.

A simulation, since on a real model the best way to ask is not known. A search is a function of some
difficulty and a few asks; what an ask brings is drawn from its difficulty, its time and the true worth
of its knobs. Three ways to ask meet the same functions: as configured, by the best fixed knobs of that
world (which nobody knows beforehand), and as `engine.tuning` chooses. Regret is the part of what the
best fixed knobs bring that is not brought.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.bench.machine import machine
from engine.candidates import Kind
from engine.knobs import AS_CONFIGURED, Knobs, Part
from engine.tuning import LEFT_OUT, NUMBERS, Level, Outcome, Tuner

ASKS = 6
"""Asks of a group in one search."""

HORIZONS = (30, 100, 300, 1000)
"""After so many searches it is looked at what was brought by then."""

RUNS = 12
GROUP = (Kind.CODE, "dialogue")
PARTS = frozenset({Part.OUTLINE, Part.EXAMPLES})


@dataclass(frozen=True, slots=True)
class World:
    """What each level is worth per second, times the configured one; what is not named is worth 1."""

    name: str
    worth: Mapping[Level, float]

    def rate(self, knobs: Knobs) -> float:
        """Worth of all knobs together."""
        left_out = [(part.value, LEFT_OUT) for part in knobs.without]
        numbers = [(name, getattr(knobs, name)) for name in NUMBERS]
        return math.prod(self.worth.get(level, 1.0) for level in numbers + left_out)

    @property
    def best(self) -> Knobs:
        """The best fixed knobs."""
        without = frozenset(p for p in PARTS if self.worth.get((p.value, LEFT_OUT), 1.0) > 1)
        numbers = product(*(NUMBERS[name] for name in ("temperature", "samples", "max_tokens")))
        return max((Knobs(t, n, most, without) for t, n, most in numbers), key=self.rate)


WORLDS = (
    World(
        "as configured is best",
        {
            ("temperature", -0.2): 0.8,
            ("temperature", 0.2): 0.85,
            ("samples", 0.5): 0.7,
            ("samples", 2.0): 0.9,
            ("max_tokens", 0.5): 0.7,
            ("max_tokens", 1.5): 0.9,
            ("outline", LEFT_OUT): 0.8,
            ("examples", LEFT_OUT): 0.5,
        },
    ),
    World("nothing matters", {}),
    World(
        "one knob pays",
        {
            ("temperature", -0.2): 1.4,
            ("temperature", 0.2): 0.7,
            ("samples", 0.5): 0.8,
            ("max_tokens", 0.5): 0.8,
            ("examples", LEFT_OUT): 0.5,
        },
    ),
    World(
        "several pay",
        {
            ("temperature", 0.2): 1.3,
            ("temperature", -0.2): 0.8,
            ("samples", 2.0): 1.3,
            ("samples", 0.5): 0.7,
            ("max_tokens", 0.5): 1.2,
            ("outline", LEFT_OUT): 1.15,
            ("examples", LEFT_OUT): 0.5,
        },
    ),
)


@dataclass
class _Way:
    """One way to ask, and what it has brought so far in how many seconds."""

    brought: float = 0.0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return self.brought / self.seconds


def run(*, seed: int = 0, quick: bool = False, floor: float = 0.9) -> dict[str, Any]:
    """Every world, `RUNS` times; rates are relative to asking as configured in the same run."""
    horizons = HORIZONS[:2] if quick else HORIZONS
    runs = 3 if quick else RUNS
    worlds = []
    for world in WORLDS:
        told = [
            _run(world, random.Random(f"{seed} {world.name} {i}"), horizons, floor)
            for i in range(runs)
        ]
        rows = [
            {
                "searches": horizon,
                **{key: fmean(one[i][key] for one in told) for key in ("tuned", "best", "regret")},
                "worst": min(one[i]["lowest"] for one in told),
            }
            for i, horizon in enumerate(horizons)
        ]
        worlds.append({"world": world.name, "rows": rows})
    return {"machine": machine(), "seed": seed, "floor": floor, "runs": runs, "worlds": worlds}


def report(result: dict[str, Any], console: Console) -> None:
    """A row per world and horizon."""
    table = Table(
        title=f"bench tuning: simulated, {result['runs']} runs, seed {result['seed']},"
        f" floor {result['floor']}",
        caption="useful per second, asking as configured = 1; expected values, so without luck",
    )
    for name in ("world", "searches", "tuned", "best fixed", "regret, %", "lowest total ever"):
        table.add_column(name)
    for world in result["worlds"]:
        for row in world["rows"]:
            table.add_row(
                world["world"],
                str(row["searches"]),
                f"{row['tuned']:.2f}",
                f"{row['best']:.2f}",
                f"{100 * row['regret']:.0f}",
                f"{row['worst']:.2f}",
            )
    console.print(table)


def _run(
    world: World, rng: random.Random, horizons: Sequence[int], floor: float
) -> list[dict[str, float]]:
    """What was brought up to each horizon, in expectation: each way's own luck is left out.

    `lowest` is the least that the tuned way had ever brought beside the configured one, from the
    tenth search on.
    """
    ways = {"configured": _Way(), "best": _Way(), "tuned": _Way()}
    best, tuner = world.best, Tuner(floor=floor)
    told: list[dict[str, float]] = []
    lowest = math.inf
    for search in range(1, max(horizons) + 1):
        ease = rng.betavariate(0.6, 0.9)
        for ask in range(ASKS):
            tuned = tuner.tuned(f"{rng.random()} {ask}").knobs_of(*GROUP)
            for name, knobs in (("configured", AS_CONFIGURED), ("best", best), ("tuned", tuned)):
                seconds = 8.0 * knobs.samples**0.6 * knobs.max_tokens**0.5
                ways[name].brought += world.rate(knobs) * ease * seconds
                ways[name].seconds += seconds
            outcome = _drawn(world, tuned, ease, rng)
            tuner = tuner.learnt([outcome])
        if search >= 10:
            lowest = min(lowest, ways["tuned"].rate / ways["configured"].rate)
        if search in horizons:
            usual = ways["configured"].rate
            told.append(
                {
                    "tuned": ways["tuned"].rate / usual,
                    "best": ways["best"].rate / usual,
                    "regret": 1 - ways["tuned"].rate / ways["best"].rate,
                    "lowest": lowest,
                }
            )
    return told


def _drawn(world: World, knobs: Knobs, ease: float, rng: random.Random) -> Outcome:
    """What such an ask brings: a Poisson count around its worth, of which evidence counts a part."""
    seconds = 8.0 * knobs.samples**0.6 * knobs.max_tokens**0.5 * rng.uniform(0.8, 1.25)
    mean = world.rate(knobs) * ease * seconds
    useful = _poisson(mean, rng) * min(1.0, rng.uniform(0.3, 1.0) + ease / 2)
    return Outcome(*GROUP, knobs, PARTS, useful, round(16 * knobs.samples), 1000, seconds)


def _poisson(mean: float, rng: random.Random) -> int:
    """Knuth's: means here are small."""
    limit, product_of, count = math.exp(-mean), rng.random(), 0
    while product_of > limit:
        product_of *= rng.random()
        count += 1
    return count

"""`supercharge bench selection`: which rule finds the right code in a pool whose truth is known.

Replays a pool in the form of CodeT's released samples: JSON Lines, gzipped or not, an object per
task with a `matrix` of `code_of_sample` and `asserts_of_sample` (which different code, and which
different asserts, each sample holds), `passes` (a string of 0 and 1 per code) and `correct` (does it
pass the hidden tests).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.bench.codet import FAULTS, records
from bot.bench.machine import machine
from engine.agreement import agreements
from engine.errors import BadInput
from engine.selection import evidence, rank

SIZES = ((100, 100), (32, 24), (20, 20))
DRAWS = 8
BANDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)

Rows = Sequence[Sequence[bool]]


@dataclass(frozen=True, slots=True)
class Draw:
    """Some of a task's samples: a row per code sample, a column per different assert."""

    rows: Rows
    correct: Sequence[bool]


def run(pool: Path, *, quick: bool = False) -> dict[str, Any]:
    """Rates in 0..1: the share of tasks where the code that a rule chooses is correct."""
    tasks = load_matrices(pool)
    sizes = SIZES[-1:] if quick else SIZES
    rules: list[dict[str, Any]] = []
    chosen: list[tuple[float, bool]] = []
    for codes, tests in sizes:
        draws = [
            draw
            for seed in range(1 if codes == tests == 100 else DRAWS)
            for draw in _draws(tasks, codes, tests, random.Random(seed))
        ]
        rates = {name: _rate(rule, draws) for name, rule in _RULES.items()}
        rules.append({"codes": codes, "tests": tests, "draws": len(draws), **rates})
        if codes < 100:
            chosen += [_evidence(draw) for draw in draws]
    bands = []
    for low, high in zip(BANDS, (*BANDS[1:], 1.01), strict=True):
        band = [right for value, right in chosen if low <= value < high]
        rate = sum(band) / len(band) if band else None
        bands.append({"from": low, "choices": len(band), "right": rate})
    return {"machine": machine(), "tasks": len(tasks), "rules": rules, "evidence": bands}


def report(result: dict[str, Any], console: Console) -> None:
    """The rules beside each other, and what an evidence of each band was worth."""
    table = Table(title=f"chosen code is right, % ({result['tasks']} tasks)")
    for name in ("codes × tests", "draws", *_RULES):
        table.add_column(name)
    for row in result["rules"]:
        rates = [f"{100 * row[name]:.1f}" for name in _RULES]
        table.add_row(f"{row['codes']} × {row['tests']}", str(row["draws"]), *rates)
    console.print(table)
    table = Table(title="evidence against truth", caption=result["machine"])
    for name in ("evidence from", "choices", "right, %"):
        table.add_column(name)
    for band in result["evidence"]:
        right = "" if band["right"] is None else f"{100 * band['right']:.0f}"
        table.add_row(f"{band['from']:.1f}", str(band["choices"]), right)
    console.print(table)


def _random(draw: Draw) -> float:
    return sum(draw.correct) / len(draw.correct)


def _any_passing_pair(draw: Draw) -> float:
    """Any code of any passing pair: what a search that stops at its first passing pair finds."""
    passing = [
        right for row, right in zip(draw.rows, draw.correct, strict=True) for ok in row if ok
    ]
    return sum(passing) / len(passing) if passing else 0.0


def _most_passed(draw: Draw) -> float:
    best = max(range(len(draw.rows)), key=lambda i: (sum(draw.rows[i]), -i))
    return float(draw.correct[best])


def _ours(draw: Draw) -> float:
    return float(draw.correct[rank(draw.rows)[0]])


def _oracle(draw: Draw) -> float:
    return float(any(draw.correct))


_RULES: dict[str, Callable[[Draw], float]] = {
    "random code": _random,
    "any passing pair": _any_passing_pair,
    "most asserts passed": _most_passed,
    "rank": _ours,
    "oracle": _oracle,
}


def _rate(rule: Callable[[Draw], float], draws: Sequence[Draw]) -> float:
    return sum(rule(draw) for draw in draws) / len(draws)


def _evidence(draw: Draw) -> tuple[float, bool]:
    """The evidence for the best code, and whether it is right; without log-probabilities here."""
    best = rank(draw.rows)[0]
    found = agreements(draw.rows, [1.0] * len(draw.rows))[best]
    for_it = len(found.codes) * len(found.tests)
    against = sum(sum(row) for code, row in enumerate(draw.rows) if code not in found.codes)
    share = for_it / (for_it + against) if for_it else 0.0
    return evidence(len(found.tests), len(found.codes), share), draw.correct[best]


def _draws(
    tasks: Sequence[dict[str, Any]], codes: int, tests: int, rng: random.Random
) -> Iterator[Draw]:
    for matrix in tasks:
        picked = rng.sample(matrix["code_of_sample"], min(codes, len(matrix["code_of_sample"])))
        replies = matrix["asserts_of_sample"]
        columns = list(Counter(a for r in rng.sample(replies, min(tests, len(replies))) for a in r))
        rows = [[matrix["passes"][code][column] == "1" for column in columns] for code in picked]
        yield Draw(rows, [bool(matrix["correct"][code]) for code in picked])


def load_matrices(path: Path) -> list[dict[str, Any]]:
    """The tasks' matrices. Raises BadInput where the file has none."""
    try:
        matrices = [task["matrix"] for task in records(path)]
        keys = {"code_of_sample", "asserts_of_sample", "passes", "correct"}
        if not matrices or any(not keys <= set(matrix) for matrix in matrices):
            raise ValueError(f"every task needs a matrix of {', '.join(sorted(keys))}")
    except FAULTS as error:
        raise BadInput(f"{path} is not a pool of samples with known truth: {error}") from error
    return matrices

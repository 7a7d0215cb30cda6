"""`supercharge bench equality`: whether what is fast says what a cold pytest says.

Takes a pool in the form of CodeT's released samples (JSON Lines, gzipped or not, an object per task
with `task_id`, `entry_point`, `prompt`, `code_completions` and `test_completions`) and runs codes of
each task against asserts of it three ways: as the sandbox chooses, by its warm pytest, and some of
them by a pytest that starts from nothing for each. What differs is run again by the warm pytest: where
that differs from itself, as with the order of a set of strings, no way is right.
"""

from __future__ import annotations

import itertools
import random
import re
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from bot.bench.codet import FAULTS, records
from bot.bench.machine import machine
from engine.cleanup.syntax import parses
from engine.errors import BadInput
from engine.sandbox import Sandbox, SandboxSettings
from engine.sandbox.docker import DockerEngine
from engine.sandbox.session import RunnerSandbox
from engine.verdicts import Isolation, PairResult

CODES = ASSERTS = 7
COLD = 400
_QUICK_TASKS, _QUICK_COLD = 8, 20
_TIMEOUT_S, _COLD_TIMEOUT_S = 5.0, 30.0
_AGAIN = 12

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Task:
    """Codes and tests of one function, by id."""

    name: str
    entry_point: str
    codes: Mapping[str, str]
    tests: Mapping[str, str]


def run(pool: Path, settings: SandboxSettings, *, quick: bool) -> dict[str, Any]:
    """Counts of pairs, and every difference. Needs Docker. Raises BadInput for another file."""
    settings = replace(settings, engine="docker")
    tasks = list(load_tasks(pool))
    if quick:
        tasks = tasks[:: max(1, len(tasks) // _QUICK_TASKS)]
    cold_pairs = -(-(_QUICK_COLD if quick else COLD) // max(1, len(tasks)))
    whole = replace(settings, separate=False)
    counts: Counter[str] = Counter()
    differences: list[dict[str, str]] = []
    started, chosen = time.perf_counter(), random.Random(0)
    with (
        _open(settings) as fast,
        _open(whole) as warm,
        _open(whole, cold=True) as cold,
    ):
        for task in tasks:
            seen, by_pytest = _all(fast, task), _all(warm, task)
            some = chosen.sample(sorted(seen), min(cold_pairs, len(seen)))
            by_cold = _all(cold, task, some, timeout_s=_COLD_TIMEOUT_S)
            counts["pairs"] += len(seen)
            counts["apart"] += sum(r.isolation is Isolation.SEPARATE for r in seen.values())
            counts["cold"] += len(by_cold)
            counts.update(result.verdict.value for result in seen.values())
            for way, others in (("warm pytest", by_pytest), ("cold pytest", by_cold)):
                for pair in others:
                    if _says(seen[pair]) != _says(others[pair]):
                        steady = _is_steady(whole, task, pair)
                        counts["differ" if steady else "unsteady"] += 1
                        told = {"way": way, "steady": str(steady)}
                        told |= {"fast": _says(seen[pair]), "other": _says(others[pair])}
                        sources = {"code": task.codes[pair[0]], "test": task.tests[pair[1]]}
                        differences.append({"task": task.name, **told, **sources})
    return {
        "machine": machine(),
        "tasks": len(tasks),
        "counts": dict(counts),
        "seconds": time.perf_counter() - started,
        "differences": differences,
    }


def _open(settings: SandboxSettings, *, cold: bool = False) -> RunnerSandbox:
    return RunnerSandbox(DockerEngine(settings), settings, cold=cold)


def _all(
    sandbox: Sandbox,
    task: Task,
    pairs: Collection[Pair] | None = None,
    *,
    timeout_s: float = _TIMEOUT_S,
) -> dict[Pair, PairResult]:
    results = sandbox.run_pairs(
        task.codes, task.tests, entry_point=task.entry_point, timeout_s=timeout_s, pairs=pairs
    )
    return {result.pair: result for result in results}


def _says(result: PairResult) -> str:
    return f"{result.verdict} {result.error}".strip()


def _is_steady(settings: SandboxSettings, task: Task, pair: Pair) -> bool:
    """Whether pytest gives the pair the same verdict, however often it is asked."""
    found = set()
    for _ in range(_AGAIN):
        # Every process of a sandbox that is open has one hash seed: each look takes a new one.
        with _open(settings) as fresh:
            found |= {_says(result) for result in _all(fresh, task, [pair]).values()}
    return len(found) == 1


def load_tasks(pool: Path, *, codes: int = CODES, asserts: int = ASSERTS) -> Iterator[Task]:
    """Up to so many different codes and asserts of each task. Raises BadInput."""
    try:
        for found in records(pool):
            yield _task(found, codes, asserts)
    except FAULTS as error:
        raise BadInput(f"{pool} is no pool of samples: {error}") from error


def _task(found: Mapping[str, Any], codes: int, asserts: int) -> Task:
    name = str(found["entry_point"])
    # A completion goes on after the function: what follows is another one's.
    bodies = (re.split(r"\n(?=\S)", code)[0] for code in found["code_completions"])
    sources = dict.fromkeys(f"{found['prompt']}{body}\n" for body in bodies)
    lines = dict.fromkeys(
        line
        for text in found["test_completions"]
        for line in map(str.strip, f"assert {text}".split("\n"))
        if line.startswith("assert ") and parses(line)
    )
    chosen = list(lines)
    random.Random(0).shuffle(chosen)
    head = f"from {name} import {name}\n\n\ndef test_{name}():\n    "
    return Task(
        str(found["task_id"]),
        name,
        {f"c{n}": source for n, source in enumerate(itertools.islice(sources, codes))},
        {f"t{n}": f"{head}{line}\n" for n, line in enumerate(chosen[:asserts])},
    )


def report(result: Mapping[str, Any], console: Console) -> None:
    """Print what was compared, and what differed."""
    counts = Counter(result["counts"])
    console.print(result["machine"], highlight=False)
    console.print(
        f"{result['tasks']} tasks, {counts['pairs']} pairs in {result['seconds']:.0f} s: "
        f"{counts['passed']} passed, {counts['failed']} failed, {counts['timed_out']} timed out; "
        f"{counts['apart']} ran apart from their tests; {counts['cold']} by a cold pytest as well",
        highlight=False,
    )
    console.print(
        f"{counts['differ']} differ; {counts['unsteady']} more where pytest differs from itself",
        highlight=False,
    )
    for one in result["differences"]:
        told = f"{one['task']}: {one['fast']}, by {one['way']} {one['other']}"
        console.print(f"{told}\n{one['code']}\n{one['test']}", markup=False, highlight=False)

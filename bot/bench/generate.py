"""`supercharge bench generate`: how many stubs end solved, how many of those are right, how fast.

Whether a solution is right is told by references of this bench, or by MBPP's own tests, never by the
test that was generated. A wrong answer shipped as solved is worse than none: those are counted apart.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot import generate
from bot.bench.machine import machine
from bot.settings import Settings
from bot.stubs import spec_from_source
from engine.errors import BadInput
from engine.sandbox import open_sandbox
from engine.search import Exhausted, Solution
from engine.spec import FunctionSpec
from engine.splice import splice
from engine.verdicts import Verdict

STUBS = Path(__file__).parents[2] / "examples" / "stubs.py"

TRUTHS: dict[str, tuple[str, ...]] = {
    "factorial": ("f(0) == 1", "f(1) == 1", "f(2) == 2", "f(5) == 120", "f(12) == 479001600"),
    "add": ("f(1, 2) == 3", "f(-1, 1) == 0", "f(0, 0) == 0", "f(1.5, 2) == 3.5"),
    "is_even": ("f(2) is True", "f(3) is False", "f(0) is True", "f(-3) is False", "f(-4) is True"),
    "reverse_string": ("f('abc') == 'cba'", "f('') == ''", "f('x') == 'x'", "f('ab c') == 'c ba'"),
    "fibonacci": ("f(0) == 0", "f(1) == 1", "f(2) == 1", "f(3) == 2", "f(10) == 55", "f(20) == 6765"),
    "gcd": ("f(12, 18) == 6", "f(7, 13) == 1", "f(5, 5) == 5", "f(100, 10) == 10", "f(9, 27) == 9"),
    "count_vowels": (
        "f('hello') == 2", "f('') == 0", "f('xyz') == 0", "f('aeiou') == 5", "f('banana') == 3",
    ),
    "max_of_list": ("f([1, 5, 3]) == 5", "f([-2, -7]) == -2", "f([4]) == 4", "f([1.5, 1]) == 1.5"),
    "celsius_to_fahrenheit": (
        "abs(f(0) - 32) < 1e-6", "abs(f(100) - 212) < 1e-6", "abs(f(-40) + 40) < 1e-6",
        "abs(f(37) - 98.6) < 1e-6",
    ),
    "is_palindrome": (
        "f('racecar') is True", "f('ab') is False", "f('') is True", "f('abba') is True",
        "f('abca') is False",
    ),
}  # fmt: skip
"""What each of the ten stubs must do, as people know it."""

MBPP_REACHABLE = (8, 62, 118, 234, 426, 456, 458, 476, 588, 624)
"""Ten problems of MBPP that a model of 135 million parameters can reach at all."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A stub and the test of its truth, which no search ever sees."""

    spec: FunctionSpec
    truth: str


@dataclass(frozen=True, slots=True)
class Row:
    """How one problem ended.

    `right` is None when nothing was shipped. `best_right` is the truth of the code that the matrix
    spoke for in the end, shipped or not, and `evidence` how strongly it did.
    """

    name: str
    status: str
    right: bool | None
    best_right: bool | None
    evidence: float
    score: float | None
    seconds: float
    codes: int
    asserts: int


def run(
    settings: Settings,
    *,
    quick: bool = False,
    mbpp: Path | None = None,
    seed: int = 1,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Run `supercharge generate` on every problem, one after the other, with these settings.

    `mbpp` is a JSON Lines file of MBPP problems (`task_id`, `prompt`, `entry_point`, `test`); `tell`
    is given a line for each problem that has ended.
    """
    problems = {"ten stubs": list(_ten_stubs())}
    if mbpp is not None:
        problems["ten of MBPP"] = list(_mbpp(mbpp, MBPP_REACHABLE))
    if quick:
        problems = {name: chosen[:2] for name, chosen in problems.items()}
    told = machine()
    suites: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, chosen in problems.items():
            suites[name] = []
            for problem in chosen:
                row = _solve(problem, settings, seed, Path(folder))
                suites[name].append(dataclasses.asdict(row))
                tell(
                    f"{row.name}: {row.status}, {row.seconds:.0f} s; evidence {row.evidence:.2f}"
                    f" for a code that is {'right' if row.best_right else 'not right'}"
                )
    return {"machine": told, "seed": seed, "suites": suites}


def report(result: dict[str, Any], console: Console) -> None:
    """A table per suite, and what it comes to."""
    for name, rows in result["suites"].items():
        table = Table(title=f"bench generate: {name}", caption=result["machine"])
        for column in (
            "function",
            "status",
            "right",
            "best right",
            "evidence",
            "seconds",
            "codes",
            "asserts",
        ):
            table.add_column(column)
        for row in rows:
            words = {True: "yes", False: "NO", None: ""}
            facts = (row["name"], row["status"], words[row["right"]], words[row["best_right"]])
            numbers = (f"{row['evidence']:.2f}", f"{row['seconds']:.0f}")
            table.add_row(*facts, *numbers, str(row["codes"]), str(row["asserts"]))
        console.print(table)
        console.print(summary(rows))


def summary(rows: Sequence[dict[str, Any]]) -> str:
    solved = [row for row in rows if row["right"] is not None]
    right = [row for row in solved if row["right"]]
    quick = sum(1 for row in right if row["seconds"] <= 180)
    wrong = len(solved) - len(right)
    rate = f"{wrong / len(solved):.0%}" if solved else "none shipped"
    return (
        f"{len(rows)} stubs: {len(solved)} solved, {len(right)} of them right ({quick} within 180 s);"
        f" false accepts {wrong} ({rate})"
    )


def _solve(problem: Problem, settings: Settings, seed: int, pools: Path) -> Row:
    started = time.monotonic()
    result = generate.run(problem.spec, settings, seed=seed, pools=pools)
    seconds = time.monotonic() - started
    outcome = result.outcome
    solution = outcome if isinstance(outcome, Solution) else None
    choice = (
        solution.choice if solution else outcome.best if isinstance(outcome, Exhausted) else None
    )
    code = result.pool.candidates[choice.code_id].source if choice else None
    truth = _is_right(problem, code, settings) if code else None
    counts = generate.counts(result)
    return Row(
        name=problem.spec.qualname,
        status=generate.status(result),
        right=truth if solution else None,
        best_right=truth,
        evidence=choice.evidence if choice else 0.0,
        score=solution.score if solution else None,
        seconds=seconds,
        codes=counts["codes"],
        asserts=counts["asserts"],
    )


def _is_right(problem: Problem, code: str, settings: Settings) -> bool:
    spec = problem.spec
    module = splice(spec.module, spec.qualname, code)
    with open_sandbox(settings.sandbox) as sandbox:
        [result] = sandbox.run_pairs(
            {"code": module}, {"truth": problem.truth}, entry_point=spec.import_name
        )
    return result.verdict is Verdict.PASSED


def _ten_stubs() -> Iterator[Problem]:
    source = STUBS.read_text(encoding="utf-8")
    for name, truths in TRUTHS.items():
        body = "".join(f"    assert {truth}\n" for truth in truths)
        truth = f"from {name} import {name} as f\n\n\ndef test_truth():\n{body}"
        yield Problem(spec_from_source(source, name, path="examples/stubs.py"), truth)


def _mbpp(path: Path, wanted: Sequence[int]) -> Iterator[Problem]:
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        known = {int(row["task_id"].rpartition("/")[2]): row for row in rows}
        chosen = [known[number] for number in wanted]
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path} is not MBPP as JSON Lines with tasks {wanted}: {error}") from error
    for row in chosen:
        name = row["entry_point"].strip()
        module = row["prompt"].rstrip() + "\n    raise NotImplementedError\n"
        test = row["test"].replace("def check(candidate):", "def test_truth():")
        yield Problem(
            spec_from_source(module, name, path="mbpp.py"), f"from {name} import {name}\n{test}"
        )

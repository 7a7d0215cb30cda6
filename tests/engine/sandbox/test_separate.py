"""The plain path gives the verdicts of the full path, and the full path those of a cold pytest."""

# ruff: noqa: E501 - in a table a case to a line is read more easily

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.bench.equality import Task, load_tasks
from engine.sandbox import Sandbox, SandboxSettings
from engine.sandbox.bubblewrap import BubblewrapEngine
from engine.sandbox.session import RunnerSandbox
from engine.verdicts import Isolation, PairResult, Verdict

DATA = Path(__file__).parents[4] / "shared/data/codet_codegen16b_humaneval_even.jsonl.gz"
ENTRY = "work"
IMPORT = f"from {ENTRY} import {ENTRY}\n\n\n"

CODES = {
    "right": "def work(n):\n    return 2 * n\n",
    "wrong": "def work(n):\n    return n + 1\n",
    "raises": "def work(n):\n    raise ValueError(f'no {n}')\n",
    "its own": "class Odd(ValueError):\n    pass\n\n\ndef work(n):\n    raise Odd(n)\n",
    "does not parse": "def work(n)\n    return 2 * n\n",
    "import fails": "x = 1 / 0\n\n\ndef work(n):\n    return 2 * n\n",
    "counts calls": "calls = []\n\n\ndef work(n):\n    calls.append(n)\n    return 2 * n * len(calls)\n",
    "default": "def work(n, seen=[]):\n    seen.append(n)\n    return 2 * n if len(seen) < 3 else 0\n",
    "equals all": "class All:\n    def __eq__(self, other):\n        return True\n\n\ndef work(n):\n    return All()\n",
    "nan": "def work(n):\n    return float('nan')\n",
    "generator": "def work(n):\n    yield 2 * n\n",
    "in place": "def work(n):\n    if isinstance(n, list):\n        n.sort()\n        return n\n    return 2 * n\n",
    "recursive": "def work(n):\n    return 0 if n == 0 else 2 + work(n - 1)\n",
    "endless": "def work(n):\n    return work(n)\n",
    "cached": "from functools import lru_cache\n\n\n@lru_cache(None)\ndef work(n):\n    return 0 if n == 0 else 2 + work(n - 1)\n",
    "prints": "def work(n):\n    print('seen', n)\n    return 2 * n\n",
    "bad print": "def work(n):\n    print('\\ud800')\n    return 2 * n\n",
    "stops": "def work(n):\n    raise StopIteration(n)\n",
    "exits": "import sys\n\n\ndef work(n):\n    sys.exit(0)\n",
    "set": "def work(n):\n    return {n, n + 40, n + 80}\n",
    "huge": "def work(n):\n    return 2 ** 40000 if n else 0\n",
    "reads": "def work(n):\n    return len(open('/etc/passwd').read()) * 0 + 2 * n\n",
}  # fmt: skip
ASSERTS = (
    *("work(4) == 8", "work(n=4) == 8", "work(1) is True", "not work(0)", "work('ab') == 'abab'"),
    *("work(4) == 8.0", "work([3, 1, 2]) == [1, 2, 3]", "work(1) == 2 or work(2) == 4"),
    *("sorted([3, 1], key=work) == [1, 3]", "work() == 8", "list(work(4)) == [8]"),
    *(
        "list(map(work, [1, 2])) == []",
        "work(970) == 1940",
        "work(lambda x: x) == 1",
        "work(4) == float('nan')",
    ),
)

WHOLE = (
    "def test_a():\n    x = [3, 1]\n    work(x)\n    assert x == [1, 3]\n",
    "def test_a():\n    x = [3, 1]\n    y = work(x)\n    y.append(2)\n    assert x == [1, 3, 2]\n",
    "import pytest\n\n\ndef test_a():\n    with pytest.raises(ValueError, match='no 4'):\n        work(4)\n",
    "import pytest\n\n\ndef test_a():\n    with pytest.raises(KeyError) as caught:\n        work('k')\n"
    "    assert caught.value.args == ('k',)\n",
    "import pytest\n\n\ndef test_a():\n    pytest.raises(Exception, work, 4)\n",
    "import pytest\n\n\n@pytest.mark.parametrize('n', [0, 1, 2])\ndef test_a(n):\n    assert work(n) == n + n\n",
    "import pytest\n\n\n@pytest.mark.parametrize('n, m', [(1, 2), (2, 5)])\ndef test_a(n, m):\n"
    "    assert work(n) == m\n",
    "def test_a():\n    try:\n        work(4)\n    except:\n        pass\n    else:\n        assert work(4) == 8\n",
    "def test_a():\n    for n in range(5):\n        assert work(n) == 2 * n\n",
    "def test_a():\n    assert work(4) == 8\n    assert work(0) == 1\n    assert work(1) == 2\n",
)  # fmt: skip


def own_tests() -> dict[str, str]:
    asserts = [f"def test_work():\n    assert {text}\n" for text in ASSERTS]
    return {f"{n}": IMPORT + text for n, text in enumerate([*asserts, *WHOLE])}


def by_pair(
    sandbox: Sandbox,
    codes: Mapping[str, str],
    tests: Mapping[str, str],
    name: str = ENTRY,
    timeout_s: float = 5,
) -> dict[tuple[str, str], PairResult]:
    found = sandbox.run_pairs(codes, tests, entry_point=name, timeout_s=timeout_s)
    return {result.pair: result for result in found}


def mismatches(
    found: dict[tuple[str, str], PairResult], expected: dict[tuple[str, str], PairResult]
) -> list[tuple[object, ...]]:
    return [
        (
            pair,
            result.verdict,
            result.error,
            result.message,
            other.verdict,
            other.error,
            other.message,
        )
        for pair, result in found.items()
        if (result.verdict, result.error) != ((other := expected[pair]).verdict, other.error)
    ]


def test_both_paths_agree_on_every_odd_pair(separate_and_full):
    separate, full = separate_and_full
    tests = own_tests()
    found, expected = by_pair(separate, CODES, tests), by_pair(full, CODES, tests)
    assert found.keys() == expected.keys() == set(itertools.product(CODES, tests))
    assert mismatches(found, expected) == []
    ways = [result.isolation for result in found.values()]
    assert ways.count(Isolation.SEPARATE) > len(ways) * 0.6
    assert {result.isolation for result in expected.values()} == {Isolation.SHARED}


def test_both_paths_and_a_cold_pytest_agree_on_what_a_model_wrote(separate_and_full):
    separate, full = separate_and_full
    compared = apart = 0
    chosen = random.Random(7)
    whole = SandboxSettings(separate=False)
    with RunnerSandbox(BubblewrapEngine(whole, as_root=True), whole, cold=True) as cold:
        for task in tasks():
            codes, tests, name = task.codes, task.tests, task.entry_point
            found = by_pair(separate, codes, tests, name)
            assert mismatches(found, by_pair(full, codes, tests, name)) == [], task.name
            pair = chosen.choice(sorted(found))
            code, test = pair
            by_cold = by_pair(cold, {code: codes[code]}, {test: tests[test]}, name, timeout_s=60)
            assert by_cold[pair].verdict is found[pair].verdict, (task.name, pair)
            compared += len(found)
            apart += sum(r.isolation is Isolation.SEPARATE for r in found.values())
    # The data lies beside the checkout, or not at all.
    assert compared >= 200 or not DATA.exists()
    assert apart >= compared * 0.8


def tasks() -> list[Task]:
    """A few; no codes whose outcome hangs on the order of a set of strings."""
    if not DATA.exists():
        return []
    found = list(load_tasks(DATA, codes=5, asserts=6))[4:40:4]
    return [
        replace(task, codes={c: code for c, code in task.codes.items() if "set(" not in code})
        for task in found
    ]


def test_the_full_path_agrees_with_a_cold_pytest(separate_and_full, tmp_path):
    _, full = separate_and_full
    tests = own_tests()
    pairs = random.Random(3).sample(list(itertools.product(CODES, tests)), 5)
    for number, (code, test) in enumerate(pairs):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / f"{ENTRY}.py").write_text(CODES[code], encoding="utf-8")
        (folder / "test_candidate.py").write_text(tests[test], encoding="utf-8")
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
        cold = subprocess.run(command, cwd=folder, check=False, capture_output=True, timeout=60)
        (result,) = by_pair(full, {code: CODES[code]}, {test: tests[test]}).values()
        assert (result.verdict is Verdict.PASSED) is (cold.returncode == 0), (code, tests[test])


HANGS = """
def work(n):
    while n == 1:
        pass
    return 2 * n
"""
DIES = """
import collections


def work(n):
    if n == 1:
        collections._sys.modules["os"]._exit(0)
    return 2 * n
"""


@pytest.mark.parametrize(
    ("code", "verdict", "error"),
    [(HANGS, Verdict.TIMED_OUT, "timeout"), (DIES, Verdict.FAILED, "exit")],
)
def test_a_test_that_hurts_costs_only_itself(separate_and_full, code, verdict, error):
    separate, _ = separate_and_full
    tests = {f"{n}": f"{IMPORT}def test_a():\n    assert work({n}) == {2 * n}\n" for n in range(5)}
    found = separate.run_pairs({"c": code}, tests, entry_point=ENTRY, timeout_s=0.5)
    results = {result.test_id: result for result in found}
    assert (results["1"].verdict, results["1"].error) == (verdict, error)
    assert [results[t].verdict for t in "0234"] == [Verdict.PASSED] * 4
    assert {results[t].isolation for t in "0234"} == {Isolation.SEPARATE}


def test_an_answer_that_nobody_waits_for_hurts_nobody(separate_and_full):
    separate, _ = separate_and_full
    hanging = f"{IMPORT}def test_a():\n    assert work(2) == 5\n    assert work(1) == 2\n"
    tests = {"a": hanging} | dict.fromkeys(
        "bc", f"{IMPORT}def test_a():\n    assert work(2) == 4\n"
    )
    found = separate.run_pairs({"c": HANGS}, tests, entry_point=ENTRY, timeout_s=5)
    assert {r.test_id: r.verdict for r in found} == {
        "a": Verdict.FAILED,
        "b": Verdict.PASSED,
        "c": Verdict.PASSED,
    }


def test_what_a_plain_code_printed_and_where_it_failed_is_told(separate_and_full):
    separate, _ = separate_and_full
    test = f"{IMPORT}def test_a():\n    assert work(4) == [8]\n"
    (result,) = separate.run_pairs({"c": CODES["prints"]}, {"t": test}, entry_point=ENTRY)
    assert result.isolation is Isolation.SEPARATE
    assert result.message == "assert 8 == [8]"
    for words in (
        ">       assert work(4) == [8]",
        "where 8 = work(4)",
        "test_candidate.py:5:",
        "seen 4",
    ):
        assert words in result.output


@pytest.mark.parametrize(
    ("settings", "isolation"),
    [
        (SandboxSettings(), Isolation.SEPARATE),
        (SandboxSettings(separate=False), Isolation.SHARED),
        (SandboxSettings(runtime="runsc"), Isolation.SHARED),
    ],
)
def test_pairs_run_apart_where_that_is_wanted_and_known_to_work(settings, isolation):
    # bubblewrap takes no runtime: the choice alone is looked at.
    with RunnerSandbox(BubblewrapEngine(settings, as_root=True), settings) as sandbox:
        test = f"{IMPORT}def test_a():\n    assert work(4) == 8\n"
        (result,) = sandbox.run_pairs({"c": CODES["right"]}, {"t": test}, entry_point=ENTRY)
    assert (result.verdict, result.isolation) == (Verdict.PASSED, isolation)

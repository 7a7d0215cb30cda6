"""`supercharge bench sandbox`: how fast pairs run, against the way that everybody writes first.

That way, the baseline, copies a code and a test into one warm container and calls pytest there, one
pair after the other. It is measured in the same run, between the others, so that the ratios hold on a
machine with other work. Every verdict is compared with the one that is known beforehand.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.bench.machine import machine
from engine.sandbox import Sandbox, SandboxSettings, open_sandbox
from engine.sandbox.docker import DockerEngine
from engine.verdicts import Verdict

NAME = "factorial"
RIGHT = """\
def factorial(n):
    result = 1
    for k in range(2, n + 1):
        result *= k
    return result
"""
WRONG = "def factorial(n):\n    return n * (n + 1) // 2 or 1\n"
HANG = "def factorial(n):\n    while True:\n        pass\n"
ASSERTS = ((0, 1), (1, 1), (2, 2), (3, 6), (5, 120), (6, 720))

FULL, PLAIN = "full pytest", "plain path"
_TIMEOUT_S = 10.0
_HANG_S = 1.0
_FLAT_PAIRS = 100_000


def run(settings: SandboxSettings, *, quick: bool) -> dict[str, Any]:
    """Measure; the result is what `report` prints and what `--json` writes.

    Rates are pairs per second, times seconds, memory MiB. Needs Docker, for the baseline.
    """
    settings = replace(settings, engine="docker")
    rounds = 3 if quick else 8
    baseline = _Baseline(settings)
    try:
        baseline.measure(rounds)
        ways = []
        for path, size, workers in _plan(quick):
            chosen = replace(settings, separate=path == PLAIN, workers=workers)
            ways.append(_way(chosen, path, size, workers))
            baseline.measure(rounds)
        rate = baseline.rate
        return {
            "machine": machine(),
            "sandbox": baseline.description,
            "baseline": {"pairs": baseline.pairs, "pairs_per_s": rate},
            "ways": [way | {"ratio": way["pairs_per_s"] / rate} for way in ways],
            "hang": {
                path: _hang(replace(settings, separate=path == PLAIN)) for path in (FULL, PLAIN)
            },
            "memory": _memory(settings, 4096 if quick else _FLAT_PAIRS),
        }
    finally:
        baseline.close()


def _plan(quick: bool) -> Iterator[tuple[str, int, int]]:
    """Path, codes and tests each, workers."""
    for workers in (1, 2):
        yield FULL, 8, workers
    if not quick:
        yield FULL, 32, 2
    for size in (8, 32) if quick else (8, 32, 64, 128):
        for workers in (1, 2):
            yield PLAIN, size, workers


class _Baseline:
    """Two files into one container and pytest there, pair by pair."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._engine = DockerEngine(settings)
        self._container = self._engine.idle()
        self.description = self._engine.description
        self.pairs, self._seconds = 0, 0.0

    def measure(self, pairs: int) -> None:
        started = time.perf_counter()
        for number in range(pairs):
            right = number % 2 == 0
            files = {f"{NAME}.py": RIGHT if right else WRONG, "test_it.py": _test(number)}
            self._container.put_archive("/", _archive(files))
            command = ["/usr/local/bin/python3", "-B", "-m", "pytest", "-q", "/pair/test_it.py"]
            code, output = self._container.exec_run(command, workdir="/pair")
            if (code == 0) is not right:
                raise AssertionError(f"the baseline is wrong: {output!r}")
        self._seconds += time.perf_counter() - started
        self.pairs += pairs

    @property
    def rate(self) -> float:
        return self.pairs / self._seconds

    def close(self) -> None:
        self._container.remove(force=True)
        self._engine.close()


def _archive(files: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"pair/{name}")
            # A file of the same second would run the bytecode of the one before it.
            info.size, info.mtime = len(text.encode()), time.time_ns() // 1_000_000
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def _test(number: int) -> str:
    asserts = "".join(f"    assert {NAME}({n}) == {value}\n" for n, value in ASSERTS)
    return f"from {NAME} import {NAME}\n\n\ndef test_{NAME}():\n{asserts}    # {number}\n"


def _way(settings: SandboxSettings, path: str, size: int, workers: int) -> dict[str, Any]:
    """One size on one path: with the start of the container, and then warm."""
    started = time.perf_counter()
    with open_sandbox(settings) as sandbox:
        mismatches = _run(sandbox, size)
        with_start_s = time.perf_counter() - started
        started = time.perf_counter()
        mismatches += _run(sandbox, size)
        seconds = time.perf_counter() - started
    return {
        "path": path,
        "size": size,
        "workers": workers,
        "seconds": seconds,
        "with_start_s": with_start_s,
        "pairs_per_s": size * size / seconds,
        "mismatches": mismatches,
    }


def _run(sandbox: Sandbox, size: int) -> int:
    """Run `size` codes, every other one right, against `size` tests; how many verdicts are wrong."""
    codes = {f"{n}": (WRONG if n % 2 else RIGHT) + f"# {n}\n" for n in range(size)}
    tests = {f"{n}": _test(n) for n in range(size)}
    seen = wrong = 0
    for result in sandbox.run_pairs(codes, tests, entry_point=NAME, timeout_s=_TIMEOUT_S):
        expected = Verdict.FAILED if int(result.code_id) % 2 else Verdict.PASSED
        seen, wrong = seen + 1, wrong + (result.verdict is not expected)
    return wrong + size * size - seen


def _hang(settings: SandboxSettings) -> dict[str, float]:
    """What a pair that hangs costs: the best of three, since the machine may have other work."""
    with open_sandbox(settings) as sandbox:
        _run(sandbox, 1)
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            list(
                sandbox.run_pairs({"h": HANG}, {"t": _test(0)}, entry_point=NAME, timeout_s=_HANG_S)
            )
            seconds.append(time.perf_counter() - started)
    return {"timeout_s": _HANG_S, "seconds": min(seconds), "worst_s": max(seconds)}


def _memory(settings: SandboxSettings, pairs: int) -> list[dict[str, float]]:
    """Memory of this process and of the runner, over `pairs` pairs of 32 codes and 32 tests."""
    found = []
    with open_sandbox(settings) as sandbox:
        done = 0
        while done < pairs:
            # The first look comes after a round: what is made once is made by then.
            for _ in range(max(1, pairs // 5 // 1024)):
                _run(sandbox, 32)
                done += 1024
            found.append(
                {"pairs": done, "host_mib": _resident_mib(), "runner_mib": _runner_mib(sandbox)}
            )
    return found


def _resident_mib() -> float:
    return _resident(Path("/proc/self/status").read_text(encoding="utf-8")) / 1024


def _resident(status: str) -> int:
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def _runner_mib(sandbox: Sandbox) -> float:
    """Of process 1 in the sandbox, which a test may ask the kernel for: its failure says it."""
    read = "open('/proc/1/status').read().split('VmRSS:')[1].split()[0]"
    code = f"def resident():\n    return int({read})\n"
    test = "from resident import resident\n\n\ndef test_it():\n    assert resident() == 0\n"
    (result,) = sandbox.run_pairs({"c": code}, {"t": test}, entry_point="resident")
    return int(result.message.split()[1]) / 1024


def report(result: dict[str, Any], console: Console) -> None:
    """Print the tables, and the machine it was measured on."""
    console.print(result["machine"], highlight=False)
    console.print(result["sandbox"], highlight=False)
    table = Table(title="pairs of a factorial and a test of six asserts")
    for heading in (
        "",
        "codes × tests",
        "workers",
        "pairs/s",
        "ratio",
        "s",
        "s with start",
        "wrong",
    ):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    baseline = result["baseline"]
    rate, pairs = f"{baseline['pairs_per_s']:.2f}", str(baseline["pairs"])
    table.add_row("copy, exec pytest", pairs, "1", rate, "1", "", "", "0")
    for way in result["ways"]:
        table.add_row(
            way["path"],
            f"{way['size']} × {way['size']}",
            str(way["workers"]),
            f"{way['pairs_per_s']:.1f}",
            f"{way['ratio']:.0f}",
            f"{way['seconds']:.2f}",
            f"{way['with_start_s']:.2f}",
            str(way["mismatches"]),
        )
    console.print(table)
    for path, hang in result["hang"].items():
        over, worst = hang["seconds"] - hang["timeout_s"], hang["worst_s"] - hang["timeout_s"]
        console.print(
            f"a hanging pair, {path}: {1000 * over:.0f} ms over its timeout of "
            f"{hang['timeout_s']:g} s, at worst {1000 * worst:.0f} ms",
            highlight=False,
        )
    for point in result["memory"]:
        console.print(
            f"memory after {point['pairs']:.0f} pairs: host {point['host_mib']:.1f} MiB, "
            f"runner {point['runner_mib']:.1f} MiB",
            highlight=False,
        )

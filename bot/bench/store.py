"""`supercharge bench store`: how fast a pool grows in the store, and what it costs to read it back.

The baseline is the pool's file, JSON Lines, with the same entries. Every append is durable in both. The
loads are in processes of their own, so that the memory is that of the pool and not of what made it.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.bench.machine import machine
from bot.store import open_store
from engine import poolfile
from engine.candidates import Candidate, Entry, Kind, Pool
from engine.spec import FunctionSpec
from engine.verdicts import PairResult, Verdict

SPEC = FunctionSpec("f", "def f(x):", "Return x.", "def f(x): ...\n", (), "f.py")
BATCH = 100
AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Size:
    """`side` codes meet `side` tests; the other candidates have met nothing yet."""

    candidates: int
    side: int
    appends: int


FULL = Size(candidates=10_000, side=1_000, appends=1_000)
QUICK = Size(candidates=400, side=50, appends=50)


def run(*, quick: bool = False, url: str | None = None) -> dict[str, Any]:
    """Seconds, rates per second, MiB. `url` is a database to measure instead of a new SQLite file."""
    size = QUICK if quick else FULL
    with tempfile.TemporaryDirectory(prefix="supercharge-bench-") as folder:
        database = url or f"sqlite:///{folder}/store.db"
        path = Path(folder) / "pool.jsonl"
        with open_store(database) as store:
            pool_id = store.create_pool(SPEC)
            rows = [
                _measured("store", size, lambda entries: store.append(pool_id, entries)),
            ]
        with poolfile.PoolWriter(path, SPEC) as writer:
            rows.append(_measured("file", size, writer.append))
        rows[0] |= _in_a_process(_load_from_store, database, pool_id)
        rows[1] |= _in_a_process(_load_from_file, str(path))
        kept = Path(folder) / "store.db"
        rows[0]["disk_mib"] = _mib(kept.stat().st_size) if kept.exists() else None
        rows[1]["disk_mib"] = _mib(path.stat().st_size)
    backend = "sqlite" if url is None else url.partition(":")[0]
    counts = {"candidates": size.candidates, "results": size.side**2}
    return {"machine": machine(), "backend": backend, **counts, "rows": rows}


def report(result: dict[str, Any], console: Console) -> None:
    """The store and the file beside each other."""
    title = f"a pool of {result['candidates']:,} candidates and {result['results']:,} results"
    table = Table(title=f"{title} ({result['backend']})", caption=result["machine"])
    table.add_column("")
    for row in result["rows"]:
        table.add_column(row["kind"], justify="right")
    for key, name in _LINES.items():
        cells = [row.get(key) for row in result["rows"]]
        table.add_row(name, *("" if cell is None else f"{cell:,.1f}" for cell in cells))
    console.print(table)


_LINES = {
    "appends_per_s": "appends of one entry, per second",
    "batched_per_s": f"entries in appends of {BATCH}, per second",
    "fill_s": f"seconds to append all, {AT_ONCE:,} at once",
    "fill_cpu_s": "  of processor time in this process",
    "load_s": "seconds to load it",
    "load_cpu_s": "  of processor time in this process",
    "load_mib": "MiB that the loaded pool takes",
    "peak_mib": "MiB at the peak of loading",
    "disk_mib": "MiB on disk",
}


def _measured(kind: str, size: Size, append: Callable[[list[Entry]], object]) -> dict[str, Any]:
    """Append everything: some of it one by one, some in batches, and the rest in large ones."""
    entries = _entries(size)
    started = time.perf_counter()
    for entry in islice(entries, size.appends):
        append([entry])
    single = time.perf_counter() - started
    started = time.perf_counter()
    batches = max(size.appends // BATCH, 1)
    for _ in range(batches):
        append(list(islice(entries, BATCH)))
    batched = time.perf_counter() - started
    started, cpu = time.perf_counter(), time.process_time()
    while batch := list(islice(entries, AT_ONCE)):
        append(batch)
    return {
        "kind": kind,
        "appends_per_s": size.appends / single,
        "batched_per_s": batches * BATCH / batched,
        "fill_s": time.perf_counter() - started,
        "fill_cpu_s": time.process_time() - cpu,
    }


def _entries(size: Size) -> Iterator[Entry]:
    """As a search leaves them: two of three pairs pass, the others fail in words that many share."""
    ids: dict[Kind, list[str]] = {Kind.CODE: [], Kind.TEST: []}
    for number in range(size.candidates):
        kind = Kind.CODE if number % 2 == 0 else Kind.TEST
        body = f"def f(x):\n    y = x + {number}\n    return y - {number}\n"
        source = body if kind is Kind.CODE else f"from f import f\n\n\ndef test_f():\n{body}"
        made = Candidate(kind, source, raw=f"```python\n{source}```\n" * 2, logprob=-0.25)
        ids[kind].append(made.id)
        yield made
    for i, code in enumerate(ids[Kind.CODE][: size.side]):
        for j, test in enumerate(ids[Kind.TEST][: size.side]):
            if (i + j) % 3 == 0:
                said = f"assert {i % 50} == {j % 50}"
                failed = Verdict.FAILED
                yield PairResult(
                    code, test, failed, 0.01, "AssertionError", said, f"E  {said}\n" * 5
                )
            else:
                yield PairResult(code, test, Verdict.PASSED, 0.01)


def _in_a_process(load: Callable[..., dict[str, float]], *arguments: str) -> dict[str, float]:
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as executor:
        return executor.submit(load, *arguments).result()


def _load_from_store(url: str, pool_id: str) -> dict[str, float]:
    with open_store(url) as store:
        return _loaded(lambda: store.load_pool(pool_id))


def _load_from_file(path: str) -> dict[str, float]:
    return _loaded(lambda: poolfile.load(Path(path))[1])


def _loaded(load: Callable[[], Pool]) -> dict[str, float]:
    before, started, cpu = _resident(), time.perf_counter(), time.process_time()
    pool = load()
    seconds, busy = time.perf_counter() - started, time.process_time() - cpu
    taken = _resident() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    assert pool.results
    return {
        "load_s": seconds,
        "load_cpu_s": busy,
        "load_mib": _mib(taken),
        "peak_mib": _mib(peak),
    }


def _resident() -> int:
    """Bytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def _mib(count: float) -> float:
    return count / 2**20

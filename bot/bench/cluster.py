"""`supercharge bench cluster`: asks per second on 1 to 1000 nodes, and which part is busy first.

What a worker costs per reply and per result is measured here, on a real search whose model and sandbox
take no time; the rest are figures measured before (docs/operations.md says how), and one that is
assumed: how fast a node's cards write. Then a cluster is played with them.
"""

from __future__ import annotations

import dataclasses
import math
import pickle
import random
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.bench.cleanup import load_problems
from bot.bench.cleanup_formats import DAMAGES
from bot.bench.machine import machine
from bot.bench.queueing import Figures, Outcome, Part, simulate
from engine.candidates import STUB
from engine.cleanup import clean
from engine.llm.base import Completion, FinishReason, Prompt
from engine.llm.scripted import ScriptedModel
from engine.policy import Budget
from engine.search import Search
from engine.search import Settings as SearchSettings
from engine.spec import FunctionSpec
from engine.verdicts import Isolation, PairResult, Verdict

NODES = (1, 4, 32, 128, 1000)
STORED_S = 0.00005
"""Of a worker's processor time for a result: writing it to PostgreSQL, beside others in one append."""
BATCH = 16
TOKENS_PER_REPLY = 120
CALLS_PER_HOUR = 5000
"""GitHub's limit for one installation; up to 15,000 on its enterprise plan."""
WRITES_PER_HOUR = 500
"""GitHub's secondary limit on requests that make content."""

SPEC = FunctionSpec(
    "f", "def f(x):", "Return x.", 'def f(x):\n    """Return x."""\n    ...\n', (), "f.py"
)


def run(quick: bool = False, *, tokens_per_s: float = 1000.0) -> dict[str, Any]:
    """Play every size of cluster. `tokens_per_s` is what a node's cards write, all samples together."""
    figures = dataclasses.replace(measured(quick), card_s=TOKENS_PER_REPLY / tokens_per_s)
    rows = [_row(figures, nodes, quick) for nodes in NODES]
    return {
        "machine": machine(),
        "tokens_per_s": tokens_per_s,
        "completion_bytes": completion_bytes(),
        "figures": dataclasses.asdict(figures),
        "rows": rows,
    }


def report(result: dict[str, Any], console: Console) -> None:
    """A line for each size, with every part's share of time that it is busy.

    Under GitHub is how many installations of the App it takes before its limits hold nothing up.
    """
    title = f"a worker and {result['tokens_per_s']:,.0f} tokens/s on every node"
    table = Table(title=title, caption=result["machine"])
    for name in ("nodes", "asks/s", "busiest", *Part, "GitHub"):
        table.add_column(str(name), justify="right")
    for row in result["rows"]:
        shares = [f"{row['busy'][part.value]:.0%}" for part in Part]
        counts = (f"{row['nodes']:,}", f"{row['asks_per_s']:,.1f}", row["busiest"])
        table.add_row(*counts, *shares, f"{row['installations']:,}")
    console.print(table)
    worker = result["figures"]
    console.print(
        f"a worker's processor time: {1000 * worker['reply_s']:.1f} ms per reply, "
        f"{1000 * worker['result_s']:.2f} ms per result; "
        f"{result['completion_bytes']:,} bytes per reply on the wire"
    )


def measured(quick: bool) -> Figures:
    """The figures, with a worker's own from here.

    What a search costs beside cleaning comes from two that differ in their pairs alone; what cleaning
    costs, from replies that are damaged as those of models are (`supercharge bench cleanup`).
    """
    few, many = _Idle(), _Idle()
    asks = 1 if quick else 2
    short = _searched(few, asks=asks, asserts=1)
    long = _searched(many, asks=asks, asserts=12)
    result_s = max(long - short, 0.0) / max(many.pairs - few.pairs, 1)
    replies = 2 * BATCH * asks
    search_s = max(short - few.pairs * result_s, 0.0) / replies
    known = Figures()
    reply_s = search_s + _cleaning_s(_damaged(quick)) + known.stream_s
    return dataclasses.replace(known, reply_s=reply_s, result_s=result_s + STORED_S)


def installations(outcome: Outcome, figures: Figures) -> int:
    """How many installations of the App it takes before GitHub's limits hold nothing up."""
    searches_per_hour = 3600 * outcome.asks_per_s / figures.asks_per_search
    calls = searches_per_hour * figures.calls_per_search / CALLS_PER_HOUR
    writes = searches_per_hour * figures.writes_per_search / WRITES_PER_HOUR
    return math.ceil(max(calls, writes))


def completion_bytes() -> int:
    """What one reply weighs on its way from a replica: text, tokens and log-probabilities."""
    tokens = tuple(f" tok{index % 97}" for index in range(TOKENS_PER_REPLY))
    logprobs = tuple(-0.01 * index for index in range(TOKENS_PER_REPLY))
    return len(pickle.dumps(Completion("".join(tokens), FinishReason.STOP, tokens, logprobs)))


def _damaged(quick: bool) -> list[tuple[str, str]]:
    """Replies of a model with ordinary faults, each with the function's name."""
    problems = load_problems()[:: 16 if quick else 4]
    found = []
    for number, problem in enumerate(problems):
        kind = list(DAMAGES)[number % len(DAMAGES)]
        text = DAMAGES[kind](random.Random(number), problem.solution)
        if text is not None:
            found.append((text, problem.entry_point))
    return found


def _cleaning_s(replies: Sequence[tuple[str, str]]) -> float:
    """Processor time of cleaning one reply, on average."""
    started = time.process_time()
    for text, entry_point in replies:
        clean(text, entry_point=entry_point)
    return (time.process_time() - started) / len(replies)


def _row(figures: Figures, nodes: int, quick: bool) -> dict[str, Any]:
    seconds = 30.0 if quick else 300.0 if nodes <= 128 else 120.0
    outcome = simulate(figures, nodes, seconds=seconds)
    return {
        "nodes": nodes,
        "asks_per_s": outcome.asks_per_s,
        "busiest": outcome.busiest.value,
        "busy": {part.value: share for part, share in outcome.busy.items()},
        "installations": installations(outcome, figures),
    }


class _Idle:
    """A `Sandbox` that knows every verdict without running anything: what it costs is the worker's."""

    description = "none"
    warnings = ()

    def __init__(self) -> None:
        self.pairs = 0

    def run_pairs(
        self,
        codes: Mapping[str, str],
        tests: Mapping[str, str],
        *,
        entry_point: str,
        timeout_s: float = 10.0,
        pairs: Collection[tuple[str, str]] | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[PairResult]:
        for code, test in pairs or [(c, t) for c in codes for t in tests]:
            self.pairs += 1
            # Half of the codes pass half of the tests: nothing convinces, so the whole budget is spent.
            passed = test == "probe" or (
                code != STUB and (int(code[:4], 16) + int(test[:4], 16)) % 2
            )
            verdict = Verdict.PASSED if passed else Verdict.FAILED
            said = "" if passed else "assert 1 == 2"
            yield PairResult(
                code, test, verdict, 0.01, "" if passed else "AssertionError", said,
                isolation=Isolation.SEPARATE,
            )  # fmt: skip

    def confirm(self, pair: tuple[str, str], *_: object, **__: object) -> PairResult:
        return PairResult(*pair, Verdict.PASSED, 0.01)

    def close(self) -> None: ...


def _searched(sandbox: _Idle, *, asks: int, asserts: int) -> float:
    """Seconds of processor time that a search takes with so many asks of each kind."""
    count = BATCH * asks
    codes = [f"\n    y = x + {n}\n    return y - {n}\n```\nThis is f.\n" for n in range(count)]
    tests = [
        "".join(f"    assert f({16 * n + k}) == {k}\n" for k in range(asserts)).lstrip() + "```\n"
        for n in range(count)
    ]

    def replies(prompt: Prompt) -> list[str]:
        asks_for_a_test = "def test_f():" in prompt.text[-60:]
        return [text.removeprefix("assert f(") for text in tests] if asks_for_a_test else codes

    budget = Budget(
        candidates=count, tests=count, code_batch=BATCH, test_batch=BATCH, threshold=1.0
    )
    task = Search(SPEC, ScriptedModel(replies, chat=True), sandbox, budget, SearchSettings(seed=0))  # type: ignore[arg-type]
    started = time.process_time()
    task.run()
    return time.process_time() - started

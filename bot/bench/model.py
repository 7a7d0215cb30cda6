"""`supercharge bench model`: how fast the model samples and judges, against named baselines.

One run, one process: every figure is measured beside what it is compared with, so the ratios hold
on a machine whose speed nobody knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from bot.bench import llamacpp
from bot.bench.llamacpp import LlamaCpp
from bot.bench.machine import machine
from bot.bench.model_asks import (
    CODE_ASK,
    CODE_PREFILL,
    CODE_STOP,
    JUDGE_ASK,
    JUDGE_PREFILL,
    TEST_ASK,
    TEST_PREFILL,
)
from engine.llm import LanguageModel, ModelSettings
from engine.llm.base import Message, Prompt, SamplingParams
from engine.llm.embedded import find_gguf
from engine.llm.environment import prepare
from engine.llm.settings import EMBEDDED

if TYPE_CHECKING:
    from engine.llm.transformers import TransformersModel

ONE_AT_A_TIME = "one query at a time"
FIRST = 8
"""How many candidates are "the first": about as many as a search can begin to choose among."""
SCORES = tuple(f"{tenth / 10:.1f}" for tenth in range(11))


class Part(StrEnum):
    """What can be measured alone."""

    SAMPLING = "sampling"
    SHARING = "sharing"
    JUDGING = "judging"


def run(
    quick: bool,
    settings: ModelSettings | None = None,
    *,
    parts: Collection[Part] = tuple(Part),
    rounds: int = 2,
) -> dict[str, Any]:
    """Measure; the result is what `report` prints and what `--json` writes.

    Rates are tokens, completions or judgements per second; times are seconds; memory is in MiB.
    `quick` measures less of everything, once; else sampling is measured so many `rounds`, and the
    best of each way counts.
    """
    settings = settings or ModelSettings()
    threads = prepare(settings.threads)
    started = time.perf_counter()
    from engine.llm.transformers import load  # heavy: only when it is measured

    model = load(settings, threads=threads)
    load_s = time.perf_counter() - started
    result: dict[str, Any] = {"machine": _machine(threads), "model": model.name, "load_s": load_s}
    try:
        if Part.SAMPLING in parts:
            llama = _llama(settings, threads)
            result["sampling"] = _sampling(model, llama, quick=quick, rounds=rounds)
        if Part.SHARING in parts:
            result["sharing"] = _sharing(model, quick=quick)
        if Part.JUDGING in parts:
            result["judging"] = _judging(model, quick=quick)
        result["memory_mib"] = _resident_mib()
    finally:
        model.close()
    return result


def _llama(settings: ModelSettings, threads: int) -> LlamaCpp | str:
    """llama.cpp with the same weights, or why it is not measured."""
    if settings.model != EMBEDDED:
        return "llama.cpp: only the embedded model has a GGUF file here"
    if not llamacpp.available():
        return f"llama.cpp: not installed; {llamacpp.INSTALL}"
    return LlamaCpp(find_gguf(), threads=threads, sequences=32, context=8192)


def _sampling(
    model: TransformersModel, llama: LlamaCpp | str, *, quick: bool, rounds: int
) -> dict[str, Any]:
    from engine.llm.transformers import continuous_batching, plain_generate

    prompt = _prompt(model, CODE_ASK, CODE_PREFILL)
    batches = (1, 8) if quick else (1, 8, 32)
    rounds = 1 if quick else rounds
    singles = 2 if quick else FIRST
    most = max(batches)

    def params(n: int, seed: int) -> SamplingParams:
        return SamplingParams(n=n, max_tokens=32 if quick else 48, stop=CODE_STOP, seed=seed)

    def batched(n: int, seed: int) -> dict[str, float]:
        model.forget_prompts()
        started = time.perf_counter()
        finished, tokens = [], 0
        for completion in model.complete(prompt, params(n, seed)):
            finished.append(time.perf_counter() - started)
            tokens += len(completion.tokens)
        return _sampled(tokens, finished)

    def one_at_a_time(seed: int) -> dict[str, float]:
        finished, tokens = [0.0], 0.0
        for query in range(singles):
            alone = batched(1, seed * singles + query)
            finished.append(finished[-1] + alone["seconds"])
            tokens += alone["tokens"]
        return _sampled(tokens, finished[1:])

    def generated(seed: int) -> dict[str, float]:
        started = time.perf_counter()
        tokens = sum(plain_generate(model, prompt, params(most, seed)))
        return _sampled(tokens, [time.perf_counter() - started] * most)

    def by_the_library(seed: int) -> dict[str, float]:
        found = continuous_batching(model, prompt, params(most, seed))
        return _sampled(found.tokens, found.finished)

    def by_llama(n: int, seed: int) -> dict[str, float]:
        assert isinstance(llama, LlamaCpp)
        rate = llama.sample(model.encode(prompt.text), n=n, tokens=params(n, seed).max_tokens)
        return _sampled(rate.tokens, [rate.seconds] * n)

    batched(2, 0)  # the first pass of a process pays for what is set up lazily
    ways: dict[str, Callable[[int], dict[str, float]]] = {
        ONE_AT_A_TIME: one_at_a_time,
        f"plain generate, {most} samples": generated,
        f"transformers' own batching, {most} samples": by_the_library,
    }
    for n in batches[1:]:
        ways[f"supercharge, {n} samples"] = partial(batched, n)
    if isinstance(llama, LlamaCpp):
        for n in batches:
            ways[f"llama.cpp, {n} samples"] = partial(by_llama, n)
    # Taking turns, so that a busy spell of the machine does not fall on one of them alone.
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for seed in range(rounds):
        for name, way in ways.items():
            runs[name].append(way(seed))
    best = {name: max(each, key=lambda run: run["tokens_per_s"]) for name, each in runs.items()}
    base = best[ONE_AT_A_TIME]
    return {
        "prompt_tokens": model.count_tokens(prompt.text),
        "rounds": rounds,
        "missing": llama if isinstance(llama, str) else "",
        "ways": {
            name: found | {"ratio": found["tokens_per_s"] / base["tokens_per_s"]}
            for name, found in best.items()
        },
    }


def _sharing(model: TransformersModel, *, quick: bool) -> dict[str, Any]:
    """An ask for codes and one for tests, one after the other and at the same time."""
    most = 24 if quick else 48
    asks = [
        (_prompt(model, CODE_ASK, CODE_PREFILL), SamplingParams(n=16, max_tokens=most, seed=1)),
        (_prompt(model, TEST_ASK, TEST_PREFILL), SamplingParams(n=12, max_tokens=most, seed=2)),
    ]

    def ask(prompt: Prompt, params: SamplingParams) -> int:
        return sum(len(completion.tokens) for completion in model.complete(prompt, params))

    def timed(work: Callable[[], int]) -> dict[str, float]:
        started = time.perf_counter()
        tokens = work()
        return _rates(sum(params.n for _, params in asks), tokens, time.perf_counter() - started)

    def both() -> int:
        with ThreadPoolExecutor(len(asks)) as pool:
            return sum(pool.map(lambda each: ask(*each), asks))

    for prompt, _ in asks:
        ask(prompt, SamplingParams(max_tokens=1))  # both prompts are known, in both cases
    alone = timed(lambda: sum(ask(*each) for each in asks))
    together = timed(both)
    ratio = together["tokens_per_s"] / alone["tokens_per_s"]
    return {
        "ways": {
            "16 codes, then 12 tests": alone | {"ratio": 1.0},
            "both at the same time": together | {"ratio": ratio},
        }
    }


def _judging(model: LanguageModel, *, quick: bool) -> dict[str, Any]:
    count = 4 if quick else 16
    codes = [f"def factorial(n):\n    return n * {number}" for number in range(count + 1)]
    warm, *prompts = [_prompt(model, JUDGE_ASK.format(code=x), JUDGE_PREFILL) for x in codes]
    # As a reply is asked for and read: a number, often with a reason after it.
    reply = SamplingParams(temperature=0, max_tokens=24)

    model.choice_logprobs([warm], SCORES)
    started = time.perf_counter()
    model.choice_logprobs(prompts, SCORES)
    by_probabilities = count / (time.perf_counter() - started)

    asked = prompts[: max(2, count // 4)]
    started = time.perf_counter()
    for prompt in asked:
        list(model.complete(prompt, reply))
    by_text = len(asked) / (time.perf_counter() - started)
    return {
        "prompt_tokens": model.count_tokens(prompts[0].text),
        "ways": {
            "by generated text, up to 24 tokens": {"judgements_per_s": by_text, "ratio": 1.0},
            f"by probabilities, {count} at once": {
                "judgements_per_s": by_probabilities,
                "ratio": by_probabilities / by_text,
            },
        },
    }


def report(result: dict[str, Any], console: Console) -> None:
    """Print the tables, and the machine it was measured on."""
    console.print(result["machine"])
    console.print(f"{result['model']}: loaded in {result['load_s']:.1f} s")
    if sampling := result.get("sampling"):
        title = f"Sampling ({sampling['prompt_tokens']} tokens of prompt)"
        figures = {"tokens_per_s": 1, "completions_per_s": 2, "first_s": 1, f"first_{FIRST}_s": 1}
        _table(console, title, sampling["ways"], **figures)
        if sampling["missing"]:
            console.print(sampling["missing"])
    if sharing := result.get("sharing"):
        _table(console, "Two asks", sharing["ways"], tokens_per_s=1, seconds=1)
    if judging := result.get("judging"):
        title = f"Judging ({judging['prompt_tokens']} tokens of prompt)"
        _table(console, title, judging["ways"], judgements_per_s=2)
    memory = result["memory_mib"]
    console.print(f"memory: {memory['now']:.0f} MiB, at most {memory['peak']:.0f} MiB")


HEADINGS = {
    "tokens_per_s": "tokens/s",
    "completions_per_s": "completions/s",
    "judgements_per_s": "judgements/s",
    "first_s": "first, s",
    f"first_{FIRST}_s": f"first {FIRST}, s",
    "seconds": "seconds",
}


def _table(console: Console, title: str, ways: dict[str, dict[str, float]], **digits: int) -> None:
    """A row for each way, with these of its figures and how many times the first one's rate it is."""
    table = Table(title=title)
    table.add_column("", no_wrap=True)
    for key in digits:
        table.add_column(HEADINGS[key], justify="right")
    table.add_column("ratio", justify="right")
    for name, way in ways.items():
        figures = [f"{way[key]:.{places}f}" if key in way else "" for key, places in digits.items()]
        table.add_row(name, *figures, f"{way['ratio']:.1f}")
    console.print(table)


def _prompt(model: LanguageModel, ask: str, prefill: str) -> Prompt:
    turn = (Message("user", ask),)
    opened = model.apply_chat_template(turn) or f"[|User|]: {ask}\n[|Coder|]: "
    return Prompt(opened + prefill, turn, prefill)


def _sampled(tokens: float, finished: Sequence[float]) -> dict[str, float]:
    """The rates of one run, by the seconds after which each completion was there."""
    first = {"first_s": finished[0]}
    if len(finished) >= FIRST:
        first[f"first_{FIRST}_s"] = finished[FIRST - 1]
    return _rates(len(finished), tokens, finished[-1]) | first


def _rates(completions: int, tokens: float, seconds: float) -> dict[str, float]:
    return {
        "seconds": seconds,
        "tokens": tokens,
        "tokens_per_s": tokens / seconds,
        "completions_per_s": completions / seconds,
    }


def _machine(threads: int) -> str:
    torch, transformers = version("torch"), version("transformers")
    return f"{machine()}, {threads} threads, torch {torch}, transformers {transformers}"


def _resident_mib() -> dict[str, float]:
    """Resident memory of this process now and at most, from the kernel's books."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {
        "now": int(fields["VmRSS"].split()[0]) / 1024,
        "peak": int(fields["VmHWM"].split()[0]) / 1024,
    }

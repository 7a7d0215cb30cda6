"""`supercharge bench model`: how fast the model samples and judges, against named baselines.

One run, one process: every figure is measured beside what it is compared with, so the ratios hold
on a machine whose speed nobody knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from bot.bench.machine import machine
from engine.llm import LanguageModel, ModelSettings
from engine.llm.base import Message, Prompt, SamplingParams
from engine.llm.environment import prepare

if TYPE_CHECKING:
    from engine.llm.transformers import TransformersModel

CODE_ASK = '''Complete the function. Answer with the code only.

For example `def add(a, b)`, "Return the sum of a and b.", is

```python
def add(a, b):
    """Return the sum of a and b."""
    return a + b
```

and `def is_even(n)`, "Tell whether n is even.", is

```python
def is_even(n):
    """Tell whether n is even."""
    return n % 2 == 0
```

Now `def factorial(n)`, "Return the factorial of n, the product of 1 to n."'''
# The prompt ends at the quotes: a newline and the indent after it are one token.
CODE_PREFILL = '''```python
def factorial(n):
    """Return the factorial of n, the product of 1 to n."""'''
CODE_STOP = ("\n```", "\ndef ")

JUDGE_ASK = """How likely is it that this function is right? Answer with one number, 0.0 to 1.0.

```python
{code}
```"""
JUDGE_PREFILL = "Score: "
ONE_AT_A_TIME = "one query at a time"
SCORES = tuple(f"{tenth / 10:.1f}" for tenth in range(11))


def run(quick: bool, settings: ModelSettings | None = None) -> dict[str, Any]:
    """Measure; the result is what `report` prints and what `--json` writes.

    Rates are tokens, completions or judgements per second; times are seconds; memory is in MiB.
    `quick` measures less of everything, once.
    """
    settings = settings or ModelSettings()
    threads = prepare(settings.threads)
    started = time.perf_counter()
    from engine.llm.transformers import load  # heavy: only when it is measured

    model = load(settings, threads=threads)
    load_s = time.perf_counter() - started
    try:
        result = {
            "machine": _machine(threads),
            "model": model.name,
            "load_s": load_s,
            "sampling": _sampling(model, quick=quick),
            "judging": _judging(model, quick=quick),
            "memory_mib": _resident_mib(),
        }
    finally:
        model.close()
    return result


def _sampling(model: TransformersModel, *, quick: bool) -> dict[str, Any]:
    from engine.llm.transformers import plain_generate

    prompt = _prompt(model, CODE_ASK, CODE_PREFILL)
    batches = (1, 8) if quick else (1, 8, 32)
    rounds = 1 if quick else 2
    singles = 2 if quick else 5
    most = max(batches)

    def params(n: int, seed: int) -> SamplingParams:
        return SamplingParams(n=n, max_tokens=32 if quick else 64, stop=CODE_STOP, seed=seed)

    def batched(n: int, seed: int) -> dict[str, float]:
        model.forget_prompts()
        started = time.perf_counter()
        first_s = tokens = 0.0
        for completion in model.complete(prompt, params(n, seed)):
            first_s = first_s or time.perf_counter() - started
            tokens += len(completion.tokens)
        return _rates(n, tokens, time.perf_counter() - started) | {"first_s": first_s}

    def one_at_a_time(seed: int) -> dict[str, float]:
        runs = [batched(1, seed * singles + query) for query in range(singles)]
        seconds = sum(each["seconds"] for each in runs)
        tokens = sum(each["tokens"] for each in runs)
        return _rates(singles, tokens, seconds) | {"first_s": runs[0]["first_s"]}

    def generated(seed: int) -> dict[str, float]:
        started = time.perf_counter()
        tokens = sum(plain_generate(model, prompt, params(most, seed)))
        seconds = time.perf_counter() - started
        return _rates(most, tokens, seconds) | {"first_s": seconds}

    batched(2, 0)  # the first pass of a process pays for what is set up lazily
    ways: dict[str, Callable[[int], dict[str, float]]] = {
        ONE_AT_A_TIME: one_at_a_time,
        f"plain generate, {most} samples": generated,
    }
    for n in batches[1:]:
        ways[f"supercharge, {n} samples"] = partial(batched, n)
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
        "ways": {
            name: found | {"ratio": found["tokens_per_s"] / base["tokens_per_s"]}
            for name, found in best.items()
        },
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
    sampling = result["sampling"]
    table = Table(title=f"Sampling ({sampling['prompt_tokens']} tokens of prompt)")
    for heading in ("", "tokens/s", "ratio", "completions/s", "first candidate, s"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=not heading)
    for name, way in sampling["ways"].items():
        table.add_row(
            name,
            f"{way['tokens_per_s']:.1f}",
            f"{way['ratio']:.1f}",
            f"{way['completions_per_s']:.2f}",
            f"{way['first_s']:.2f}",
        )
    console.print(table)
    judging = result["judging"]
    table = Table(title=f"Judging ({judging['prompt_tokens']} tokens of prompt)")
    for heading in ("", "judgements/s", "ratio"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=not heading)
    for name, way in judging["ways"].items():
        table.add_row(name, f"{way['judgements_per_s']:.2f}", f"{way['ratio']:.1f}")
    console.print(table)
    memory = result["memory_mib"]
    console.print(f"memory: {memory['now']:.0f} MiB, at most {memory['peak']:.0f} MiB")


def _prompt(model: LanguageModel, ask: str, prefill: str) -> Prompt:
    turn = (Message("user", ask),)
    opened = model.apply_chat_template(turn) or f"[|User|]: {ask}\n[|Coder|]: "
    return Prompt(opened + prefill, turn, prefill)


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

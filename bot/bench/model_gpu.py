"""`supercharge bench model --gpu`: how near to the card's roofs a large model's batch comes.

Random weights in the shape of a real model, at each precision that fits, on one card and, where there
are more, spread over all: nothing is downloaded. The roofs are measured in the same process, on one
card, since of a model that is spread only one card works at a time. Reading the weights once for a
token binds few samples, multiplying binds many. transformers' own continuous batching does the same
with the same weights.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from bot.bench.machine import machine
from bot.bench.shapes import SHAPES
from engine.errors import BadInput, ModelUnavailable
from engine.llm.base import Prompt, SamplingParams
from engine.llm.memory import DTYPE_BYTES, MemorySum, ModelShape, usable
from engine.llm.settings import ModelSettings

if TYPE_CHECKING:
    from engine.llm.transformers import TransformersModel
    from engine.llm.transformers.unlearnt import Roof

LARGEST = "Qwen/Qwen2.5-Coder-32B-Instruct"
MANY = 64

RATIO, SHARE = 20, 0.6
"""What is aimed at: so many times one query at a time, and this part of the roof that binds."""


def shape_named(name: str) -> Mapping[str, Any]:
    """Raises BadInput for a model whose shape is not known here."""
    found = [words for known, words in SHAPES.items() if name.lower() in known.lower()]
    if len(found) != 1:
        raise BadInput(f"--shape {name}: known are {', '.join(SHAPES)}")
    return found[0]


@dataclass(frozen=True, slots=True)
class Load:
    """What each model is asked for: `samples` of one prompt, each of `written` tokens, against one."""

    samples: int = MANY
    prompt_tokens: int = 1000
    written: int = 128


def run(
    config: Mapping[str, Any],
    *,
    quick: bool,
    settings: ModelSettings,
    quantizations: Sequence[str] = ("none", "int8", "int4"),
    load: Load | None = None,
    roof_size: int = 8192,
) -> dict[str, Any]:
    """Measure each precision that fits: tokens per second of one sample and of many, and the roofs.

    Raises ModelUnavailable where none fits.
    """
    from engine.llm.transformers import unlearnt

    load = load or Load()
    if quick:
        load = dataclasses.replace(load, written=min(load.written, 24))
    tokenizer = unlearnt.embedded_tokenizer(settings)
    roof = unlearnt.measure_roof(settings, size=roof_size)
    shape = ModelShape.of(config)
    everywhere = unlearnt.all_devices()
    ways: dict[str, Any] = {}
    for devices in [everywhere[:1], everywhere] if len(everywhere) > 1 else [everywhere]:
        for quantization in quantizations:
            asked = dataclasses.replace(settings, quantization=quantization)
            dtype = _dtype(asked)
            needed = MemorySum.of(asked, shape, dtype)
            name = _way(quantization if quantization != "none" else dtype, len(devices))
            free = unlearnt.free_bytes(devices)
            if free is not None and needed.total > usable(free):
                ways[name] = {"skipped": f"needs {needed.total / 1e9:.0f} GB of {free / 1e9:.0f}"}
                continue
            model = unlearnt.unlearnt(config, asked, tokenizer, name=_title(shape), devices=devices)
            try:
                ours = _measure(model, load)
                shares = _shares(ours["many"] / load.samples, needed, config, roof, load, dtype)
                ways[name] = ours | shares | _by_the_library(model, load, ours["many"])
            finally:
                model.close()
                del model
                unlearnt.release()
    if all("skipped" in way for way in ways.values()):
        raise ModelUnavailable(
            f"no precision of the shape {_title(shape)} fits: {ways}",
            remedy="supercharge bench model --gpu --shape 7B",
        )
    return {
        "machine": f"{machine()}, {unlearnt.hardware()}",
        "shape": _title(shape),
        "samples": load.samples,
        "prompt_tokens": load.prompt_tokens,
        "roof": {"gb_per_s": roof.bytes_per_s / 1e9, "tflops": roof.flops_per_s / 1e12},
        "ways": ways,
    }


def _way(precision: str, devices: int) -> str:
    return precision if devices == 1 else f"{precision}, {devices} cards"


def _dtype(settings: ModelSettings) -> str:
    from engine.llm.transformers.loading import dtype_name, resolve_dtype

    return dtype_name(resolve_dtype(settings))


def _title(shape: ModelShape) -> str:
    return f"{shape.parameters / 1e9:.3g}B"


def _prompt(load: Load) -> Prompt:
    return Prompt("word " * (load.prompt_tokens - 1))


def _measure(model: TransformersModel, load: Load) -> dict[str, float]:
    """Tokens per second while all rows are written, the prompt having been read before."""
    prompt = _prompt(load)
    warm = SamplingParams(n=load.samples, max_tokens=2, seed=0)
    list(model.complete(prompt, warm))  # and the prompt is read

    def rate(n: int) -> float:
        started = time.perf_counter()
        params = SamplingParams(n=n, max_tokens=load.written, seed=1)
        tokens = sum(len(done.tokens) for done in model.complete(prompt, params))
        return tokens / (time.perf_counter() - started)

    one, many = rate(1), rate(load.samples)
    return {"one": one, "many": many, "ratio": many / one}


def _shares(
    steps: float,
    needed: MemorySum,
    config: Mapping[str, Any],
    roof: Roof,
    load: Load,
    dtype: str,
) -> dict[str, float]:
    """Of what one card reads and multiplies in a second, the part that so many steps a second use."""
    # Each token reads all weights once, the prompt's cache once, and each row's own.
    context = needed.kv_per_token * (load.prompt_tokens + load.samples * load.written / 2)
    shape, embeddings = ModelShape.of(config), config["vocab_size"] * config["hidden_size"]
    looked_up = 0 if config["tie_word_embeddings"] else embeddings  # a row of it for each token
    read = needed.weights - looked_up * DTYPE_BYTES[dtype] + context
    multiplied = 2 * (shape.linear + shape.fused + embeddings) * load.samples
    return {
        "bandwidth_share": read * steps / roof.bytes_per_s,
        "compute_share": multiplied * steps / roof.flops_per_s,
    }


def _by_the_library(model: TransformersModel, load: Load, ours: float) -> dict[str, Any]:
    """The same ask by transformers' continuous batching, or why not."""
    from engine.llm.transformers import continuous_batching, unlearnt

    model.forget_prompts()
    unlearnt.release()
    params = SamplingParams(n=load.samples, max_tokens=load.written, seed=1)
    try:
        found = continuous_batching(model, _prompt(load), params, known=True)
    except ModelUnavailable as error:
        return {"library_missing": str(error)}
    rate = found.tokens / found.seconds
    return {"library": rate, "library_ratio": rate / ours, "library_attention": found.attention}


def report(result: dict[str, Any], console: Console) -> None:
    """Print the table, and the machine it was measured on."""
    console.print(result["machine"])
    roof = result["roof"]
    console.print(
        f"roofs, measured: {roof['gb_per_s']:.0f} GB/s read, {roof['tflops']:.1f} TFLOP/s"
    )
    title = f"{result['shape']}, random weights, {result['prompt_tokens']} tokens of prompt"
    table = Table(title=title)
    many = f"tokens/s, {result['samples']} samples"
    for heading in ("", "tokens/s, 1", many, "ratio", "of the bandwidth", "of the multiplications"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_column("transformers' own batching, tokens/s", justify="right")
    for name, way in result["ways"].items():
        if "skipped" in way:
            table.add_row(name, way["skipped"])
            continue
        library = f"{way['library']:.1f}" if "library" in way else "not measured"
        table.add_row(
            name,
            f"{way['one']:.1f}",
            f"{way['many']:.1f}",
            f"{way['ratio']:.1f}",
            f"{way['bandwidth_share']:.0%}",
            f"{way['compute_share']:.0%}",
            library,
        )
    console.print(table)
    for line in conclusions(result):
        console.print(line)


def conclusions(result: Mapping[str, Any]) -> list[str]:
    """What follows from the figures, a line each: precisions, cards, and whose batching is faster."""
    measured = {name: way for name, way in result["ways"].items() if "skipped" not in way}
    lines = []
    first, *others = measured
    for name in others:
        one, many = (measured[name][key] / measured[first][key] for key in ("one", "many"))
        lines.append(
            f"{name} against {first}: {one:.2f} of its tokens/s for one sample, {many:.2f} for many"
        )
    for name, way in measured.items():
        roof = max(way["bandwidth_share"], way["compute_share"])
        lines.append(
            f"{name}: {way['ratio']:.1f} × one query at a time"
            f" ({_aim(way['ratio'], RATIO)} of {RATIO}),"
            f" {roof:.0%} of the roof that binds ({_aim(roof, SHARE)} of {SHARE:.0%})"
        )
        if "library_missing" in way:
            lines.append(f"{name}: transformers' own batching: {way['library_missing']}")
        else:
            wins = "wins" if way["library_ratio"] > 1 else "does not win"
            lines.append(
                f"{name}: transformers' own batching ({way['library_attention']}) {wins}: "
                f"{way['library_ratio']:.2f} of our tokens/s"
            )
    return lines


def _aim(found: float, aim: float) -> str:
    return "over the aim" if found >= aim else "under the aim"

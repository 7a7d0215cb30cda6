"""`supercharge bench model --gpu`: how near to the card's roofs a large model's batch comes.

Random weights in the shape of a real model, at each precision that fits: nothing is downloaded. The
roofs are measured in the same process. Reading the weights once for a token binds few samples,
multiplying binds many.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
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


def shape_named(name: str) -> Mapping[str, Any]:
    """Raises BadInput for a model whose shape is not known here."""
    found = [words for known, words in SHAPES.items() if name.lower() in known.lower()]
    if len(found) != 1:
        raise BadInput(f"--shape {name}: known are {', '.join(SHAPES)}")
    return found[0]


def run(
    config: Mapping[str, Any],
    *,
    quick: bool,
    settings: ModelSettings,
    quantizations: Sequence[str] = ("none", "int8"),
    samples: int = MANY,
    prompt_tokens: int = 1000,
    written: int = 128,
    roof_size: int = 8192,
) -> dict[str, Any]:
    """Measure each precision that fits: tokens per second of one sample and of many, and the roofs.

    Raises ModelUnavailable where none fits.
    """
    from engine.llm.transformers import unlearnt

    if quick:
        written = min(written, 24)
    tokenizer = unlearnt.embedded_tokenizer(settings)
    roof = unlearnt.measure_roof(settings, size=roof_size)
    shape = ModelShape.of(config)
    free = unlearnt.free_bytes()
    ways: dict[str, Any] = {}
    for quantization in quantizations:
        asked = dataclasses.replace(settings, quantization=quantization)
        needed = MemorySum.of(asked, shape, _dtype(asked))
        name = quantization if quantization != "none" else _dtype(asked)
        if free is not None and needed.total > usable(free):
            ways[name] = {"skipped": f"needs {needed.total / 1e9:.0f} GB of {free / 1e9:.0f}"}
            continue
        model = unlearnt.unlearnt(config, asked, tokenizer, name=_title(shape))
        try:
            ways[name] = _measure(
                model, needed, config, roof, samples, prompt_tokens, written, _dtype(asked)
            )
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
        "samples": samples,
        "prompt_tokens": prompt_tokens,
        "roof": {"gb_per_s": roof.bytes_per_s / 1e9, "tflops": roof.flops_per_s / 1e12},
        "ways": ways,
    }


def _dtype(settings: ModelSettings) -> str:
    from engine.llm.transformers.loading import dtype_name, resolve_dtype

    return dtype_name(resolve_dtype(settings))


def _title(shape: ModelShape) -> str:
    return f"{shape.parameters / 1e9:.3g}B"


def _measure(
    model: TransformersModel,
    needed: MemorySum,
    config: Mapping[str, Any],
    roof: Roof,
    samples: int,
    prompt_tokens: int,
    written: int,
    dtype: str,
) -> dict[str, float]:
    prompt = Prompt("word " * (prompt_tokens - 1))
    length = len(model.encode(prompt.text))
    list(model.complete(prompt, SamplingParams(n=samples, max_tokens=2, seed=0)))  # warm, and read

    def rate(n: int) -> float:
        """Tokens per second while all rows are written, the prompt having been read before."""
        started = time.perf_counter()
        params = SamplingParams(n=n, max_tokens=written, seed=1)
        tokens = sum(len(done.tokens) for done in model.complete(prompt, params))
        return tokens / (time.perf_counter() - started)

    one, many = rate(1), rate(samples)
    steps = many / samples
    # Each token reads all weights once, the prompt's cache once, and each row's own.
    context = needed.kv_per_token * (length + samples * written / 2)
    shape, embeddings = ModelShape.of(config), config["vocab_size"] * config["hidden_size"]
    looked_up = 0 if config["tie_word_embeddings"] else embeddings  # a row of it for each token
    read = needed.weights - looked_up * DTYPE_BYTES[dtype] + context
    multiplied = 2 * (shape.linear + shape.fused + embeddings) * samples
    return {
        "one": one,
        "many": many,
        "ratio": many / one,
        "bandwidth_share": read * steps / roof.bytes_per_s,
        "compute_share": multiplied * steps / roof.flops_per_s,
    }


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
    for name, way in result["ways"].items():
        if "skipped" in way:
            table.add_row(name, way["skipped"], "", "", "", "")
        else:
            table.add_row(
                name,
                f"{way['one']:.1f}",
                f"{way['many']:.1f}",
                f"{way['ratio']:.1f}",
                f"{way['bandwidth_share']:.0%}",
                f"{way['compute_share']:.0%}",
            )
    console.print(table)

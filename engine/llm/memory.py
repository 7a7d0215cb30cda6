"""How much memory a model needs, from its published configuration: sums, and what would fit.

Pure: no weights are touched. Bytes are bytes; a GB is 10⁹ of them, a GiB 2³⁰.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import ModelUnavailable
from engine.llm.settings import ModelSettings

DTYPE_BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}

QUANTIZED_BYTES = {
    # A byte and, for each row, a scale that is not worth counting.
    "int8": 1.0,
    # NF4 with double quantisation: 4 bits, 8 for each block of 64, 32 for each 256 blocks
    # (Dettmers et al. 2023, "QLoRA").
    "int4": (4 + 8 / 64 + 32 / (64 * 256)) / 8,
}

RESERVED = 0.08
"""Share of each device's memory that is kept for activations, logits, workspaces and the driver."""

GB = 10**9


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Numbers of weights, and what a token of context takes.

    linear     weights of the layers' linear maps, which bitsandbytes quantises
    fused      weights of a mixture's experts that are kept as one tensor, which it does not
    other      embeddings, the output head, norms and biases: never quantised
    kv_values  keys and values of one token, over all layers
    """

    linear: int
    fused: int
    other: int
    kv_values: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> ModelShape:
        """The shape of a decoder of the Llama kind (Llama, Mistral, Qwen) by its `config.json`.

        A mixture of experts is known by `num_experts` or `num_local_experts`. Raises KeyError for
        a configuration that is written in other words.
        """
        hidden, layers = config["hidden_size"], config["num_hidden_layers"]
        heads = config["num_attention_heads"]
        groups = config.get("num_key_value_heads") or heads
        head = config.get("head_dim") or hidden // heads
        experts = config.get("num_experts") or config.get("num_local_experts") or 0
        attention = 2 * hidden * heads * head + 2 * hidden * groups * head
        inner = (config.get("moe_intermediate_size") if experts else None) or config[
            "intermediate_size"
        ]
        feedforward = 3 * hidden * inner
        # Qwen2's linear maps of queries, keys and values have a bias, whatever the file says.
        biased = config.get("attention_bias") or config.get("model_type") in {"qwen2", "qwen2_moe"}
        biases = (heads + 2 * groups) * head if biased else 0
        norms = 2 * hidden + (2 * head if config.get("model_type", "").startswith("qwen3") else 0)
        embeddings = config["vocab_size"] * hidden
        return cls(
            linear=layers * (attention + (0 if experts else feedforward)),
            fused=layers * experts * feedforward,
            other=(embeddings if config.get("tie_word_embeddings") else 2 * embeddings)
            + layers * (biases + norms + experts * hidden)
            + hidden,
            kv_values=2 * layers * groups * head,
        )

    @property
    def parameters(self) -> int:
        """All weights."""
        return self.linear + self.fused + self.other

    def weight_bytes(self, quantization: str, dtype: str) -> int:
        """Of the weights as they are loaded."""
        full = DTYPE_BYTES[dtype]
        each = QUANTIZED_BYTES.get(quantization, full)
        return round(self.linear * each + (self.fused + self.other) * full)

    def kv_bytes_per_token(self, dtype: str) -> int:
        """Of one token of context: keys and values are kept in the weights' type."""
        return self.kv_values * DTYPE_BYTES[dtype]


@dataclass(frozen=True, slots=True)
class MemorySum:
    """What a model needs: bytes of weights, bytes per token of context, tokens it may hold."""

    weights: int
    kv_per_token: int
    tokens: int

    @classmethod
    def of(cls, settings: ModelSettings, shape: ModelShape, dtype: str) -> MemorySum:
        """For these settings; `dtype` is what theirs was resolved to."""
        return cls(
            shape.weight_bytes(settings.quantization, dtype),
            shape.kv_bytes_per_token(dtype),
            settings.max_batch_tokens + settings.prefix_cache_tokens,
        )

    @property
    def total(self) -> int:
        """Bytes of weights and a full key-value cache."""
        return self.weights + self.kv_per_token * self.tokens

    def in_words(self) -> str:
        """The sum, for people."""
        return (
            f"{_gb(self.total)} ({_gb(self.weights)} of weights, "
            f"{self.tokens:,} tokens of context at {self.kv_per_token / 1e6:.3f} MB)"
        )

    def sequences(self, prompt: int, max_tokens: int, *, samples: int, kept: int) -> int:
        """How many completions fit at once, `samples` of each prompt of so many tokens.

        `kept` of the tokens are those of earlier prompts. An ask's prompt is held once.
        """
        asks = (self.tokens - kept) / (prompt + samples * max_tokens)
        return int(asks * samples)


def usable(free: int) -> int:
    """Bytes of `free` that weights and context may take."""
    return int(free * (1 - RESERVED))


def check_fits(
    settings: ModelSettings, shape: ModelShape, *, dtype: str, free: int, quantizes: bool
) -> None:
    """Refuse before hours of download and loading what would run out of memory.

    `free` is in bytes, over all devices that the model is spread over; `quantizes` tells whether
    bitsandbytes can be used there. Raises ModelUnavailable, whose remedy names what would fit.
    """
    needed = MemorySum.of(settings, shape, dtype)
    if needed.total <= usable(free):
        return
    raise ModelUnavailable(
        f"{settings.model} needs {needed.in_words()}, and of the {_gb(free)} that are free "
        f"{_gb(usable(free))} can be used",
        remedy=what_would_fit(settings, shape, dtype=dtype, free=free, quantizes=quantizes),
    )


def what_would_fit(
    settings: ModelSettings, shape: ModelShape, *, dtype: str, free: int, quantizes: bool
) -> str:
    """The settings nearest to these that fit, in words; else that a smaller model is wanted."""
    choices = [settings.quantization]
    if quantizes and settings.quantization == "none":
        choices += ["int8", "int4"]
    elif quantizes and settings.quantization == "int8":
        choices += ["int4"]
    found = []
    for quantization in choices:
        asked = replace(settings, quantization=quantization)
        needed = MemorySum.of(asked, shape, dtype)
        left = usable(free) - needed.weights
        tokens = left // needed.kv_per_token - settings.prefix_cache_tokens
        wish = f'quantization = "{quantization}"' if quantization != settings.quantization else ""
        if needed.total <= usable(free):
            found.append(wish)
        elif tokens >= 2048:
            batch = f"max_batch_tokens = {tokens // 1024 * 1024}"
            found.append(f"{wish} with {batch}" if wish else batch)
    if found:
        return f"set model.{' or '.join(found)}"
    return (
        "use a smaller model or more memory: not even its weights fit, with 2,048 tokens of context"
    )


def _gb(number: float) -> str:
    return f"{number / GB:.1f} GB"

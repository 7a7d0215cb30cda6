"""What a language model is opened with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import BadInput
from engine.llm.openai.settings import OpenAISettings

BACKENDS = ("transformers", "openai", "ray", "scripted")
RAY_BACKENDS = ("transformers", "scripted")
QUANTIZATIONS = ("none", "int8", "int4")
DTYPES = ("auto", "bfloat16", "float16", "float32")

EMBEDDED = "embedded"
"""The model name that means: the weights that came with the installation."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Everything that decides which model answers, and on what. Raises BadInput when it cannot be."""

    backend: str = "transformers"
    """`transformers`, `openai` for a server that speaks OpenAI's protocol, `ray` for the same model on
    every node of a Ray cluster, or `scripted` for dry runs (`model` is then a JSON file of replies)."""

    model: str = EMBEDDED
    """`embedded`, a directory with a checkpoint, or a `owner/name` of the Hugging Face hub; on a server
    the name that it has there, where `embedded` is the only one that it has."""

    quantization: str = "none"
    """`int8` or `int4` by bitsandbytes while loading; `none` for full or already quantised weights."""

    dtype: str = "auto"
    """Of the weights that are not quantised. `auto`: bfloat16 where the hardware multiplies it."""

    device_map: str = "auto"
    """`auto` spreads the layers over all cards, or the CPU where there is none; else a device."""

    threads: int = 0
    """CPU threads of one forward pass; 0 is OMP_NUM_THREADS, else half the CPUs."""

    cache_dir: Path | None = None
    """Where converted weights are kept; None is `$XDG_CACHE_HOME/supercharge/models`."""

    context_window: int = 0
    """Most tokens of prompt and completion together; 0 is what the model was trained for."""

    max_batch_tokens: int = 32768
    """Most tokens of key-value cache at once, over all rows of a batch; bounds memory."""

    prefix_cache_tokens: int = 8192
    """Most tokens of earlier prompts whose key-value cache is kept for the next; 0 keeps none."""

    asks_at_once: int = 2
    """Asks of one search that share a batch of the backend `transformers`, codes and tests."""

    openai: OpenAISettings = field(default_factory=OpenAISettings)
    """The server of the backend `openai`."""

    ray_address: str = "auto"
    """The cluster's head, `host:port`; `auto` is $RAY_ADDRESS, else the cluster of this machine."""

    ray_backend: str = "transformers"
    """The backend of each replica."""

    ray_replicas: int = 0
    """Most replicas that one worker uses, its own node's first; 0 is as many as fit."""

    ray_gpus: float = -1.0
    """Cards per replica; -1 is all of a node, and none where no node has any."""

    def __post_init__(self) -> None:
        for key, value, allowed in (
            ("backend", self.backend, BACKENDS),
            ("ray_backend", self.ray_backend, RAY_BACKENDS),
            ("quantization", self.quantization, QUANTIZATIONS),
            ("dtype", self.dtype, DTYPES),
        ):
            if value not in allowed:
                raise BadInput(f"model.{key} must be one of {', '.join(allowed)}, not {value!r}")
        for key, number, least in (
            ("threads", self.threads, 0),
            ("context_window", self.context_window, 0),
            ("max_batch_tokens", self.max_batch_tokens, 1),
            ("prefix_cache_tokens", self.prefix_cache_tokens, 0),
            ("asks_at_once", self.asks_at_once, 1),
            ("ray_replicas", self.ray_replicas, 0),
        ):
            if number < least:
                raise BadInput(f"model.{key} must be at least {least}, not {number}")
        if self.ray_gpus < 0 and self.ray_gpus != -1:
            raise BadInput(f"model.ray_gpus must be at least 0, or -1 for all, not {self.ray_gpus}")
        if not self.model.strip():
            raise BadInput("model.model is empty; the model of the installation is 'embedded'")

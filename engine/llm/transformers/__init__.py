"""The one door to torch and transformers: models that run in this process."""

from __future__ import annotations

import torch

from engine.llm.settings import ModelSettings
from engine.llm.transformers.baseline import continuous_batching, plain_generate
from engine.llm.transformers.loading import load_weights
from engine.llm.transformers.model import TransformersModel

__all__ = ["TransformersModel", "continuous_batching", "load", "plain_generate"]


def load(settings: ModelSettings, *, threads: int) -> TransformersModel:
    """Load the model that `settings` names, to run on `threads` CPU threads (or its cards)."""
    torch.set_num_threads(threads)
    model, tokenizer, name = load_weights(settings)
    return TransformersModel(
        model,
        tokenizer,
        name=name,
        context_window=settings.context_window,
        max_batch_tokens=settings.max_batch_tokens,
        prefix_cache_tokens=settings.prefix_cache_tokens,
        concurrency=settings.asks_at_once,
    )

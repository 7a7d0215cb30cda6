"""The weights at work: prompts read in chunks, tokens appended, and what was read last kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache

from engine.llm.transformers import attention, kv

PREFILL_CHUNK = 128
"""Tokens of a prompt read at once. Between chunks a cancel is noticed and others decode; a kept
prefix is used in whole chunks, so that reading a prompt is the same arithmetic, to the bit, with it
and without."""


class Decoder:
    """Forward passes of one model. For one thread at a time."""

    def __init__(self, weights: Any, *, prefix_cache_tokens: int) -> None:
        self.weights = weights
        self.shares_prompts = attention.use(weights)
        """Whether the rows of a prompt share its cache, and rows of several prompts a pass."""
        self._prefixes = kv.PrefixStore(prefix_cache_tokens)

    def read(self, ids: Sequence[int]) -> Iterator[kv.Prefilled | None]:
        """Read a prompt, or the part of it that is not known yet.

        Yields None after each chunk but the last, then the prompt. What it shares with one read
        before is looked for when the reading begins.
        """
        known, shared = self._prefixes.find(ids)
        if known and shared == len(ids) == len(known.ids):
            yield known
            return
        start = min(shared, len(ids) - 1) // PREFILL_CHUNK * PREFILL_CHUNK
        if known and start:
            cache = kv.cut(known.cache, length=start, room=len(ids) - start)
        else:
            start, cache = 0, kv.new_cache(self.weights.config, plain=self.shares_prompts)
        for begin in range(start, len(ids), PREFILL_CHUNK):
            end = begin + PREFILL_CHUNK
            logits = self.forward([ids[begin:end]], cache)
            if end < len(ids):
                yield None
            else:
                prefilled = kv.Prefilled(tuple(ids), cache, logits)
                self._prefixes.add(prefilled)
                yield prefilled

    @torch.inference_mode()
    def forward(
        self, ids: Sequence[Sequence[int]], cache: Cache, lengths: Sequence[int] | None = None
    ) -> torch.Tensor:
        """Append `ids` [rows, new] to the cache; the logits [rows, vocabulary] after the last.

        `lengths` are what each row holds so far, needed where these differ.
        """
        device = self.weights.device
        at = {"position_ids": torch.tensor(lengths, device=device)[:, None]} if lengths else {}
        out = self.weights(
            input_ids=torch.tensor(ids, device=device),
            past_key_values=cache,
            forked=cache,
            use_cache=True,
            logits_to_keep=1,
            **at,
        )
        logits: torch.Tensor = out.logits[:, -1]
        return logits

    def forget(self) -> bool:
        """Let go of the prompts that were kept for the next ask; False where there was none."""
        return self._prefixes.clear()

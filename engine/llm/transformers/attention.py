"""Attention of rows that share their prompt.

Decoding n completions of one prompt reads the prompt's keys and values once for all rows, as one
matrix product, where the usual kernels read them again for every row (Juravsky et al. 2024,
"Hydragen"; "cascade attention" elsewhere).
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from engine.llm.transformers.kv import ForkedLayer, JoinedLayer, has_plain_layers

NAME = "supercharge_shared_prompt"


def use(model: Any) -> bool:
    """Make a model attend through this module; False, and no change, where it cannot.

    It can where the model lets its attention be exchanged and every layer is full attention.
    """
    if not getattr(model, "_supports_attention_backend", False):
        return False
    if not has_plain_layers(model.config):
        return False
    model.set_attn_implementation(NAME)
    return True


def shared_prompt_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    forked: Any = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """The library's attention interface; `query` is [rows, heads, new, head size].

    `forked` is the cache, as the model was called with it. Anything but one new token of rows
    that share a prompt goes to torch's scaled_dot_product_attention. In a joined cache every row
    has one new token and sees all of its own: there is no mask to look at.
    """
    layer = forked.layers[module.layer_idx] if forked is not None else None
    if isinstance(layer, JoinedLayer):
        scale = query.shape[3] ** -0.5 if scaling is None else scaling
        rows = torch.split(query * scale, [part.keys.shape[0] for part in layer.parts])
        parts = zip(rows, layer.parts, strict=True)
        return torch.cat([_decode(q, p.keys, p.values, *p.prefix) for q, p in parts]), None
    if isinstance(layer, ForkedLayer):
        if query.shape[2] == 1 and attention_mask is None:
            scale = query.shape[3] ** -0.5 if scaling is None else scaling
            return _decode(query * scale, key, value, *layer.prefix), None
        key, value = layer.whole()
    return sdpa_attention_forward(
        module, query, key, value, attention_mask, scaling=scaling, **kwargs
    )


def _decode(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    prompt_keys: torch.Tensor,
    prompt_values: torch.Tensor,
) -> torch.Tensor:
    """One softmax over the prompt's positions and the row's own; returns [rows, 1, heads, size].

    `keys` and `values` are [rows, groups, own, size], the prompt's [groups, prompt, size]; several
    query heads share each of the groups.
    """
    rows, heads, _, size = query.shape
    groups, prompt, _ = prompt_keys.shape
    query = query.view(rows, groups, heads // groups, size)
    by_group = query.transpose(0, 1).reshape(groups, -1, size)
    shared = (by_group @ prompt_keys.transpose(1, 2)).view(groups, rows, -1, prompt)
    own = query @ keys.transpose(2, 3)
    scores = torch.cat([shared.transpose(0, 1), own], -1)
    weights = scores.softmax(-1, dtype=torch.float32).to(query.dtype)
    on_prompt = weights[..., :prompt].transpose(0, 1).reshape(groups, -1, prompt) @ prompt_values
    mixed = on_prompt.view(groups, rows, -1, size).transpose(0, 1) + weights[..., prompt:] @ values
    return mixed.reshape(rows, 1, heads, size)


AttentionInterface.register(NAME, shared_prompt_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)

"""What the library does by itself with the same weights, to be measured against."""

from __future__ import annotations

import torch

from engine.llm.base import Prompt, SamplingParams
from engine.llm.transformers.model import TransformersModel


def plain_generate(model: TransformersModel, prompt: Prompt, params: SamplingParams) -> list[int]:
    """Sample with the library's `generate(num_return_sequences=n)`.

    Returns the tokens written by each of the `params.n` rows, up to the end of its turn. Stop texts
    are not used: the library checks them for the whole batch in Python at a price of its own.
    """
    ids = torch.tensor([model.encode(prompt.text)], device=model.weights.device)
    ends = torch.tensor(sorted(model.end_ids), device=ids.device)
    torch.manual_seed(params.seed or 0)
    written = model.weights.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=params.temperature > 0,
        temperature=params.temperature or None,
        top_p=params.top_p,
        top_k=0,
        max_new_tokens=params.max_tokens,
        num_return_sequences=params.n,
        eos_token_id=ends.tolist(),
        pad_token_id=int(ends[0]),
    )[:, ids.shape[1] :]
    running = torch.isin(written, ends).cumsum(-1) == 0
    counts: list[int] = running.sum(-1).tolist()
    return counts

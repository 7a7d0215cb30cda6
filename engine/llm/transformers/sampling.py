"""Drawing the next token: pure functions of logits and random numbers."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

MAX_DRAWS = 64
"""Draws outside the nucleus before a row takes its most likely token, which is always inside."""


def sample(
    logits: torch.Tensor, temperature: float, top_p: float, rngs: Sequence[random.Random]
) -> tuple[list[int], list[float]]:
    """One token for each row, and its log-probability at temperature 1 without truncation.

    `logits` is [rows, vocabulary], of any float type; `rngs` has one generator for each row, so a
    row's draws do not depend on which other rows are in the batch.
    """
    logits = logits.float()
    if temperature == 0:
        ids = logits.argmax(-1)
    else:
        ids = _draw(torch.softmax(logits / temperature, -1), top_p, rngs)
    chosen = logits.gather(1, ids[:, None])[:, 0] - logits.logsumexp(-1)
    return ids.tolist(), chosen.tolist()


def _draw(probs: torch.Tensor, top_p: float, rngs: Sequence[random.Random]) -> torch.Tensor:
    """Sample each row of `probs` [rows, vocabulary] from its nucleus (Holtzman et al. 2020).

    By rejection: draw from all tokens, and draw again while the tokens more likely than the drawn
    one already hold `top_p`. The same distribution as sorting and cutting, without a sort of the
    vocabulary; more than one draw is needed with probability 1 - `top_p` at most.
    """
    cumulative = probs.cumsum(-1)
    total = cumulative[:, -1].tolist()
    ids = probs.argmax(-1)
    pending = list(range(len(rngs)))
    for _ in range(MAX_DRAWS):
        rows = torch.tensor(pending, device=probs.device)
        points = [rngs[row].random() * total[row] for row in pending]
        draws = torch.tensor(points, dtype=probs.dtype, device=probs.device)[:, None]
        drawn = torch.searchsorted(cumulative[rows], draws, right=True)
        drawn = drawn.clamp_(max=probs.shape[1] - 1)
        if top_p >= 1:
            return drawn[:, 0]
        some = probs[rows]
        likelier = some.where(some > some.gather(1, drawn), 0).sum(-1)
        inside = likelier < top_p
        ids[rows[inside]] = drawn[inside, 0]
        pending = rows[~inside].tolist()
        if not pending:
            break
    return ids

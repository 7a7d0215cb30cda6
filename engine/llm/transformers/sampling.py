"""Drawing the next token: a pure function of logits and random numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch

LIKELIEST = 128
"""Tokens that a row is drawn from without sorting its whole vocabulary. They nearly always hold the
nucleus; where they do not, that row is sorted."""


def sample(
    logits: torch.Tensor,
    temperatures: Sequence[float],
    top_ps: Sequence[float],
    points: Sequence[float],
) -> tuple[list[int], list[float]]:
    """One token for each row, and its log-probability at temperature 1 without truncation.

    `logits` is [rows, vocabulary], of any float type. Each row has its own temperature (0 is
    greedy), its own nucleus and its own random number in [0, 1), so what is drawn does not depend
    on the other rows.
    """
    logits = logits.float()

    def column(values: Sequence[float]) -> torch.Tensor:
        return torch.tensor(values, dtype=logits.dtype, device=logits.device)[:, None]

    # The order of the tokens, and so all of a greedy row, does not depend on the temperature.
    scaled = logits / column([temperature or 1.0 for temperature in temperatures])
    normalizer = scaled.logsumexp(-1, keepdim=True)
    values, order = scaled.topk(min(LIKELIEST, scaled.shape[1]))
    masses = (values - normalizer).exp().cumsum(-1)
    masses_held: list[float] = masses[:, -1].tolist()
    drawn = _draw(masses, column(top_ps), column(points))
    drawn.masked_fill_(column(temperatures) == 0, 0)
    ids = order.gather(1, drawn)
    for row, held in enumerate(masses_held):
        # Without truncation the whole is known to be 1, and a point among the likeliest is enough.
        enough = points[row] < held if top_ps[row] >= 1 else top_ps[row] <= held
        if temperatures[row] and not enough and len(order[row]) < scaled.shape[1]:
            probs, whole_order = (scaled[row] - normalizer[row]).exp().sort(descending=True)
            at = _draw(probs.cumsum(-1)[None], column(top_ps)[row], column(points)[row])
            ids[row] = whole_order[at[0]]
    chosen = logits.gather(1, ids)[:, 0] - logits.logsumexp(-1)
    tokens: list[int] = ids[:, 0].tolist()
    return tokens, chosen.tolist()


def _draw(masses: torch.Tensor, top_p: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """The place of the token drawn, in each row's tokens by falling probability; [rows, 1].

    `masses` are [rows, tokens], the probability of each token and of all before it. The nucleus
    (Holtzman et al. 2020) is the tokens before which there is less than `top_p`.
    """
    last = (masses < top_p).sum(-1, keepdim=True).clamp_(max=masses.shape[1] - 1)
    # What lies beyond the likeliest tokens is all that an untruncated row lacks to 1.
    whole = masses.gather(1, last).where(top_p < 1, 1.0)
    drawn = torch.searchsorted(masses, points * whole, right=True)
    return drawn.minimum(last)

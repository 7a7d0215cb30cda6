"""What the library does by itself with the same weights, to be measured against."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from engine.errors import ModelUnavailable
from engine.llm.base import Prompt, SamplingParams
from engine.llm.transformers.loading import hub
from engine.llm.transformers.model import TransformersModel

PAGE = 256
"""Tokens in a page of the library's cache, as it is by default."""

FAILURES = (AttributeError, ImportError, LookupError, RuntimeError, TypeError, ValueError)
"""What the library's batching raises where it does not support something, seen or read in it."""


def plain_generate(model: TransformersModel, prompt: Prompt, params: SamplingParams) -> list[int]:
    """Sample with the library's `generate(num_return_sequences=n)`.

    Returns the tokens written by each of the `params.n` rows, up to the end of its turn. Stop texts
    are not used: the library checks them for the whole batch in Python at a price of its own.
    """
    ids = torch.tensor([model.encode(prompt.text)], device=model.weights.device)
    ends = torch.tensor(sorted(model.end_ids), device=ids.device)
    torch.manual_seed(params.seed or 0)
    written = model.weights.generate(
        ids, attention_mask=torch.ones_like(ids), generation_config=_wanted(model, params)
    )[:, ids.shape[1] :]
    running = torch.isin(written, ends).cumsum(-1) == 0
    counts: list[int] = running.sum(-1).tolist()
    return counts


@dataclass(frozen=True, slots=True)
class Batched:
    """What one run took.

    tokens     written, over all rows
    finished   seconds from the ask until each row was finished, in that order
    attention  the library's name of the attention that it chose
    """

    tokens: int
    finished: tuple[float, ...]
    attention: str

    @property
    def seconds(self) -> float:
        """Until the last row was finished."""
        return self.finished[-1]


def continuous_batching(
    model: TransformersModel, prompt: Prompt, params: SamplingParams, *, known: bool = False
) -> Batched:
    """Sample with the library's own continuous batching: its paged cache, scheduler, log-probabilities.

    The prompt is read once for all rows; with `known` a run before has read it, as far as whole
    pages of it are kept. Stop texts are not used: it has none. Raises ModelUnavailable, in one
    line, where the library cannot do it with these weights.
    """
    places = {parameter.device for parameter in model.weights.parameters()}
    if len(places) > 1:
        raise _not_here(f"its cache is on one device, and the weights are on {len(places)}")
    try:
        with _manager(model, prompt, params) as manager:
            if known:
                _run(manager, model, prompt, params)
            return _run(manager, model, prompt, params)
    except FAILURES as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise _not_here(f"it failed: {first_line}") from error


def _not_here(why: str) -> ModelUnavailable:
    return ModelUnavailable(why, remedy="none is needed: it is measured, and used for nothing else")


@contextmanager
def _manager(model: TransformersModel, prompt: Prompt, params: SamplingParams) -> Iterator[Any]:
    weights = model.weights
    ours = weights.config._attn_implementation
    # From there the library goes on to flash attention, where there is.
    weights.set_attn_implementation("sdpa")
    config = hub.ContinuousBatchingConfig(page_size=PAGE, return_logprobs=True, seed=params.seed)
    if weights.device.type == "cpu":
        # By itself it takes more than half of the memory, which here is everybody's.
        pages = -(-(len(model.encode(prompt.text)) + params.max_tokens) // PAGE) + 1
        config.num_blocks, config.max_batch_tokens = params.n * pages, max(2 * PAGE, params.n)
    # A run that fails is told by its error, in one line, and not by a trace on the terminal too.
    log = logging.getLogger("ContinuousBatchingLogger")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with weights.continuous_batching_context_manager(
            generation_config=_wanted(model, params), continuous_batching_config=config
        ) as manager:
            yield manager
    finally:
        log.setLevel(level)
        weights.set_attn_implementation(ours)


def _run(manager: Any, model: TransformersModel, prompt: Prompt, params: SamplingParams) -> Batched:
    """One ask. Raises RuntimeError where the library gave it up."""
    started = time.perf_counter()
    manager.add_request(model.encode(prompt.text))
    tokens = 0
    finished: list[float] = []
    while len(finished) < params.n:
        row = manager.get_result(timeout=1.0)
        if row is None and manager.is_running():
            continue
        if row is None or row.error:
            raise RuntimeError(row.error if row else "its thread has ended")
        finished.append(time.perf_counter() - started)
        tokens += len(row.generated_tokens)
    return Batched(tokens, tuple(finished), model.weights.config._attn_implementation)


def _wanted(model: TransformersModel, params: SamplingParams) -> Any:
    """The parameters in the library's words; without stop texts."""
    ends = sorted(model.end_ids)
    return hub.GenerationConfig(
        do_sample=params.temperature > 0,
        temperature=params.temperature or None,
        top_p=params.top_p,
        top_k=0,
        max_new_tokens=params.max_tokens,
        num_return_sequences=params.n,
        eos_token_id=ends,
        pad_token_id=ends[0],
    )

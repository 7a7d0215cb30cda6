"""A causal language model of the transformers library, sampled in batches."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache

from engine.errors import ModelUnavailable
from engine.llm.base import Completion, FinishReason, Message, Prompt, SamplingParams
from engine.llm.detokenize import TextTracker
from engine.llm.transformers import attention, kv
from engine.llm.transformers.choices import ChoiceTree, build_batch, build_tree, read_logprobs
from engine.llm.transformers.row import Row
from engine.llm.transformers.sampling import sample

PREFILL_CHUNK = 128
"""Tokens of a prompt read at once. Between chunks a cancel is noticed; a kept prefix is used in
whole chunks, so that reading a prompt is the same arithmetic, to the bit, with it and without."""


class TransformersModel:
    """`LanguageModel` over a transformers model and its tokenizer.

    All completions of an ask share one reading of the prompt; then they decode together, and a
    row that ends leaves the batch at once. The token that ends a turn is not among `tokens`.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        context_window: int = 0,
        max_batch_tokens: int = 32768,
        prefix_cache_tokens: int = 8192,
    ) -> None:
        self.weights = model
        self._tokenizer = tokenizer
        self._name = name
        trained = getattr(model.config.get_text_config(), "max_position_embeddings", 0) or 2048
        self._context_window = min(context_window or trained, trained)
        self._max_batch_tokens = max_batch_tokens
        self._prefixes = kv.PrefixStore(prefix_cache_tokens)
        self._shares_prompts = attention.use(model)
        self.end_ids = end_of_turn_ids(model, tokenizer)
        self._bos_ids: list[int] = tokenizer("")["input_ids"][:1]

    @property
    def name(self) -> str:
        """Weights and precision."""
        return self._name

    @property
    def context_window(self) -> int:
        """Tokens of prompt and completion together."""
        return self._context_window

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` alone."""
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def apply_chat_template(self, messages: Sequence[Message]) -> str | None:
        """The conversation as the tokenizer's template writes it; None where it has none."""
        if not self._tokenizer.chat_template:
            return None
        turns = [{"role": message.role, "content": message.content} for message in messages]
        text = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        assert isinstance(text, str)
        return text

    def complete(
        self, prompt: Prompt, params: SamplingParams, *, cancel: threading.Event | None = None
    ) -> Iterator[Completion]:
        """As the protocol says; the ValueError comes at once, not with the first completion."""
        ids = self.encode(prompt.text)
        room = self._context_window - len(ids)
        if room < 1 or not ids:
            raise ValueError(f"the prompt has {len(ids)} tokens, the window {self._context_window}")
        return self._complete(ids, params, min(room, params.max_tokens), cancel)

    def choice_logprobs(
        self, prompts: Sequence[Prompt], choices: Sequence[str]
    ) -> list[list[float]] | None:
        """As the protocol says; raises ValueError for a prompt without room for its answer.

        What the prompts share at their beginning is read once and kept. A batch over
        `max_batch_tokens` is split.
        """
        if not self._shares_prompts:
            return None  # such a layer cannot be asked about several branches at once
        trees = [self._choice_tree(prompt.text, choices) for prompt in prompts]
        if not trees or not choices:
            return [[] for _ in trees]
        first = trees[0].stem
        shared = min(min(len(t.stem) - 1, kv.common_prefix(first, t.stem)) for t in trees)
        cache = kv.new_cache(self.weights.config, plain=True)
        if shared:
            prefilled = self._prefill(first[:shared], None)
            assert prefilled is not None
            cache = prefilled.cache
        answers: list[list[float]] = []
        longest = max(len(tree.stem) + len(tree.ids) for tree in trees)
        limit = max(1, self._max_batch_tokens // longest)
        while len(answers) < len(trees):
            batch = trees[len(answers) : len(answers) + limit]
            try:
                answers += self._choose(batch, cache, shared)
            except torch.OutOfMemoryError as error:
                limit = _halved(limit, error)
        return answers

    def forget_prompts(self) -> None:
        """Let go of the prompts that were kept for the next ask."""
        self._prefixes.clear()

    def close(self) -> None:
        """Let go of the weights and of every kept prompt."""
        self._prefixes.clear()
        self.weights = None

    def encode(self, text: str) -> list[int]:
        """The prompt's ids; a first token that the model always wants is put there once."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids if ids[:1] == self._bos_ids else self._bos_ids + ids

    def _choice_tree(self, text: str, choices: Sequence[str]) -> ChoiceTree:
        prompt_ids = self.encode(text)
        tree = build_tree(prompt_ids, [self.encode(text + choice) for choice in choices])
        if not tree.stem or len(tree.stem) + tree.depth > self._context_window:
            raise ValueError(
                f"the prompt has {len(prompt_ids)} tokens and an answer up to {tree.depth}, "
                f"the window {self._context_window}"
            )
        return tree

    @torch.inference_mode()
    def _choose(self, trees: Sequence[ChoiceTree], cache: Cache, start: int) -> list[list[float]]:
        batch = build_batch(trees, start)
        device = self.weights.device
        if start:
            cache = kv.fork(cache, rows=len(trees), room=batch.tokens.shape[1])
        out = self.weights(
            input_ids=batch.tokens.to(device),
            position_ids=batch.positions.to(device),
            attention_mask=batch.mask.to(device),
            past_key_values=cache,
            forked=cache,
            use_cache=True,
            logits_to_keep=batch.keep,
        )
        return read_logprobs(trees, out.logits)

    def _decode(self, ids: Sequence[int]) -> str:
        text = self._tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        assert isinstance(text, str)
        return text

    def _complete(
        self,
        ids: list[int],
        params: SamplingParams,
        room: int,
        cancel: threading.Event | None,
    ) -> Iterator[Completion]:
        seed = random.SystemRandom().getrandbits(63) if params.seed is None else params.seed

        def row(index: int) -> Row:
            return Row(index, seed, TextTracker(self._decode, ids, params.stop))

        waiting = [row(index) for index in range(params.n)]
        prefilled = self._prefill(ids, cancel)
        if prefilled is None:
            yield from (row.finish(FinishReason.CANCELLED) for row in waiting)
            return
        limit = max(1, self._max_batch_tokens // (len(ids) + room))
        while waiting:
            batch, waiting = waiting[:limit], waiting[limit:]
            done: set[int] = set()
            try:
                for index, completion in self._decode_batch(prefilled, batch, params, room, cancel):
                    done.add(index)
                    yield completion
            except torch.OutOfMemoryError as error:
                limit = _halved(min(limit, len(batch)), error)
                # Their own generators start again, so they come out as they would have.
                waiting = [row(old.index) for old in batch if old.index not in done] + waiting

    def _decode_batch(
        self,
        prefilled: kv.Prefilled,
        rows: list[Row],
        params: SamplingParams,
        room: int,
        cancel: threading.Event | None,
    ) -> Iterator[tuple[int, Completion]]:
        cache = kv.fork(prefilled.cache, rows=len(rows), room=room)
        logits = prefilled.logits.expand(len(rows), -1)
        for position in range(room):
            if cancel is not None and cancel.is_set():
                yield from ((row.index, row.finish(FinishReason.CANCELLED)) for row in rows)
                return
            if position:
                logits = self._forward([[row.last_id] for row in rows], cache)
            drawn = sample(logits, params.temperature, params.top_p, [row.rng for row in rows])
            gone = []
            for slot, (row, token_id, logprob) in enumerate(zip(rows, *drawn, strict=True)):
                stopped = token_id in self.end_ids
                if not stopped:
                    row.last_id = token_id
                    row.logprobs.append(logprob)
                    stopped = row.tracker.push(token_id)
                if stopped or position + 1 == room:
                    gone.append(slot)
                    reason = FinishReason.STOP if stopped else FinishReason.LENGTH
                    yield row.index, row.finish(reason)
            if len(gone) == len(rows):
                return
            if gone:
                rows = [rows[old] for old in kv.drop_rows(cache, len(rows), gone)]

    def _prefill(self, ids: Sequence[int], cancel: threading.Event | None) -> kv.Prefilled | None:
        """Read a prompt, or the part of it that is not known yet; None when cancelled."""
        known, shared = self._prefixes.find(ids)
        if known and shared == len(ids) == len(known.ids):
            return known
        start = min(shared, len(ids) - 1) // PREFILL_CHUNK * PREFILL_CHUNK
        if known and start:
            cache = kv.cut(known.cache, length=start, room=len(ids) - start)
        else:
            start, cache = 0, kv.new_cache(self.weights.config, plain=self._shares_prompts)
        logits = None
        for begin in range(start, len(ids), PREFILL_CHUNK):
            if cancel is not None and cancel.is_set():
                return None
            logits = self._forward([ids[begin : begin + PREFILL_CHUNK]], cache)
        assert logits is not None
        prefilled = kv.Prefilled(tuple(ids), cache, logits)
        self._prefixes.add(prefilled)
        return prefilled

    @torch.inference_mode()
    def _forward(self, ids: Sequence[Sequence[int]], cache: Cache) -> torch.Tensor:
        """Append `ids` [rows, new] to the cache; the logits [rows, vocabulary] after the last."""
        tokens = torch.tensor(ids, device=self.weights.device)
        out = self.weights(
            input_ids=tokens,
            past_key_values=cache,
            forked=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = out.logits[:, -1]
        return logits


def _halved(limit: int, error: torch.OutOfMemoryError) -> int:
    """Half as many rows at once. Raises ModelUnavailable when one row is too many."""
    if limit == 1:
        raise ModelUnavailable(
            "not enough memory for one completion of this prompt",
            remedy="lower max_tokens or max_batch_tokens, or use a smaller model",
        ) from error
    return limit // 2


def end_of_turn_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end a completion, from the model's generation config and the tokenizer."""
    config = getattr(model, "generation_config", None)
    found = getattr(config, "eos_token_id", None)
    ids = set(found if isinstance(found, list) else [found])
    ids.add(tokenizer.eos_token_id)
    return frozenset(token for token in ids if token is not None)

"""A causal language model of the transformers library, sampled in batches."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache

from engine.errors import ModelUnavailable
from engine.llm.base import Completion, Message, Prompt, SamplingParams
from engine.llm.transformers import kv
from engine.llm.transformers.choices import ChoiceTree, build_batch, build_tree, read_logprobs
from engine.llm.transformers.decoder import Decoder
from engine.llm.transformers.rolling import RollingBatch
from engine.llm.transformers.row import Job


class TransformersModel:
    """`LanguageModel` over a transformers model and its tokenizer.

    All completions of an ask share one reading of the prompt; then they decode together, with those
    of every other ask of that time, and a row that ends leaves the batch at once. The token that ends
    a turn is not among `tokens`. Any method may be called from several threads at once.
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
        concurrency: int = 1,
    ) -> None:
        self.weights = model
        self._tokenizer = tokenizer
        self._name = name
        self._concurrency = concurrency
        trained = getattr(model.config.get_text_config(), "max_position_embeddings", 0) or 2048
        self._context_window = min(context_window or trained, trained)
        self._max_batch_tokens = max_batch_tokens
        self._decoder = Decoder(model, prefix_cache_tokens=prefix_cache_tokens)
        self.end_ids = end_of_turn_ids(model, tokenizer)
        self._batch = RollingBatch(self._decoder, max_batch_tokens, lambda: self.end_ids)
        self._bos_ids: list[int] = tokenizer("")["input_ids"][:1]

    @property
    def name(self) -> str:
        """Weights and precision."""
        return self._name

    @property
    def concurrency(self) -> int:
        """Asks that one search should put at the same time; the batch takes any number."""
        return self._concurrency

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
        job = Job(ids, params, min(room, params.max_tokens), self._decode, cancel)
        return self._batch.complete(job)

    def choice_logprobs(
        self, prompts: Sequence[Prompt], choices: Sequence[str]
    ) -> list[list[float]] | None:
        """As the protocol says; raises ValueError for a prompt without room for its answer.

        What the prompts share at their beginning is read once and kept. A batch over
        `max_batch_tokens` is split. Asks that are being completed wait for it between two tokens.
        """
        if not self._decoder.shares_prompts:
            return None  # such a layer cannot be asked about several branches at once
        trees = [self._choice_tree(prompt.text, choices) for prompt in prompts]
        if not trees or not choices:
            return [[] for _ in trees]
        with self._batch.exclusively():
            return self._choose_all(trees)

    def _choose_all(self, trees: Sequence[ChoiceTree]) -> list[list[float]]:
        first = trees[0].stem
        shared = min(min(len(t.stem) - 1, kv.common_prefix(first, t.stem)) for t in trees)
        cache = kv.new_cache(self.weights.config, plain=True)
        if shared:
            *_, prefilled = self._decoder.read(first[:shared])
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
        self._decoder.forget()

    def close(self) -> None:
        """Let go of the weights and of every kept prompt."""
        self._decoder.forget()
        self.weights = self._decoder.weights = None

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

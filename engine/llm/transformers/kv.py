"""Key-value caches that are forked, shrunk by whole rows, and kept for the next prompt."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer


class GrowingLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """A full-attention layer's keys and values in buffers that have room to grow.

    The library's own layer copies everything it holds for every token written. Buffers are
    [rows, heads, capacity, head size]; `keys` and `values` are views of what is filled.
    """

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._filled = 0

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append [rows, heads, new, head size]; return all keys and values."""
        end = self._filled + key_states.shape[2]
        if not self.is_initialized:
            self._allocate(key_states[:, :, :0], value_states[:, :, :0], end)
        elif end > self._buffers[0].shape[2]:
            self._allocate(self.keys, self.values, end + end // 2)
        for buffer, new in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[: new.shape[0], :, self._filled : end] = new
        return self._show(key_states.shape[0], end)

    def cut(self, length: int, room: int) -> GrowingLayer:
        """A copy of the first `length` positions, with room for `room` more."""
        twin = GrowingLayer()
        twin._allocate(self.keys[:, :, :length], self.values[:, :, :length], length + room)
        return twin

    def rewind(self, filled: int) -> None:
        """Forget what was appended after the first `filled` positions of the buffers."""
        self._show(self.keys.shape[0], filled)

    def compact(self) -> None:
        """Give back the memory of rows that have been dropped."""
        if self.keys.shape[0] < self._buffers[0].shape[0]:
            self._allocate(self.keys, self.values, self._buffers[0].shape[2])

    def select(self, order: Sequence[int]) -> None:
        """Let row `i` be what row `order[i]` was. Cheap when most stay; `order[i] >= i`."""
        for new, old in enumerate(order):
            if new != old:
                self.keys[new] = self.keys[old]
                self.values[new] = self.values[old]
        self._show(len(order), self._filled)

    def _allocate(self, keys: torch.Tensor, values: torch.Tensor, capacity: int) -> None:
        rows, heads, filled, _ = keys.shape
        buffers = []
        for old in (keys, values):
            new = old.new_empty((rows, heads, capacity, old.shape[3]))
            new[:, :, :filled] = old
            buffers.append(new)
        self.dtype, self.device = keys.dtype, keys.device
        self.is_initialized = True
        self._buffers = buffers
        self._show(rows, filled)

    def _show(self, rows: int, filled: int) -> tuple[torch.Tensor, torch.Tensor]:
        self._filled = filled
        self.keys, self.values = (buffer[:rows, :, :filled] for buffer in self._buffers)
        return self.keys, self.values


class ForkedLayer(GrowingLayer):  # type: ignore[no-untyped-call]
    """Rows that share a prompt: its keys and values once, and what each row has added to them.

    `update` returns only what the rows have added; `engine.llm.transformers.attention` reads
    `prefix` beside it. `prefix` is the prompt's keys and values, [heads, length, head size] each.
    """

    def __init__(self, prompt: GrowingLayer, rows: int, room: int) -> None:
        super().__init__()
        self.prefix = (prompt.keys[0], prompt.values[0])
        keys, values = (x[:, :, :0].expand(rows, -1, -1, -1) for x in (prompt.keys, prompt.values))
        self._allocate(keys, values, room)

    def get_seq_length(self) -> int:
        """Tokens of the prompt and of a row."""
        return self.prefix[0].shape[1] + self._filled

    def whole(self) -> tuple[torch.Tensor, torch.Tensor]:
        """All keys and values of each row, prompt first."""
        rows = self.keys.shape[0]
        keys, values = (x.expand(rows, -1, -1, -1) for x in self.prefix)
        return torch.cat([keys, self.keys], 2), torch.cat([values, self.values], 2)


class JoinedLayer(GrowingLayer):  # type: ignore[no-untyped-call]
    """One layer of several forked caches, one after the other: rows of different prompts.

    `update` appends to each its own rows and returns the new states alone;
    `engine.llm.transformers.attention` reads `parts`.
    """

    def __init__(self, parts: Sequence[ForkedLayer]) -> None:
        super().__init__()
        self.parts = parts
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append [rows of all parts, heads, new, head size]."""
        sizes = [part.keys.shape[0] for part in self.parts]
        states = zip(torch.split(key_states, sizes), torch.split(value_states, sizes), strict=True)
        for part, (keys, values) in zip(self.parts, states, strict=True):
            part.update(keys, values)
        return key_states, value_states

    def get_seq_length(self) -> int:
        """Tokens of the longest row."""
        return max(part.get_seq_length() for part in self.parts)


def new_cache(config: Any, *, plain: bool) -> Cache:
    """An empty cache for a model of this configuration; `plain` is what `has_plain_layers` said."""
    cache = DynamicCache(config=config)
    return Cache(layers=[GrowingLayer() for _ in cache.layers]) if plain else cache


def has_plain_layers(config: Any) -> bool:
    """Whether every layer is full attention: no window, no recurrent state."""
    return all(type(layer) is DynamicLayer for layer in DynamicCache(config=config).layers)


def is_plain(cache: Cache) -> bool:
    """Whether every layer is full attention, so that a prompt's cache can be cut and shared."""
    return all(isinstance(layer, GrowingLayer) for layer in cache.layers)


def cut(cache: Cache, *, length: int, room: int) -> Cache:
    """A copy of the first `length` positions of a plain cache, with room for `room` more."""
    return Cache(layers=[_growing(layer).cut(length, room) for layer in cache.layers])


def fork(cache: Cache, *, rows: int, room: int) -> Cache:
    """`rows` rows that continue the one row of `cache` by up to `room` tokens each.

    The rows of a plain cache share what is in `cache`, which must not change meanwhile.
    """
    if is_plain(cache):
        return Cache(layers=[ForkedLayer(_growing(layer), rows, room) for layer in cache.layers])
    twin = copy.deepcopy(cache)
    twin.reorder_cache(_row_index([0] * rows))
    return twin


def join(caches: Sequence[Cache]) -> Cache:
    """Forked plain caches as one, whose rows are all of theirs in order. Nothing is copied."""
    layers = zip(*(cache.layers for cache in caches), strict=True)
    return Cache(layers=[JoinedLayer([_forked(part) for part in parts]) for parts in layers])


def rewind(cache: Cache, filled: int) -> None:
    """Let the rows of a plain cache have appended `filled` tokens again, wherever a pass broke off."""
    for layer in cache.layers:
        _growing(layer).rewind(filled)


def compact(cache: Cache) -> None:
    """Give back the memory of the rows that a plain cache has dropped."""
    for layer in cache.layers:
        _growing(layer).compact()


def drop_rows(cache: Cache, rows: int, gone: Sequence[int]) -> list[int]:
    """Remove the rows `gone`; return, for each row left, which of the `rows` it was.

    Rows at the end move into the holes, so the work is that of the rows gone, not of those left.
    """
    left = rows - len(gone)
    movers = iter([row for row in range(left, rows) if row not in gone])
    order = [next(movers) if row in gone else row for row in range(left)]
    if is_plain(cache):
        for layer in cache.layers:
            _growing(layer).select(order)
    else:
        cache.reorder_cache(_row_index(order))
    return order


def _growing(layer: object) -> GrowingLayer:
    assert isinstance(layer, GrowingLayer)
    return layer


def _forked(layer: object) -> ForkedLayer:
    assert isinstance(layer, ForkedLayer)
    return layer


def _row_index(rows: Sequence[int]) -> torch.LongTensor:
    return cast("torch.LongTensor", torch.tensor(rows))


@dataclass(frozen=True, slots=True)
class Prefilled:
    """A prompt that has been read: its cache (one row) and the logits after its last token."""

    ids: tuple[int, ...]
    cache: Cache
    logits: torch.Tensor


class PrefixStore:
    """The last prompts read, so that the next one with the same beginning reads only its end."""

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self._entries: list[Prefilled] = []  # least recently used first

    def find(self, ids: Sequence[int]) -> tuple[Prefilled | None, int]:
        """The entry that shares most first tokens with `ids`, and how many; (None, 0) if none."""
        best: Prefilled | None = None
        most = 0
        for entry in self._entries:
            shared = common_prefix(entry.ids, ids)
            if shared > most or (shared == most and best and len(entry.ids) < len(best.ids)):
                best, most = entry, shared
        if best:
            self._entries.remove(best)
            self._entries.append(best)
        return best, most

    def add(self, entry: Prefilled) -> None:
        """Keep `entry`, and let go of the least recently used over the limit."""
        if not is_plain(entry.cache) or len(entry.ids) > self._max_tokens:
            return
        self._entries = [*(e for e in self._entries if e.ids != entry.ids), entry]
        while sum(len(e.ids) for e in self._entries) > self._max_tokens:
            self._entries.pop(0)

    def clear(self) -> bool:
        """Forget everything; False where there was nothing."""
        some = bool(self._entries)
        self._entries.clear()
        return some


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many first elements `a` and `b` share."""
    for position, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return position
    return min(len(a), len(b))

"""llama.cpp, by the batch calls of `llama-cpp-python`, on the GGUF file that the installation has.

Only a baseline: n samples of one prompt, which is read once and whose cache the sequences share.
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INSTALL = "pip install llama-cpp-python (a C++ compiler builds it for some minutes)"
READ_AT_ONCE = 512


def available() -> bool:
    """Whether llama-cpp-python is installed."""
    import importlib.util

    return importlib.util.find_spec("llama_cpp") is not None


@dataclass(frozen=True, slots=True)
class Rate:
    """What one run took: tokens written, and seconds for all of them."""

    tokens: int
    seconds: float


class LlamaCpp:
    """A model loaded by llama.cpp. A context manager."""

    def __init__(self, gguf: Path, *, threads: int, sequences: int, context: int) -> None:
        import llama_cpp

        self._lib: Any = llama_cpp
        self._silent = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(self._silent, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(
            str(gguf).encode(), llama_cpp.llama_model_default_params()
        )
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_seq_max = context, READ_AT_ONCE, sequences
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = True  # sequences share what they were copied from
        self._context = llama_cpp.llama_init_from_model(self._model, params)
        if not self._model or not self._context:
            raise OSError(f"llama.cpp cannot load {gguf}")
        self._vocabulary = llama_cpp.llama_vocab_n_tokens(
            llama_cpp.llama_model_get_vocab(self._model)
        )
        self._batch = llama_cpp.llama_batch_init(READ_AT_ONCE, 0, sequences)

    def __enter__(self) -> LlamaCpp:
        return self

    def __exit__(self, *_: object) -> None:
        self._lib.llama_batch_free(self._batch)
        self._lib.llama_free(self._context)
        self._lib.llama_model_free(self._model)

    def sample(self, ids: list[int], *, n: int, tokens: int) -> Rate:
        """Write `tokens` tokens for each of `n` samples of a prompt, none of which ends before."""
        import numpy as np

        lib = self._lib
        memory = lib.llama_get_memory(self._context)
        lib.llama_memory_clear(memory, True)
        started = time.perf_counter()
        for begin in range(0, len(ids), READ_AT_ONCE):
            part = ids[begin : begin + READ_AT_ONCE]
            last = begin + len(part) == len(ids)
            self._decode(
                [(t, begin + i, 0, last and i + 1 == len(part)) for i, t in enumerate(part)]
            )
        for sequence in range(1, n):
            lib.llama_memory_seq_cp(memory, 0, sequence, -1, -1)
        logits = np.repeat(self._logits(1), n, axis=0)
        for position in range(tokens):
            # Greedy, with a different first token each: numpy's draws would be charged to llama.cpp.
            drawn = (
                logits.argsort(-1)[:, -1 - np.arange(n)].diagonal()
                if not position
                else (logits.argmax(-1))
            )
            if position + 1 < tokens:
                at = len(ids) + position
                self._decode([(int(t), at, s, True) for s, t in enumerate(drawn)])
                logits = self._logits(n)
        return Rate(n * tokens, time.perf_counter() - started)

    def _decode(self, rows: list[tuple[int, int, int, bool]]) -> None:
        batch = self._batch
        batch.n_tokens = len(rows)
        for i, (token, position, sequence, wanted) in enumerate(rows):
            batch.token[i], batch.pos[i] = token, position
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequence
            batch.logits[i] = wanted
        failed = self._lib.llama_decode(self._context, batch)
        if failed:
            raise OSError(f"llama.cpp cannot go on: llama_decode said {failed}")

    def _logits(self, rows: int) -> Any:
        import numpy as np

        pointer = self._lib.llama_get_logits(self._context)
        return np.ctypeslib.as_array(pointer, shape=(rows, self._vocabulary))

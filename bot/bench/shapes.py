"""Published configurations of real models: to sum up, or to fill with random weights, just as fast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_QWEN = {
    "model_type": "qwen2",
    "vocab_size": 152064,
    "tie_word_embeddings": False,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
}

SHAPES: Mapping[str, Mapping[str, Any]] = {
    "Qwen/Qwen2.5-Coder-32B-Instruct": _QWEN
    | {
        "hidden_size": 5120,
        "intermediate_size": 27648,
        "num_hidden_layers": 64,
        "num_attention_heads": 40,
        "num_key_value_heads": 8,
    },
    "Qwen/Qwen2.5-Coder-14B-Instruct": _QWEN
    | {
        "hidden_size": 5120,
        "intermediate_size": 13824,
        "num_hidden_layers": 48,
        "num_attention_heads": 40,
        "num_key_value_heads": 8,
    },
    "Qwen/Qwen2.5-Coder-7B-Instruct": _QWEN
    | {
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    },
}
"""By their names on the Hugging Face hub, as their authors publish them."""

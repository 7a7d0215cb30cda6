"""A model small enough to compute everything twice."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM


class ByteTokenizer:
    """A byte is a token; 256 ends a turn, 257 begins a text. Small enough to reason about."""

    chat_template = None
    eos_token_id = 256

    def __call__(self, text: str, *, add_special_tokens: bool = True) -> dict[str, list[int]]:
        return {"input_ids": [257] * add_special_tokens + list(text.encode())}

    def decode(self, ids: list[int], **_: object) -> str:
        return bytes(i for i in ids if i < 256).decode(errors="replace")


def tiny_weights() -> LlamaForCausalLM:
    """Random weights, double precision: two ways to compute the same thing agree to 1e-9."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=258,
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=512,
        eos_token_id=256,
        bos_token_id=257,
        pad_token_id=256,
        initializer_range=0.5,  # sharp enough for texts that differ
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config).double().eval()

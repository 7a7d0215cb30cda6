"""Weights in 8 and 4 bit by bitsandbytes, quantised while loading or before, on this machine's CPU."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from engine.errors import BadInput
from engine.llm import ModelSettings, open_model
from engine.llm.base import Prompt, SamplingParams
from engine.llm.memory import ModelShape
from engine.llm.transformers.unlearnt import embedded_tokenizer

pytestmark = pytest.mark.model

PARAMS = SamplingParams(n=3, max_tokens=12, seed=5)
PROMPT = Prompt("def add(a, b):")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A small model on disk, with the embedded model's tokenizer."""
    folder = tmp_path_factory.mktemp("checkpoint")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    embedded_tokenizer(ModelSettings()).save_pretrained(folder)
    return folder


def opened(folder, quantization="none"):
    settings = ModelSettings(
        model=str(folder), quantization=quantization, dtype="bfloat16", max_batch_tokens=1000
    )
    return open_model(settings)


def texts(model):
    return sorted(c.text for c in model.complete(PROMPT, PARAMS))


@pytest.mark.parametrize("quantization", ["int8", "int4"])
def test_weights_take_what_the_sums_say_and_a_saved_checkpoint_is_the_same_model(
    checkpoint, tmp_path, quantization
):
    model = opened(checkpoint, quantization)
    shape = ModelShape.of(model.weights.config.to_dict())
    counted = shape.weight_bytes(quantization, "bfloat16")
    assert model.name.endswith(f"({quantization})")
    assert model.weights.get_memory_footprint() == pytest.approx(counted, rel=0.02)
    assert counted < shape.weight_bytes("none", "bfloat16")
    # Before its first pass: with that bitsandbytes arranges 4 bit anew on CPUs with AVX-512, and what
    # it saves then is another model.
    model.weights.save_pretrained(tmp_path)
    written = texts(model)
    assert len(written) == 3

    embedded_tokenizer(ModelSettings()).save_pretrained(tmp_path)
    assert texts(opened(tmp_path)) == written
    with pytest.raises(BadInput, match="quantised already"):
        opened(tmp_path, quantization)


@pytest.mark.parametrize("quantization", ["int8", "int4"])
def test_quantised_weights_answer_nearly_as_the_full_ones(checkpoint, quantization):
    choices = [" 0", " 1", " x"]
    (full,) = opened(checkpoint).choice_logprobs([PROMPT], choices)
    (found,) = opened(checkpoint, quantization).choice_logprobs([PROMPT], choices)
    assert found == pytest.approx(full, abs=0.2)

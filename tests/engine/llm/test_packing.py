"""Packed weights: the same model, wherever the machine has the kernels for them."""

import copy

import pytest
import torch

from engine.llm.base import Prompt, SamplingParams
from engine.llm.transformers import TransformersModel, packing
from tests.engine.llm.tiny import ByteTokenizer, tiny_weights


@pytest.fixture
def plain():
    return tiny_weights().bfloat16()


def logits(weights):
    with torch.inference_mode():
        return weights(torch.arange(40)[None]).logits.float()


def test_a_packed_model_computes_what_the_plain_one_does_and_keeps_its_embedding(plain):
    packed = copy.deepcopy(plain)
    done = packing.pack(packed)

    assert done is packing._has_kernels()
    assert any(isinstance(m, packing.PackedLinear) for m in packed.modules()) is done
    assert torch.allclose(logits(packed), logits(plain), atol=0.05, rtol=0.05)
    assert packed.dtype is torch.bfloat16
    assert packed.device.type == "cpu"
    assert packing.pack(packed) in (done, False)  # nothing is left to be packed


def test_a_packed_model_is_sampled_like_any_other(plain):
    packing.pack(plain)
    model = TransformersModel(plain, ByteTokenizer(), name="packed", context_window=200)
    params = SamplingParams(n=5, temperature=1.0, max_tokens=12, seed=3)
    written = list(model.complete(Prompt("def add(a, b):"), params))
    again = list(model.complete(Prompt("def add(a, b):"), params))
    assert len(written) == 5
    assert sorted(c.text for c in written) == sorted(c.text for c in again)
    assert model.choice_logprobs([Prompt("0.")], ["1", "2"])


def test_other_types_are_left_as_they_are():
    weights = tiny_weights()
    assert packing.pack(weights) is False
    assert type(weights.lm_head) is torch.nn.Linear


def test_without_the_kernels_nothing_is_changed(plain, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert packing.pack(plain) is False
    assert type(plain.lm_head) is torch.nn.Linear

"""Sums of memory: against the libraries' own counts, published figures, and the profiles' words."""

import re
from pathlib import Path

import pytest
import torch
import transformers

from bot.bench.shapes import SHAPES
from bot.settings import load
from engine.errors import BadInput, ModelUnavailable
from engine.llm.memory import GB, MemorySum, ModelShape, check_fits
from engine.llm.settings import ModelSettings
from engine.llm.transformers.fitting import check_memory, free_ram, stored_quantization
from engine.llm.transformers.loading import load_weights

PROFILES = sorted((Path(__file__).parents[3] / "config" / "profiles").glob("*.toml"))

LARGE = ModelShape.of(SHAPES["Qwen/Qwen2.5-Coder-32B-Instruct"])

SMALL = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 64,
}
MIXTURE = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    ("model_type", "more"),
    [("llama", {}), ("qwen2", {"head_dim": 8}), ("qwen3", {}), ("qwen3_moe", MIXTURE)],
)
def test_weights_are_counted_as_the_library_makes_them(model_type, more, tied):
    config = transformers.AutoConfig.for_model(
        model_type, **SMALL | more | {"tie_word_embeddings": tied}
    )
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    model.tie_weights()
    shape = ModelShape.of(config.to_dict())
    linear = sum(
        part.weight.numel()
        for name, part in model.named_modules()
        if isinstance(part, torch.nn.Linear) and name != "lm_head"
    )
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    assert shape.linear == linear
    # What bitsandbytes would not quantise: the experts are one tensor, and no linear map.
    experts = [p.numel() for n, p in model.named_parameters() if ".experts." in n]
    assert shape.fused == sum(experts)


def test_the_32b_is_as_large_as_published():
    assert pytest.approx(32.76 * GB, rel=0.001) == LARGE.parameters
    assert LARGE.kv_bytes_per_token("bfloat16") == 262_144
    int8 = LARGE.weight_bytes("int8", "bfloat16")
    assert 33 * GB < int8 < 35 * GB
    assert LARGE.weight_bytes("none", "bfloat16") == 2 * LARGE.parameters
    assert 18 * GB < LARGE.weight_bytes("int4", "bfloat16") < 20 * GB


def test_a_prompt_is_counted_once_for_its_samples():
    needed = MemorySum(weights=0, kv_per_token=1, tokens=10_000)
    assert needed.sequences(1000, 100, samples=10, kept=0) == 50
    assert needed.sequences(1000, 100, samples=10, kept=5000) == 25
    assert needed.sequences(1000, 1000, samples=1, kept=0) == 5


def written_sums(text):
    """The figures that a profile's comments have, by what stands before them."""
    found = re.findall(r"^# +([a-z ]+?) +([\d.,]+)(?: (MB|GB))?\b", text, re.MULTILINE)
    return {name: float(number.replace(",", "")) for name, number, _ in found}


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_the_sums_in_a_profile_are_right_and_fit_its_cards(path):
    settings = load(path, environ={}).model
    needed = MemorySum.of(settings, ModelShape.of(SHAPES[settings.model]), "bfloat16")
    cards = 2 if path.stem.startswith("2x") else 1
    memory = cards * 24 * 2**30
    sums = written_sums(path.read_text(encoding="utf-8"))
    assert sums == {
        "weights": round(needed.weights / GB, 1),
        "context": round(needed.kv_per_token * needed.tokens / GB, 1),
        "tokens of context": needed.tokens,
        "a token takes": round(needed.kv_per_token / 1e6, 3),
        "together": round(needed.total / GB, 1),
        "cards": round(memory / GB, 1),
        "sequences": needed.sequences(1000, 512, samples=16, kept=settings.prefix_cache_tokens),
    }
    check_fits(
        settings,
        ModelShape.of(SHAPES[settings.model]),
        dtype="bfloat16",
        free=memory - cards * 2**29,  # the driver's context
        quantizes=True,
    )


def test_there_is_a_profile_for_two_cards_and_for_one():
    assert {path.stem for path in PROFILES} == {
        "2x24gb-int8-32b",
        "24gb-int8-14b",
        "24gb-bf16-7b",
        "24gb-int4-32b",
    }


@pytest.mark.parametrize(
    ("free", "how", "remedy"),
    [
        (96, {}, None),
        (60, {}, 'set model.quantization = "int8" or quantization = "int4"'),
        (46, {}, 'set model.quantization = "int8" with max_batch_tokens = 21504'),
        (34, {}, 'set model.quantization = "int4"'),
        (25, {}, 'set model.quantization = "int4" with max_batch_tokens = 6144'),
        (46, {"quantization": "int8"}, "set model.max_batch_tokens = 21504 or quantization"),
        (20, {}, "use a smaller model or more memory"),
        (60, {"quantizes": False}, "use a smaller model or more memory"),
    ],
)
def test_before_it_loads_it_says_what_would_fit(free, how, remedy):
    quantizes = how.pop("quantizes", True) if how else True
    settings = ModelSettings(model="Qwen/Qwen2.5-Coder-32B-Instruct", **how)

    def check():
        check_fits(settings, LARGE, dtype="bfloat16", free=free * GB, quantizes=quantizes)

    if remedy is None:
        check()
        return
    with pytest.raises(ModelUnavailable) as refused:
        check()
    assert refused.value.remedy.startswith(remedy)
    assert "\n" not in f"{refused.value}{refused.value.remedy}"
    assert f"{free:.1f} GB that are free" in str(refused.value)


def config_of(**more):
    return transformers.AutoConfig.for_model("llama", **SMALL, **more)


def test_a_checkpoint_is_checked_by_its_own_configuration(tmp_path):
    config = config_of()
    config.architectures = ["LlamaForCausalLM"]
    config.vocab_size, config.hidden_size, config.num_hidden_layers = 150_000, 100_000, 1000
    config.save_pretrained(tmp_path)
    with pytest.raises(ModelUnavailable, match=r"TB|GB") as refused:
        load_weights(ModelSettings(model=str(tmp_path)))
    assert refused.value.remedy.startswith("use a smaller model")


def test_free_memory_may_be_given():
    settings = ModelSettings(model="some/model", max_batch_tokens=10_000, prefix_cache_tokens=0)
    needed = MemorySum.of(settings, ModelShape.of(config_of().to_dict()), "float32").total
    check_memory(settings, config_of(), "float32", free=int(needed * 1.1))
    with pytest.raises(ModelUnavailable, match="some/model needs"):
        check_memory(settings, config_of(), "float32", free=needed)


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (None, ""),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "int4"),
        ({"quant_method": "gptq", "bits": 4}, "int4"),
        ({"quant_method": "awq", "bits": 8}, "int8"),
        ({"quant_method": "fp8"}, "int8"),
        (transformers.BitsAndBytesConfig(load_in_8bit=True), "int8"),
    ],
)
def test_what_a_checkpoint_is_quantised_to_is_read(stored, read):
    assert stored_quantization(stored) == read


def test_a_quantised_checkpoint_is_counted_so_and_not_quantised_again():
    quantized = config_of(quantization_config={"quant_method": "gptq", "bits": 4})
    settings = ModelSettings(model="some/model", max_batch_tokens=1, prefix_cache_tokens=0)
    whole = ModelShape.of(config_of().to_dict()).weight_bytes("none", "float32")
    check_memory(settings, quantized, "float32", free=whole)
    with pytest.raises(ModelUnavailable):
        check_memory(settings, config_of(), "float32", free=whole)
    with pytest.raises(BadInput, match="quantised already"):
        check_memory(ModelSettings(model="a/b", quantization="int8"), quantized, "float32", free=1)


def test_a_configuration_in_other_words_is_not_checked():
    gpt = transformers.AutoConfig.for_model("gpt2")
    check_memory(ModelSettings(model="a/b"), gpt, "float32", free=1)


def test_free_ram_is_the_kernels_or_the_containers(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable:    2000 kB\n")
    assert free_ram(meminfo, tmp_path) == 2_048_000
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert free_ram(meminfo, tmp_path) == 2_048_000
    (tmp_path / "memory.max").write_text("500000\n")
    assert free_ram(meminfo, tmp_path) == 499_000
    assert free_ram(tmp_path / "none", tmp_path) is None
    assert free_ram() > 0

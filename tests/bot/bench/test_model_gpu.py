"""The bench for cards, on a shape that a CPU does in a second: the same code, other numbers."""

import io

import pytest
from rich.console import Console

from bot.bench import model_gpu
from engine.errors import BadInput
from engine.llm.memory import ModelShape
from engine.llm.settings import ModelSettings

TINY = model_gpu.shape_named("32B") | {
    "vocab_size": 49152,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


@pytest.mark.model
@pytest.mark.parametrize("quantizations", [("none", "int8")])
def test_every_precision_gets_its_rates_and_its_share_of_the_roofs(quantizations):
    result = model_gpu.run(
        TINY,
        quick=True,
        settings=ModelSettings(),
        quantizations=quantizations,
        samples=4,
        prompt_tokens=40,
        written=8,
        roof_size=256,
    )
    out = Console(file=io.StringIO(), width=150)
    model_gpu.report(result, out)
    printed = out.file.getvalue()
    assert len(result["ways"]) == len(quantizations)
    for way in result["ways"].values():
        assert way["ratio"] == pytest.approx(way["many"] / way["one"])
        assert way["compute_share"] > 0
        assert way["bandwidth_share"] > 0
    assert result["roof"]["gb_per_s"] > 0
    assert "tokens/s, 4 samples" in printed
    assert "random weights" in printed


def test_a_shape_is_found_by_a_part_of_its_name():
    assert ModelShape.of(model_gpu.shape_named("14b")).parameters == pytest.approx(14.8e9, rel=0.01)
    with pytest.raises(BadInput, match="known are Qwen/"):
        model_gpu.shape_named("q")

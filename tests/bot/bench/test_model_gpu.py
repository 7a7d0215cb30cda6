"""The bench for cards, on a shape that a CPU does in a second: the same code, other numbers."""

import io

import pytest
from rich.console import Console

from bot.bench import model_gpu
from engine.errors import BadInput, ModelUnavailable
from engine.llm.base import Prompt, SamplingParams
from engine.llm.memory import ModelShape
from engine.llm.settings import ModelSettings
from engine.llm.transformers import baseline, unlearnt

TINY = model_gpu.shape_named("32B") | {
    "vocab_size": 49152,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


LOAD = model_gpu.Load(samples=4, prompt_tokens=40, written=8)


def measured(quantizations):
    return model_gpu.run(
        TINY,
        quick=True,
        settings=ModelSettings(),
        quantizations=quantizations,
        load=LOAD,
        roof_size=256,
    )


def printed(result):
    out = Console(file=io.StringIO(), width=200)
    model_gpu.report(result, out)
    return out.file.getvalue()


@pytest.mark.model
def test_every_precision_gets_its_rates_and_its_share_of_the_roofs_against_the_librarys_batching():
    result = measured(("none", "int8", "int4"))
    assert len(result["ways"]) == 3
    for way in result["ways"].values():
        assert way["ratio"] == pytest.approx(way["many"] / way["one"])
        assert way["compute_share"] > 0
        assert way["bandwidth_share"] > 0
        assert way["library_ratio"] == pytest.approx(way["library"] / way["many"])
        assert way["library_attention"] == "sdpa"
    assert result["roof"]["gb_per_s"] > 0
    told = printed(result)
    assert "tokens/s, 4 samples" in told
    assert "random weights" in told
    assert "int8 against" in told


@pytest.mark.model
def test_where_the_librarys_batching_fails_one_line_says_why_and_the_rest_is_measured(monkeypatch):
    monkeypatch.setattr(baseline, "PAGE", 2)  # which it refuses
    result = measured(("none",))
    [way] = result["ways"].values()
    assert way["many"] > 0
    assert "page_size must be at least 4" in way["library_missing"]
    assert "transformers' own batching: it failed: page_size" in printed(result)


def test_what_follows_is_told_for_each_way_and_what_does_not_fit_is_left_out():
    def way(one, many, **more):
        shares = {"bandwidth_share": 0.7, "compute_share": 0.2}
        return {"one": one, "many": many, "ratio": many / one} | shares | more

    ways = {
        "bfloat16": {"skipped": "needs 76 GB of 24"},
        "int8": way(10, 300, library=330, library_ratio=1.1, library_attention="flash_attention_3"),
        "int8, 2 cards": way(10, 150, library_missing="its cache is on one device"),
    }

    lines = model_gpu.conclusions({"ways": ways})

    assert lines == [
        "int8, 2 cards against int8: 1.00 of its tokens/s for one sample, 0.50 for many",
        "int8: 30.0 × one query at a time (over the aim of 20), 70% of the roof that binds "
        "(over the aim of 60%)",
        "int8: transformers' own batching (flash_attention_3) wins: 1.10 of our tokens/s",
        "int8, 2 cards: 15.0 × one query at a time (under the aim of 20), 70% of the roof that binds "
        "(over the aim of 60%)",
        "int8, 2 cards: transformers' own batching: its cache is on one device",
    ]


def test_layers_are_spread_evenly_and_in_order():
    placed = unlearnt.device_map(5, ["cuda:0", "cuda:1"])
    layers = [placed[f"model.layers.{i}"] for i in range(5)]
    assert layers == ["cuda:0"] * 3 + ["cuda:1"] * 2
    assert (placed["model.embed_tokens"], placed["lm_head"]) == ("cuda:0", "cuda:1")


@pytest.mark.model
def test_a_model_that_accelerate_spreads_writes_what_it_writes_in_one_piece():
    settings = ModelSettings(dtype="float32")
    tokenizer = unlearnt.embedded_tokenizer(settings)
    texts = []
    for hooked in (False, True):
        model = unlearnt.unlearnt(TINY, settings, tokenizer, name="tiny", hooked=hooked)
        params = SamplingParams(n=3, max_tokens=6, seed=4)
        texts.append(sorted(done.text for done in model.complete(Prompt("def add(a, b):"), params)))
        assert model.choice_logprobs([Prompt("Score: ")], ["0.1", "0.9"])
        model.close()
    assert texts[0] == texts[1]


@pytest.mark.model
def test_where_no_precision_fits_nothing_is_made_and_one_line_says_what_to_try(monkeypatch):
    monkeypatch.setattr(unlearnt, "free_ram", lambda: 10**9)
    with pytest.raises(ModelUnavailable, match="no precision of the shape") as caught:
        model_gpu.run(
            model_gpu.shape_named("32B"), quick=True, settings=ModelSettings(), roof_size=256
        )
    assert caught.value.remedy == "supercharge bench model --gpu --shape 7B"


def test_a_shape_is_found_by_a_part_of_its_name():
    assert ModelShape.of(model_gpu.shape_named("14b")).parameters == pytest.approx(14.8e9, rel=0.01)
    with pytest.raises(BadInput, match="known are Qwen/"):
        model_gpu.shape_named("q")

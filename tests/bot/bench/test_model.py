"""The bench of the model: that its parts run and say what they measured. Its figures are no test's."""

import io

import pytest
from rich.console import Console

from bot.bench import model
from bot.bench.llamacpp import LlamaCpp
from engine.llm.embedded import find_gguf


def printed(result):
    out = Console(file=io.StringIO(), width=120)
    model.report(result, out)
    return out.file.getvalue()


@pytest.mark.model
def test_two_asks_are_measured_one_after_the_other_and_together():
    result = model.run(True, parts=[model.Part.SHARING])
    assert "sampling" not in result
    then, both = result["sharing"]["ways"].values()
    assert then["ratio"] == 1
    assert both["ratio"] == pytest.approx(both["tokens_per_s"] / then["tokens_per_s"])
    assert "both at the same time" in printed(result)
    assert "Judging" not in printed(result)


def test_where_llama_cpp_is_not_installed_the_table_says_how_to_get_it():
    way = {"tokens_per_s": 8.0, "completions_per_s": 1.0, "first_s": 0.5, "ratio": 1.0}
    result = {
        "machine": "a machine",
        "model": "a model",
        "load_s": 1.0,
        "sampling": {
            "prompt_tokens": 9,
            "ways": {"one query at a time": way},
            "missing": "llama.cpp: not installed; pip install llama-cpp-python",
        },
        "memory_mib": {"now": 1.0, "peak": 2.0},
    }
    assert "not installed; pip install llama-cpp-python" in printed(result)
    assert "8.0" in printed(result)


@pytest.mark.model
def test_llama_cpp_writes_as_many_tokens_as_asked_for_each_sample():
    with LlamaCpp(find_gguf(), threads=1, sequences=3, context=256) as llama:
        rate = llama.sample([1, 2, 3, 4], n=3, tokens=2)
        assert rate.tokens == 6
        assert rate.seconds > 0

"""What the servers that speak OpenAI's protocol do beyond it, and what they leave out.

A server is told by `owned_by` in its list of models: that costs nothing and asks nobody to guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Tokenizer(StrEnum):
    """The form in which a server counts tokens."""

    NONE = ""
    VLLM = "vLLM"
    LLAMA_CPP = "llama.cpp"
    LLAMA_CPP_PYTHON = "llama-cpp-python"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of server.

    continuing      what makes its chat go on from a begun reply; None where nothing does
    sampling        what undoes its own defaults, so that temperature and top_p alone decide
    tokenizer       how it counts tokens
    max_stops       most stop texts that it takes
    honours_n       whether one request gives `n` completions; found out where it is not so
    one_at_a_time   a second request cuts the first one off
    template_path   where it puts a conversation into the model's own format, or empty
    echo            whether it tells the log-probabilities of the prompt itself
    """

    name: str
    continuing: Mapping[str, Any] | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: Tokenizer = Tokenizer.NONE
    max_stops: int = 64
    honours_n: bool = True
    one_at_a_time: bool = False
    template_path: str = ""
    echo: bool = False


_CONTINUE = {"continue_final_message": True, "add_generation_prompt": False}

PLAIN = Dialect("OpenAI", max_stops=4)
VLLM = Dialect(
    "vLLM",
    continuing=_CONTINUE,
    sampling={"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0},
    tokenizer=Tokenizer.VLLM,
    echo=True,
)
SGLANG = Dialect(
    "SGLang",
    continuing={"continue_final_message": True},
    sampling={"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0},
)
LLAMA_CPP = Dialect(
    "llama.cpp",
    continuing={},
    sampling={"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0},
    tokenizer=Tokenizer.LLAMA_CPP,
    template_path="/apply-template",
)
LLAMA_CPP_PYTHON = Dialect(
    "llama-cpp-python",
    sampling={"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0},
    tokenizer=Tokenizer.LLAMA_CPP_PYTHON,
    honours_n=False,
    one_at_a_time=True,
    echo=True,
)

_BY_OWNER = {"vllm": VLLM, "sglang": SGLANG, "llamacpp": LLAMA_CPP, "me": LLAMA_CPP_PYTHON}


def dialect_of(owned_by: str) -> Dialect:
    """The server whose models belong to `owned_by`; plain OpenAI where nobody knows."""
    return _BY_OWNER.get(owned_by.lower(), PLAIN)

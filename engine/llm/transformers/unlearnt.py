"""A model of a published configuration with random weights, and the roofs of what it runs on.

Speed does not depend on what the weights say, so a card can be measured without a download.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from accelerate import dispatch_model, init_empty_weights

from engine.llm.settings import ModelSettings
from engine.llm.transformers.loading import dtype_name, hub, load_options, resolve_dtype
from engine.llm.transformers.model import TransformersModel


def unlearnt(
    config: Mapping[str, Any], settings: ModelSettings, tokenizer: Any, *, name: str
) -> TransformersModel:
    """A model of the shape `config`, at the precision of `settings`, spread over all cards.

    `tokenizer` may be any whose vocabulary is not larger.
    """
    torch.manual_seed(0)
    dtype = resolve_dtype(settings)
    words = dict(config)
    made = hub.AutoConfig.for_model(words.pop("model_type"), **words)
    with init_empty_weights(include_buffers=False):
        weights = hub.AutoModelForCausalLM.from_config(
            made, dtype=dtype, attn_implementation="sdpa"
        )
    quantization = load_options(settings, dtype).get("quantization_config")
    if quantization is not None:
        weights = hub.integrations.replace_with_bnb_linear(
            weights, modules_to_not_convert=["lm_head"], quantization_config=quantization
        )
    placed = device_map(made.num_hidden_layers)
    for module_name, module in weights.named_modules():
        for key, parameter in list(module.named_parameters(recurse=False)):
            _fill(module, key, parameter, _device_of(f"{module_name}.{key}", placed), dtype)
    if len(set(placed.values())) > 1:
        weights = dispatch_model(weights, placed)
    else:
        weights.to(next(iter(placed.values())))
    precision = settings.quantization if quantization is not None else dtype_name(dtype)
    return TransformersModel(
        weights.eval(),
        tokenizer,
        name=f"{name}, random weights ({precision})",
        context_window=settings.context_window,
        max_batch_tokens=settings.max_batch_tokens,
        prefix_cache_tokens=settings.prefix_cache_tokens,
    )


def device_map(layers: int) -> dict[str, str]:
    """As many layers on each card, in order; everything on the CPU where there is none."""
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = [f"cuda:{card}" for card in range(cards)] or ["cpu"]
    each = {f"model.layers.{i}": names[i * len(names) // layers] for i in range(layers)}
    ends = {"model.norm": names[-1], "lm_head": names[-1], "model.rotary_emb": names[0]}
    return {"model.embed_tokens": names[0], **each, **ends}


def _device_of(name: str, placed: Mapping[str, str]) -> str:
    return next(device for part, device in placed.items() if name.startswith(f"{part}."))


def _fill(
    module: torch.nn.Module, key: str, parameter: Any, device: str, dtype: torch.dtype
) -> None:
    """Put random values where the empty parameter is, one at a time, so that memory suffices."""
    values = torch.empty(parameter.shape, dtype=dtype, device=device).normal_(0, 0.02)
    if key == "weight" and "norm" in type(module).__name__.lower():
        values.fill_(1)
    kind = type(parameter)
    if kind is torch.nn.Parameter:
        module.register_parameter(key, torch.nn.Parameter(values, requires_grad=False))
    else:  # bitsandbytes quantises what is moved to the card
        module.register_parameter(
            key, kind(values.cpu(), requires_grad=False, **_kept(parameter)).to(device)
        )


def _kept(parameter: Any) -> dict[str, Any]:
    names = ("has_fp16_weights", "quant_type", "compress_statistics", "blocksize", "quant_storage")
    return {name: getattr(parameter, name) for name in names if hasattr(parameter, name)}


@dataclass(frozen=True, slots=True)
class Roof:
    """What the hardware did at most in this process: bytes read per second, and multiply-adds × 2."""

    bytes_per_s: float
    flops_per_s: float


def measure_roof(dtype_of: ModelSettings, *, size: int = 8192) -> Roof:
    """Measure by reading `size`² × 8 bytes and by multiplying two matrices of `size`."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = resolve_dtype(dtype_of)
    plain = torch.ones(size, size * 2, dtype=torch.float32, device=device)
    square = torch.ones(size, size, dtype=dtype, device=device)
    reading = _best_seconds(lambda: plain.sum())
    multiplying = _best_seconds(lambda: square @ square)
    return Roof(plain.numel() * 4 / reading, 2 * size**3 / multiplying)


def _best_seconds(work: Callable[[], object], rounds: int = 5) -> float:
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return best


def free_bytes() -> int | None:
    """Bytes free on all cards together; None without a card."""
    if not torch.cuda.is_available():
        return None
    return sum(torch.cuda.mem_get_info(card)[0] for card in range(torch.cuda.device_count()))


def hardware() -> str:
    """The cards, by their names; "CPU" without one."""
    cards = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    names = [torch.cuda.get_device_name(card) for card in cards]
    return ", ".join(names) or f"CPU, {torch.get_num_threads()} threads"


def release() -> None:
    """Give the cards' memory back after a model was closed."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def embedded_tokenizer(settings: ModelSettings) -> Any:
    """The tokenizer of the installation's own model."""
    from engine.llm import embedded
    from engine.llm.transformers.loading import embedded_checkpoint

    gguf = embedded.find_gguf()
    source = embedded_checkpoint(gguf, resolve_dtype(settings), settings.cache_dir)
    return transformers.AutoTokenizer.from_pretrained(str(source), local_files_only=True)

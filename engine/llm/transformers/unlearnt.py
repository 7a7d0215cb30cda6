"""A model of a published configuration with random weights, and the roofs of what it runs on.

Speed does not depend on what the weights say, so a card can be measured without a download.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from accelerate import dispatch_model, init_empty_weights

from engine.llm.settings import ModelSettings
from engine.llm.transformers.fitting import free_ram
from engine.llm.transformers.loading import dtype_name, hub, load_options, resolve_dtype
from engine.llm.transformers.model import TransformersModel


def unlearnt(
    config: Mapping[str, Any],
    settings: ModelSettings,
    tokenizer: Any,
    *,
    name: str,
    devices: Sequence[str] | None = None,
    hooked: bool = False,
) -> TransformersModel:
    """A model of the shape `config`, at the precision of `settings`, spread over `devices`.

    None is all cards. `tokenizer` may be any whose vocabulary is not larger. With `hooked`
    accelerate moves what goes in and out of each part even where all of them are on one device, as
    it must where they are not.
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
    names = devices or all_devices()
    placed = device_map(made.num_hidden_layers, names)
    for module_name, module in weights.named_modules():
        for key, parameter in list(module.named_parameters(recurse=False)):
            _fill(module, key, parameter, _device_of(f"{module_name}.{key}", placed), dtype)
    if len(names) > 1 or hooked:
        weights = dispatch_model(
            weights,
            placed,
            main_device=names[0],
            skip_keys=weights._skip_keys_device_placement,
            force_hooks=hooked,
        )
    else:
        weights.to(names[0])
    precision = settings.quantization if quantization is not None else dtype_name(dtype)
    return TransformersModel(
        weights.eval(),
        tokenizer,
        name=f"{name}, random weights ({precision})",
        context_window=settings.context_window,
        max_batch_tokens=settings.max_batch_tokens,
        prefix_cache_tokens=settings.prefix_cache_tokens,
    )


def all_devices() -> list[str]:
    """Every card; the CPU where there is none."""
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [f"cuda:{card}" for card in range(cards)] or ["cpu"]


def device_map(layers: int, names: Sequence[str]) -> dict[str, str]:
    """As many layers on each of the devices, in order; the ends of the model with their neighbours."""
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


def free_bytes(devices: Sequence[str]) -> int | None:
    """Bytes free on these cards, each as much as the fullest; or what the kernel would give."""
    if not torch.cuda.is_available():
        return free_ram()
    return len(devices) * min(torch.cuda.mem_get_info(device)[0] for device in devices)


def hardware() -> str:
    """The cards, by their names; the CPU and its threads without one."""
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

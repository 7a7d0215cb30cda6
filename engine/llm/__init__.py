"""Language models: one protocol (`base`), and a backend for each way to run one."""

from __future__ import annotations

from engine.errors import ModelUnavailable
from engine.llm.base import LanguageModel
from engine.llm.settings import ModelSettings

__all__ = ["LanguageModel", "ModelSettings", "open_model"]


def open_model(settings: ModelSettings | None = None) -> LanguageModel:
    """Load a model; the default is the embedded one. The caller closes it.

    Heavy libraries are imported here and not before. Raises BadInput for a model that does not
    exist, ModelUnavailable (with the command that mends it) for one that cannot be loaded.
    """
    settings = settings or ModelSettings()
    if settings.backend == "scripted":
        from engine.llm.scripted import load_script

        return load_script(settings.model)
    if settings.backend == "ray":
        return _open_ray(settings)
    from engine.llm.environment import prepare

    threads = prepare(settings.threads)
    from engine.llm.transformers import load

    return load(settings, threads=threads)


def _open_ray(settings: ModelSettings) -> LanguageModel:
    try:
        from engine.llm.ray import open_replicas
    except ModuleNotFoundError as error:
        raise ModelUnavailable(
            "model.backend is ray, and Ray is not installed",
            remedy="pip install -c deploy/constraints.txt 'supercharge-bot[ray]'",
        ) from error
    return open_replicas(settings)

"""Language models: one protocol (`base`), and a backend for each way to run one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from engine.errors import ModelUnavailable
from engine.llm.base import LanguageModel
from engine.llm.ledger import Ledger
from engine.llm.routing import Role, Router, Routes
from engine.llm.settings import EMBEDDED, ModelSettings

__all__ = ["LanguageModel", "ModelSettings", "Routes", "open_model", "open_models"]


def open_model(
    settings: ModelSettings | None = None, *, ledger: Ledger | None = None
) -> LanguageModel:
    """Load a model; the default is the embedded one. The caller closes it.

    `ledger` counts what a paid server costs; without one it is counted for this model's life.
    Heavy libraries are imported here and not before. Raises BadInput for a model that does not exist,
    ModelUnavailable (with the command that mends it) for one that cannot be loaded.
    """
    settings = settings or ModelSettings()
    if settings.backend == "scripted":
        from engine.llm.scripted import load_script

        return load_script(settings.model)
    if settings.backend == "openai":
        from engine.llm import openai

        model = "" if settings.model == EMBEDDED else settings.model
        return openai.load(
            settings.openai, model, context_window=settings.context_window, ledger=ledger
        )
    if settings.backend == "ray":
        return _open_ray(settings)
    from engine.llm.environment import prepare

    threads = prepare(settings.threads)
    from engine.llm.transformers import load

    return load(settings, threads=threads)


def open_models(
    models: Mapping[str, ModelSettings], routes: Routes, *, ledger: Ledger | None = None
) -> LanguageModel:
    """Load what `routes` names, each once, as one model. The caller closes it.

    Asks find theirs by `engine.llm.routing.route`. Raises what `open_model` does, and leaves none open.
    """
    opened: dict[ModelSettings, LanguageModel] = {}
    with ExitStack() as undone:
        for settings in (models[name] for name in routes.names):
            if settings not in opened:
                opened[settings] = open_model(settings, ledger=ledger)
                undone.callback(opened[settings].close)
        undone.pop_all()
    if len(opened) == 1:
        return next(iter(opened.values()))
    return Router({role: opened[models[routes.of(role)]] for role in Role})


def _open_ray(settings: ModelSettings) -> LanguageModel:
    try:
        from engine.llm.ray import open_replicas
    except ModuleNotFoundError as error:
        raise ModelUnavailable(
            "model.backend is ray, and Ray is not installed",
            remedy="pip install -c deploy/constraints.txt 'supercharge-bot[ray]'",
        ) from error
    return open_replicas(settings)

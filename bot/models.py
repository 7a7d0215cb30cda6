"""The configured models as one: opened, named, and where code goes to when they are asked."""

from __future__ import annotations

from bot.settings import Settings
from engine.llm import LanguageModel, open_models
from engine.llm.ledger import Ledger
from engine.llm.routing import Role
from engine.llm.settings import ModelSettings


def open_configured(settings: Settings, ledger: Ledger) -> LanguageModel:
    """All models that asks go to, as one. Raises BadInput or ModelUnavailable."""
    return open_models(settings.models_in_use, settings.routes, ledger=ledger)


def identity(settings: Settings) -> str:
    """Names the models, without opening any: with others, what was exhausted has a new chance."""
    known = {name: _identity(model) for name, model in settings.models_in_use.items()}
    if len(set(known.values())) == 1:
        return next(iter(known.values()))
    return " ".join(f"{role.value}={known[settings.routes.of(role)]}" for role in Role)


def hosts_that_see_code(settings: Settings) -> dict[str, list[Role]]:
    """Hosts away from this machine, with the kinds of asks that each gets."""
    seen: dict[str, list[Role]] = {}
    for role in Role:
        model = settings.models_in_use[settings.routes.of(role)]
        if model.backend == "openai" and model.openai.is_remote:
            seen.setdefault(model.openai.host, []).append(role)
    return seen


def _identity(model: ModelSettings) -> str:
    if model.backend == "openai":
        return f"{model.model} at {model.openai.host}"
    return f"{model.model} {model.quantization}"

"""The configured models as one: opened, named, and where code goes to when they are asked.

Beside them there may be a smaller one, which a cascade asks before them.
"""

from __future__ import annotations

from bot.settings import Settings
from engine.llm import LanguageModel, open_models
from engine.llm.ledger import Ledger
from engine.llm.routing import Role, Routes
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
        for asked in (model, settings.small_model()):
            if asked and asked.backend == "openai" and asked.openai.is_remote:
                roles = seen.setdefault(asked.openai.host, [])
                roles += [role] if role not in roles else []
    return seen


def _identity(model: ModelSettings) -> str:
    if model.backend == "openai":
        return f"{model.model} at {model.openai.host}"
    return f"{model.model} {model.quantization}"


def open_small(settings: Settings, ledger: Ledger) -> LanguageModel | None:
    """The smaller model of a cascade, where one is configured. Raises what `open_configured` does."""
    small = settings.small_model()
    return open_models({"": small}, Routes(), ledger=ledger) if small else None


def model_names(model: LanguageModel, small: LanguageModel | None) -> str:
    """Who wrote it, for people."""
    return f"{small.name}, then {model.name}" if small else model.name

"""The models of a configuration: the one, and the smaller one that may be asked before it."""

from __future__ import annotations

from bot.settings import Settings
from engine.llm import LanguageModel, open_model


def open_small(settings: Settings) -> LanguageModel | None:
    """The smaller model of a cascade, where one is configured. Raises what `open_model` does."""
    small = settings.small_model()
    return open_model(small) if small else None


def model_names(model: LanguageModel, small: LanguageModel | None) -> str:
    """Who wrote it, for people."""
    return f"{small.name}, then {model.name}" if small else model.name

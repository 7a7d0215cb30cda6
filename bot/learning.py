"""Self-tuning's memory: outcomes out of the store before a search, and into it afterwards."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.settings import Settings, TuningSettings
from bot.store.errors import StoreUnavailable
from engine import prompts
from engine.errors import BadInput
from engine.llm.base import LanguageModel
from engine.tuning import Outcome, Tuner

if TYPE_CHECKING:
    from bot.store.outcomes import Outcomes

logger = logging.getLogger(__name__)


def model_key(model: LanguageModel) -> str:
    """What is learnt of one model says nothing of another, nor of the same with other prompts."""
    return f"{model.name}, prompts {prompts.fingerprint()}"


@dataclass(frozen=True, slots=True)
class Learning:
    """What is learnt of asks. Without a store, or where it does not answer, asks are as configured:
    tuning never keeps a search from its work.
    """

    store: Outcomes | None
    settings: TuningSettings

    def tuner(self, model: LanguageModel) -> Tuner:
        """All that is known of this model."""
        tuner = Tuner(floor=self.settings.floor)
        if self.store is None or not self.settings.enabled:
            return tuner
        try:
            return tuner.learnt(self.store.outcomes_of(model_key(model)))
        except StoreUnavailable as error:
            logger.warning("asks are as configured: %s", error)
            return tuner

    def keep(self, model: LanguageModel, outcomes: Iterable[Outcome]) -> None:
        """What the asks of one search brought."""
        if self.store is None or not self.settings.enabled:
            return
        try:
            self.store.add_outcomes(model_key(model), outcomes)
        except StoreUnavailable as error:
            logger.warning("what the asks brought is not kept: %s", error)


@contextmanager
def learning(settings: Settings) -> Iterator[Learning]:
    """With the configured database while it is used; without one where it cannot be opened."""
    if not settings.tuning.enabled:
        yield Learning(None, settings.tuning)
        return
    from bot.store import open_store

    try:
        store = open_store(settings.database.store_url())
    except (StoreUnavailable, BadInput) as error:
        logger.warning("asks are as configured: %s", error)
        yield Learning(None, settings.tuning)
        return
    with store:
        yield Learning(store, settings.tuning)

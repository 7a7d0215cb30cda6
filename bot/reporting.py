"""Keeps people informed while a request is worked on, at a pace that GitHub bears."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.forge.errors import ForgeError
from bot.requests import Request
from bot.services import Services
from bot.statusboard import StatusBoard
from bot.store.errors import StoreUnavailable
from bot.telling import Teller
from engine.progress import Progress

logger = logging.getLogger(__name__)

EVERY_S = 30.0
"""The status comment is edited no more often."""


@dataclass
class Reporter:
    """Reports on one request. `observe` is the search's, `beat` the lease's thread's, `tell` the end's.

    What cannot be told now is told later by whoever looks for words that are owed: nothing here raises
    because GitHub or the database is away.
    """

    services: Services
    request: Request
    clock: Callable[[], float] = time.monotonic
    _progress: Progress | None = None
    _shown: Progress | None = None
    _last: float = field(default=float("-inf"))

    def observe(self, progress: Progress) -> None:
        self._progress = progress

    def beat(self) -> None:
        """Show how far it is, if that is news and the last time was long enough ago."""
        progress = self._progress
        if progress is self._shown or self.clock() - self._last < EVERY_S:
            return
        self._last, self._shown = self.clock(), progress
        self._try(lambda: self._show(progress))

    def tell(self) -> None:
        """Say what became of it."""
        self._try(lambda: Teller(self.services).tell(self.request))

    def _show(self, progress: Progress | None) -> None:
        current = self.services.store.get_request(self.request.id)
        StatusBoard(self.services, current).show(progress)

    def _try(self, say: Callable[[], None]) -> None:
        try:
            say()
        except (ForgeError, StoreUnavailable) as error:
            logger.warning("%s could not be told of: %s", self.request.id, error)

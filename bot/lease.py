"""A worker's hold on one request while it works on it: renewed, and given up when it must be."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from bot.store.errors import LeaseLost, StoreUnavailable
from bot.store.store import Store

logger = logging.getLogger(__name__)

BEAT_S = 2.0
"""How often the lease is renewed at least, and so how soon a cancel is heard."""


@dataclass
class Lease:
    """Renews the lease of `request_id` in a thread of its own, as long as the `with` block lasts.

    `stop` is set when the work must end: `cancelled` tells that a person asked for it, `lost` that
    another worker has the request by now. `also` is called at every beat, for what has to happen while
    the worker is busy; it must not raise.
    """

    store: Store
    request_id: str
    worker: str
    lease_s: float
    also: Callable[[], None] = lambda: None
    stop: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False
    lost: bool = False
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def beat(self) -> None:
        """Renew once. A database that is down is waited for: the lease outlives a short outage."""
        try:
            request = self.store.heartbeat(self.request_id, self.worker, self.lease_s)
        except LeaseLost:
            self.lost = True
            self.stop.set()
            return
        except StoreUnavailable as error:
            logger.warning("the lease of %s could not be renewed: %s", self.request_id, error)
            return
        if request.cancel_requested:
            self.cancelled = True
            self.stop.set()

    def _run(self) -> None:
        while not self._end.wait(min(BEAT_S, self.lease_s / 4)):
            self.beat()
            self.also()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self._run, name=f"lease-{self.request_id}", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()

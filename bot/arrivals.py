"""Stores deliveries that come at the same time together: the disk is waited for once, not once each.

Whoever brings a delivery waits until it is stored; meanwhile others pile up, and go with the next
transaction. So the more there are, the less each costs.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from bot.store.deliveries import Arrival
from bot.store.store import Store

MOST_AT_ONCE = 100


class Arrivals:
    """One writer for many threads. A context manager; what was accepted is stored when it ends."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: queue.Queue[tuple[Arrival, Future[bool]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._write, name="arrivals", daemon=True)

    def accept(self, arrival: Arrival) -> bool:
        """Store a delivery, durably; whether it is new. Raises StoreUnavailable."""
        stored: Future[bool] = Future()
        self._waiting.put((arrival, stored))
        return stored.result()

    def _write(self) -> None:
        while (first := self._waiting.get()) is not None:
            taken, over = [first], False
            while len(taken) < MOST_AT_ONCE:
                try:
                    more = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    over = True
                    break
                taken.append(more)
            self._store_all(taken)
            if over:
                return

    def _store_all(self, taken: list[tuple[Arrival, Future[bool]]]) -> None:
        try:
            new = self._store.accept_deliveries([arrival for arrival, _ in taken])
        except BaseException as error:  # noqa: BLE001 - handed over whole, to those who wait for it
            for _, stored in taken:
                stored.set_exception(error)
        else:
            for (_, stored), is_new in zip(taken, new, strict=True):
                stored.set_result(is_new)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._waiting.put(None)
        self._thread.join()

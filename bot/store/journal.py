"""A search's journal in the store, which outlives a database that is away for a while."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from bot.store.errors import StoreUnavailable
from bot.store.pools import Pools
from engine.candidates import Entry

log = logging.getLogger(__name__)

MOST_OWED = 20_000
"""Entries kept in memory while the database is away, before the search has to stop."""


class Journal:
    """Appends to one pool; hand it to `Search` as its `journal`, and `flush` before anything is
    decided on what was found.

    What cannot be stored is kept in memory and stored with the next entries, none of it twice,
    whether or not the last try went through. For one thread.
    """

    def __init__(self, pools: Pools, pool_id: str) -> None:
        """Raises UnknownPool, StoreUnavailable."""
        self._pools = pools
        self._pool_id = pool_id
        self._size = pools.get_pool(pool_id).size
        self._owed: list[Entry] = []
        self._tried = 0

    @property
    def owed(self) -> int:
        """How many entries are in memory alone."""
        return len(self._owed)

    def __call__(self, entries: Iterable[Entry]) -> None:
        """Raises StoreUnavailable only where more is owed than is kept in memory."""
        self._owed += entries
        try:
            self.flush()
        except StoreUnavailable as error:
            if self.owed > MOST_OWED:
                raise
            log.warning("pool %s: %d entries wait: %s", self._pool_id, self.owed, error)

    def flush(self) -> None:
        """Store what is owed. Raises StoreUnavailable; it is still owed then."""
        # What an earlier try may have stored goes alone: only so can it be told from what came since.
        while self._owed:
            tried = self._tried or len(self._owed)
            self._tried = tried
            self._size = self._pools.append(self._pool_id, self._owed[:tried], at=self._size)
            del self._owed[:tried]
            self._tried = 0

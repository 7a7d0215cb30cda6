"""What every part of the store has: the database and the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.store.database import Database


class Part:
    """Methods over one group of tables. `clock` gives the aware time now."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

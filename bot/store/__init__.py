"""What the bot remembers: deliveries, requests and pools, on SQLite or PostgreSQL by one code path.

    database   the engine, transactions, errors told apart        migrate    the schema, step by step
    deliveries what GitHub sent, once each                        pools      candidates, results, …
    requests   the state machine, stored, with its history        effects    what was done outside
    leases     who works on what, and who no longer does          queries    lists and counts
    spending   what paid models cost per day                      outcomes   what asks brought

The database is the truth: whatever is true of a request is written here before anybody acts on it.
SQLAlchemy is imported when a store is opened and not before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.store.errors import LeaseLost, StoreUnavailable, UnknownPool, UnknownRequest

if TYPE_CHECKING:
    from bot.store.store import Store

__all__ = [
    "LeaseLost",
    "StoreUnavailable",
    "UnknownPool",
    "UnknownRequest",
    "open_store",
    "utc_now",
]


def utc_now() -> datetime:
    return datetime.now(UTC)


def open_store(url: str, *, clock: Callable[[], datetime] = utc_now) -> Store:
    """The store at `url`, its schema brought up to date. The caller closes it.

    `url` is `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/name`. Raises
    BadInput for one that cannot be, StoreUnavailable where no database answers.
    """
    from bot.store.database import Database
    from bot.store.store import Store

    store = Store(Database.open(url), clock)
    try:
        store.migrate()
    except BaseException:
        store.close()
        raise
    return store

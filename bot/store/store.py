"""The store: all its parts in one value."""

from __future__ import annotations

from sqlalchemy import text

from bot.store.deliveries import Deliveries
from bot.store.effects import Effects
from bot.store.leases import Leases
from bot.store.migrate import migrate
from bot.store.outcomes import Outcomes
from bot.store.pools import Pools
from bot.store.queries import Queries
from bot.store.spending import Spending
from engine.closing import Closing


class Store(Closing, Deliveries, Leases, Queries, Effects, Pools, Spending, Outcomes):
    """Everything that is remembered. Safe to use from many threads, and by many processes at once.

    Every method is one transaction: it happens whole or not at all. Any may raise StoreUnavailable.
    """

    @property
    def name(self) -> str:
        """The database for people, without its password."""
        return self._database.name

    def migrate(self) -> None:
        """Bring the schema up to date. Raises BadInput for a database of a later version."""
        migrate(self._database)

    def ping(self) -> None:
        """Return if the database answers."""
        with self._database.reading() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self._database.close()

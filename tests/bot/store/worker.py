"""A worker as a process of its own: `python -m tests.bot.store.worker URL NAME drain|append`."""

from __future__ import annotations

import sys

from bot.requests import RequestStatus
from bot.store import open_store
from bot.store.store import Store
from tests.engine.pools import code

LEASE_S = 60


def tell(fact: object) -> None:
    sys.stdout.write(f"{fact}\n")
    sys.stdout.flush()


def drain(store: Store, name: str) -> None:
    """Do everything there is to do, telling of each request."""
    while (request := store.claim(name, LEASE_S)) is not None:
        store.transition(request.id, RequestStatus.SOLVED, "solved", worker=name)
        store.transition(request.id, RequestStatus.PR_OPENED, "opened", worker=name)
        tell(request.id)


def append(store: Store, name: str) -> None:
    """Claim one request and append to its pool for ever, telling of the size after every append."""
    request = store.claim(name, LEASE_S)
    assert request is not None
    assert request.pool_id is not None
    size = store.get_pool(request.pool_id).size
    while True:
        made = [code(size), code(size + 1, raw="raw")]
        size = store.append(request.pool_id, made)
        tell(size)


if __name__ == "__main__":
    _, url, name, task = sys.argv
    with open_store(url) as opened:
        {"drain": drain, "append": append}[task](opened, name)

"""Pools, appended to as a search goes, and read back whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, insert, select, update

from bot.requests import ENDS, new_id
from bot.store import entries as codec
from bot.store.base import Part
from bot.store.errors import UnknownPool
from bot.store.tables import (
    candidates,
    pool_asks,
    pool_candidates,
    pool_judgements,
    pool_results,
    pools,
    requests,
    texts,
)
from engine.candidates import Entry, Pool
from engine.errors import BadInput
from engine.spec import FunctionSpec
from engine.verdicts import PairResult


@dataclass(frozen=True, slots=True)
class PoolSummary:
    """A pool without its entries; `about` is what an exported file's header says besides the spec."""

    id: str
    spec: FunctionSpec
    about: dict[str, Any]
    size: int
    created_at: datetime
    updated_at: datetime


class Pools(Part):
    """The pools by their ids."""

    def create_pool(
        self,
        spec: FunctionSpec,
        entries: Iterable[Entry] = (),
        *,
        pool_id: str | None = None,
        **about: Any,
    ) -> str:
        """A new pool, with `entries` in it or not made at all; its id.

        `about` (model, prompts, seed) goes into an exported file's header. Raises BadInput where
        that id is taken.
        """
        now, chosen, kept = self._clock(), pool_id or new_id(), _final(entries)
        row = {
            "id": chosen,
            "created_at": now,
            "updated_at": now,
            "spec": json.dumps(spec.to_json()),
            "about": json.dumps(about),
            "size": len(kept),
        }
        stored = self._database.insert(pools).values(row)
        fresh = stored.on_conflict_do_nothing(index_elements=["id"]).returning(pools.c.number)
        with self._database.writing() as connection:
            number = connection.scalar(fresh)
            if number is None:
                raise BadInput(f"there is a pool {chosen} already")
            self._insert(connection, codec.rows_of(kept, number, 0))
        return chosen

    def append(self, pool_id: str, entries: Iterable[Entry], *, at: int | None = None) -> int:
        """Add entries, all or none, and return the pool's new size.

        `at`, the size before, makes it safe to repeat an append whose outcome is unknown: where these
        very entries are there from that position on, they are not added again. SANDBOX_ERRORs are
        left out, since they are owed again. Raises UnknownPool.
        """
        kept = _final(entries)
        with self._database.writing() as connection:
            pool = _pool(connection, pool_id, lock=True)
            if at is not None and pool.size >= at + len(kept):
                there = codec.Span(pool.number, at, at + len(kept))
                if list(codec.in_order(chain(*codec.streams(connection, there)))) == kept:
                    return int(pool.size)
            size = pool.size + len(kept)
            grown = {"size": size, "updated_at": self._clock()}
            connection.execute(update(pools).where(pools.c.number == pool.number).values(grown))
            self._insert(connection, codec.rows_of(kept, pool.number, pool.size))
            return int(size)

    def load_pool(self, pool_id: str) -> Pool:
        """The pool, made of all its entries. Raises UnknownPool."""
        with self._database.reading() as connection:
            ordered, others = codec.streams(connection, _whole(_pool(connection, pool_id)))
            # A pool hangs on the order of candidates and asks alone; a million results go straight in.
            parts = [ordered, *([stream] for stream in others)]
            return Pool().grown(chain.from_iterable(map(codec.in_order, parts)))

    def iter_entries(self, pool_id: str) -> Iterator[Entry]:
        """Every entry in the order in which it came. Raises UnknownPool.

        It reads as it goes, in one transaction: take all of it, or close it.
        """
        with self._database.reading() as connection:
            whole = _whole(_pool(connection, pool_id))
            yield from codec.in_order(chain(*codec.streams(connection, whole)))

    def get_pool(self, pool_id: str) -> PoolSummary:
        """Raises UnknownPool."""
        with self._database.reading() as connection:
            return _summary(_pool(connection, pool_id))

    def list_pools(self, *, limit: int | None = None) -> list[PoolSummary]:
        """The pools, newest first."""
        query = select(pools).order_by(pools.c.number.desc()).limit(limit)
        with self._database.reading() as connection:
            return [_summary(row) for row in connection.execute(query)]

    def prune_pools(self, before: datetime) -> int:
        """Drop the pools that have not grown since then and that no living request has; how many."""
        living = requests.c.status.not_in([end.value for end in ENDS])
        in_use = select(requests.c.pool_id).where(living, requests.c.pool_id.is_not(None))
        old = select(pools.c.number, pools.c.id).where(
            pools.c.updated_at < before, pools.c.id.not_in(in_use)
        )
        with self._database.writing() as connection:
            dropped = connection.execute(old.with_for_update(skip_locked=True)).all()
            numbers, ids = [row.number for row in dropped], [row.id for row in dropped]
            for table in (pool_candidates, pool_results, pool_judgements, pool_asks):
                connection.execute(delete(table).where(table.c.pool.in_(numbers)))
            no_pool = update(requests).where(requests.c.pool_id.in_(ids)).values(pool_id=None)
            connection.execute(no_pool)
            connection.execute(delete(pools).where(pools.c.number.in_(numbers)))
            if dropped:
                _drop_orphans(connection)
            return len(dropped)

    def _insert(self, connection: Connection, rows: codec.Rows) -> None:
        # In one order for all: two transactions that insert the same keys crosswise would deadlock.
        for table, key, found in (
            (texts, "hash", rows.texts),
            (candidates, "id", rows.candidates),
        ):
            if found:
                stored = self._database.insert(table).on_conflict_do_nothing(index_elements=[key])
                connection.execute(stored, [found[name] for name in sorted(found)])
        for pool_table, entries in rows.entries.items():
            if entries:
                connection.execute(insert(pool_table), entries)


def _final(entries: Iterable[Entry]) -> list[Entry]:
    return [e for e in entries if not isinstance(e, PairResult) or e.verdict.is_final]


def _pool(connection: Connection, pool_id: str, *, lock: bool = False) -> Row[Any]:
    wanted = select(pools).where(pools.c.id == pool_id)
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    if row is None:
        raise UnknownPool(pool_id)
    return row


def _whole(pool: Row[Any]) -> codec.Span:
    return codec.Span(pool.number, 0, pool.size)


def _summary(row: Row[Any]) -> PoolSummary:
    return PoolSummary(
        id=row.id,
        spec=FunctionSpec.from_json(json.loads(row.spec)),
        about=json.loads(row.about),
        size=row.size,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _drop_orphans(connection: Connection) -> None:
    """Texts and candidates that no pool has any more."""
    kept: Table
    for kept, key, users in (
        (candidates, candidates.c.id, (pool_candidates.c.candidate_id,)),
        (texts, texts.c.hash, (pool_candidates.c.raw, pool_results.c.output)),
    ):
        unused = [~select(user).where(user == key).exists() for user in users]
        connection.execute(delete(kept).where(*unused))

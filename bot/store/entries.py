"""Entries of a pool as rows of the tables, and back."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, Text, and_, select, type_coerce

from bot.store.tables import (
    candidates,
    pool_asks,
    pool_candidates,
    pool_judgements,
    pool_results,
    texts,
)
from bot.store.types import unescape
from engine.candidates import AskOutcome, Candidate, Entry, Kind, Origin, Tier
from engine.verdicts import Isolation, Judgement, PairResult, Verdict

_AT_ONCE = 5_000
"""Rows fetched at a time: a pool can be larger than memory takes twice."""


@dataclass
class Rows:
    """What has to be inserted. `texts` and `candidates` are by key: many entries may share one."""

    texts: dict[str, dict[str, Any]] = field(default_factory=dict)
    candidates: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[Table, list[dict[str, Any]]] = field(
        default_factory=lambda: {
            pool_candidates: [], pool_results: [], pool_judgements: [], pool_asks: []
        }
    )  # fmt: skip

    def text(self, content: str) -> str | None:
        """The key of a text that is kept once; None for an empty one, which is not kept at all."""
        if not content:
            return None
        digest = hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()[:32]
        self.texts[digest] = {"hash": digest, "content": content}
        return digest


def rows_of(entries: Sequence[Entry], pool: int, start: int) -> Rows:
    """The rows of `entries`, the first of them at position `start`."""
    rows = Rows()
    for position, entry in enumerate(entries, start):
        table, row = _row_of(rows, entry)
        rows.entries[table].append({"pool": pool, "position": position, **row})
    return rows


def _row_of(rows: Rows, entry: Entry) -> tuple[Table, dict[str, Any]]:
    match entry:
        case Candidate():
            key = entry.id
            kept = {"id": key, "kind": entry.kind.value, "source": entry.source}
            rows.candidates[key] = kept
            return pool_candidates, {
                "candidate_id": key,
                "raw": rows.text(entry.raw),
                "origin": entry.origin.value,
                "parent": entry.parent,
                "logprob": entry.logprob,
                "style": entry.style,
                "edits": json.dumps(entry.edits),
            }
        case PairResult():
            return pool_results, {
                "code_id": entry.code_id,
                "test_id": entry.test_id,
                "verdict": entry.verdict.value,
                "seconds": entry.seconds,
                "error": entry.error,
                "message": entry.message,
                "output": rows.text(entry.output),
                "isolation": entry.isolation.value,
            }
        case Judgement():
            return pool_judgements, {
                "code_id": entry.code_id,
                "test_id": entry.test_id,
                "score": entry.score,
                "reply": entry.reply,
                "method": entry.method,
            }
        case AskOutcome():
            return pool_asks, {
                "kind": entry.kind.value,
                "origin": entry.origin.value,
                "style": entry.style,
                "samples": entry.samples,
                "usable": entry.usable,
                "fresh": entry.fresh,
                "tokens": entry.tokens,
                "seconds": entry.seconds,
                "temperature": entry.temperature,
                "max_tokens": entry.max_tokens,
                "without": json.dumps(entry.without),
                "tier": entry.tier.value,
            }


Stream = Iterator[tuple[int, Entry]]


@dataclass(frozen=True, slots=True)
class Span:
    """Entries of one pool: those at the positions from `start` up to, and without, `end`."""

    pool: int
    start: int
    end: int

    def of(self, table: Table) -> ColumnElement[bool]:
        """Which rows of a `pool_…` table they are."""
        c = table.c
        return and_(c.pool == self.pool, c.position >= self.start, c.position < self.end)


def streams(connection: Connection, span: Span) -> tuple[list[Stream], list[Stream]]:
    """The entries with their positions, a stream per kind of entry, each in its order.

    First the kinds whose order among each other means something to a pool, candidates and asks.
    """
    return (
        [_candidates(connection, span), _asks(connection, span)],
        [_results(connection, span), _judgements(connection, span)],
    )


def in_order(parts: Iterable[Stream]) -> Iterator[Entry]:
    """The entries of all streams as one, in the order in which they came."""
    for _, entry in heapq.merge(*parts, key=lambda placed: placed[0]):
        yield entry


def _fetched(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    result = connection.execute(query, execution_options={"yield_per": _AT_ONCE})
    for rows in result.partitions():
        yield from rows


def _of(span: Span, table: Table, *columns: Any) -> Select[Any]:
    return select(table.c.position, *columns).where(span.of(table)).order_by(table.c.position)


def _candidates(connection: Connection, span: Span) -> Stream:
    t = pool_candidates.c
    # Twins, and the asserts of one test, share what they are made of: one string in memory too.
    used = select(t.candidate_id).where(span.of(pool_candidates))
    found = select(candidates.c.id, candidates.c.source, candidates.c.kind)
    sources: dict[str, tuple[str, Kind]] = {
        key: (source, Kind(kind))
        for key, source, kind in _fetched(connection, found.where(candidates.c.id.in_(used)))
    }
    raws = _texts(connection, select(t.raw).where(span.of(pool_candidates)))
    raws[None] = ""
    columns = (t.candidate_id, t.raw, t.origin, t.parent, t.logprob, t.style, t.edits)
    for position, key, raw, origin, parent, logprob, style, edits in _fetched(
        connection, _of(span, pool_candidates, *columns)
    ):
        source, kind = sources[key]
        yield (
            position,
            Candidate(
                kind=kind,
                source=source,
                raw=raws[raw],
                origin=Origin(origin),
                parent=parent,
                logprob=logprob,
                style=style,
                edits=tuple(json.loads(edits)),
            ),
        )


def _results(connection: Connection, span: Span) -> Stream:
    t = pool_results.c
    outputs = _texts(connection, select(t.output).where(span.of(pool_results)))
    outputs[None] = ""
    # A thousand codes and tests have a million results, made of a few thousand different words: each
    # is read once, and is one string in memory.
    words = _Words()
    # As they are kept, for that: a column of AnyText would read every value anew.
    code_id, test_id, error, message = (
        type_coerce(column, Text) for column in (t.code_id, t.test_id, t.error, t.message)
    )
    columns = (code_id, test_id, t.verdict, t.seconds, error, message, t.output, t.isolation)
    verdicts = {verdict.value: verdict for verdict in Verdict}
    isolations = {isolation.value: isolation for isolation in Isolation}
    for position, code, test, verdict, seconds, name, said, output, isolation in _fetched(
        connection, _of(span, pool_results, *columns)
    ):
        yield (
            position,
            PairResult(
                words[code],
                words[test],
                verdicts[verdict],
                seconds,
                words[name],
                words[said],
                outputs[output],
                isolations[isolation],
            ),
        )


class _Words(dict[str, str]):
    """Texts by the form in which they are kept."""

    def __missing__(self, kept: str) -> str:
        self[kept] = unescape(kept)
        return self[kept]


def _judgements(connection: Connection, span: Span) -> Stream:
    t = pool_judgements.c
    columns = (t.code_id, t.test_id, t.score, t.reply, t.method)
    for position, *values in _fetched(connection, _of(span, pool_judgements, *columns)):
        yield position, Judgement(*values)


def _asks(connection: Connection, span: Span) -> Stream:
    t = pool_asks.c
    columns = (t.kind, t.origin, t.style, t.samples, t.usable, t.fresh, t.tokens, t.seconds)
    sampling = (t.temperature, t.max_tokens, t.without, t.tier)
    for position, kind, origin, *values in _fetched(
        connection, _of(span, pool_asks, *columns, *sampling)
    ):
        *about, without, tier = values
        asked = AskOutcome(Kind(kind), Origin(origin), *about)
        yield position, replace(asked, without=tuple(json.loads(without)), tier=Tier(tier))


def _texts(connection: Connection, used: Select[Any]) -> dict[str | None, str]:
    query = select(texts.c.hash, texts.c.content).where(texts.c.hash.in_(used))
    return {row.hash: row.content for row in _fetched(connection, query)}

"""The tables as they are now. The migrations make them; a test holds the two equal.

Candidates, replies and outputs are kept once each, under the hash of what they are, however many
pools hold them. The four `pool_…` tables only ever grow: `position` counts through all four, so that
reading them in its order gives the pool's entries in the order in which they came.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

from bot.store.types import AnyText, UtcDateTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

_Serial = BigInteger().with_variant(Integer, "sqlite")

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("semantic_key", AnyText, unique=True),
    Column("body", LargeBinary, nullable=False),  # zlib
    Column("received_at", UtcDateTime, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("worker", String),
    Column("leased_until", UtcDateTime),
    Column("handled_at", UtcDateTime, index=True),
    Column("note", AnyText, nullable=False, default=""),
)

requests = Table(
    "requests",
    metadata,
    Column("id", String, primary_key=True),
    # Counts up: the order among those that were made at one time.
    Column("number", BigInteger, nullable=False, server_default="0", index=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("repository", AnyText, nullable=False, index=True),
    Column("installation_id", BigInteger),
    Column("subject_kind", String, nullable=False),
    Column("subject_number", BigInteger, nullable=False),
    Column("trigger_kind", String, nullable=False),
    Column("trigger_id", AnyText, nullable=False),
    Column("requester", AnyText, nullable=False),
    Column("requester_id", BigInteger),
    Column("path", AnyText, nullable=False),
    Column("qualname", AnyText, nullable=False),
    Column("spec", AnyText, nullable=False),  # JSON
    Column("options", AnyText, nullable=False),  # JSON
    Column("base_branch", AnyText, nullable=False),
    Column("head_sha", AnyText, nullable=False),
    Column("status", String, nullable=False),
    Column("reason", AnyText, nullable=False),
    Column("error_id", String),
    Column("status_comment_id", BigInteger),
    Column("told", String),
    Column("pool_id", String, ForeignKey("pools.id")),
    Column("branch", AnyText),
    Column("pull_number", BigInteger),
    Column("pull_closed_at", UtcDateTime),
    Column("priority", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("parked", String),
    Column("parks", Integer, nullable=False),
    Column("lost_leases", Integer, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("retry_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("fingerprint", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("worker", String),
    Column("leased_until", UtcDateTime),
    Index("ix_requests_status", "status", "priority", "created_at"),
    Index("ix_requests_requester", "requester", "created_at"),
)

status_changes = Table(
    "status_changes",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("request_id", String, ForeignKey("requests.id"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("old", String),
    Column("new", String, nullable=False),
    Column("reason", AnyText, nullable=False),
    Column("worker", String),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("request_id", String, ForeignKey("requests.id"), nullable=False, index=True),
    Column("worker", String, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("ended_as", String),
    Column("parked", String),
    Column("reason", AnyText, nullable=False, default=""),
)

solutions = Table(
    "solutions",
    metadata,
    Column("request_id", String, ForeignKey("requests.id"), primary_key=True),
    Column("solution", AnyText, nullable=False),  # JSON
    Column("solved_at", UtcDateTime, nullable=False),
)

effects = Table(
    "effects",
    metadata,
    Column("key", AnyText, primary_key=True),
    Column("request_id", String, ForeignKey("requests.id"), index=True),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Column("value", AnyText, nullable=False, default=""),
)

spending = Table(
    "spending",
    metadata,
    Column("day", String, primary_key=True),
    Column("account", AnyText, primary_key=True),
    Column("micros", BigInteger, nullable=False),
)

cursors = Table(
    "cursors",
    metadata,
    Column("key", AnyText, primary_key=True),
    Column("value", AnyText, nullable=False),
)

pools = Table(
    "pools",
    metadata,
    Column("number", _Serial, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("spec", AnyText, nullable=False),  # JSON
    Column("about", AnyText, nullable=False),  # JSON: the rest of an exported header
    Column("size", Integer, nullable=False),  # entries in it, and the next one's position
)

texts = Table(
    "texts",
    metadata,
    Column("hash", String(32), primary_key=True),
    Column("content", AnyText, nullable=False),
)

candidates = Table(
    "candidates",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("kind", String, nullable=False),
    Column("source", AnyText, nullable=False),
)


def _pool_table(name: str, *columns: Column[object]) -> Table:
    return Table(
        name,
        metadata,
        Column("pool", _Serial, ForeignKey("pools.number"), primary_key=True, autoincrement=False),
        Column("position", Integer, primary_key=True, autoincrement=False),
        *columns,
        sqlite_with_rowid=False,
    )


pool_candidates = _pool_table(
    "pool_candidates",
    Column("candidate_id", String(16), ForeignKey("candidates.id"), nullable=False),
    Column("raw", String(32), ForeignKey("texts.hash")),
    Column("origin", String, nullable=False),
    Column("parent", AnyText),
    Column("logprob", Double),
    Column("style", AnyText, nullable=False),
    Column("edits", AnyText, nullable=False),  # JSON
)

pool_results = _pool_table(
    "pool_results",
    Column("code_id", AnyText, nullable=False),
    Column("test_id", AnyText, nullable=False),
    Column("verdict", String, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("error", AnyText, nullable=False),
    Column("message", AnyText, nullable=False),
    Column("output", String(32), ForeignKey("texts.hash")),
    Column("isolation", String, nullable=False, server_default="shared"),
)

pool_judgements = _pool_table(
    "pool_judgements",
    Column("code_id", AnyText, nullable=False),
    Column("test_id", AnyText),
    Column("score", Double),
    Column("reply", AnyText, nullable=False),
    Column("method", AnyText, nullable=False),
)

pool_asks = _pool_table(
    "pool_asks",
    Column("kind", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("style", AnyText, nullable=False),
    Column("samples", BigInteger, nullable=False),
    Column("usable", BigInteger, nullable=False),
    Column("fresh", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("temperature", Double),
    Column("max_tokens", BigInteger),
    Column("without", AnyText, nullable=False, server_default="[]"),  # JSON
    Column("tier", String, nullable=False, server_default="large"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("number", _Serial, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("model", AnyText, nullable=False),  # with its prompts: the tuner learns for each apart
    Column("kind", String, nullable=False),
    Column("style", AnyText, nullable=False),
    Column("temperature", Double, nullable=False),
    Column("samples", Double, nullable=False),
    Column("max_tokens", Double, nullable=False),
    Column("without", AnyText, nullable=False),  # JSON
    Column("parts", AnyText, nullable=False),  # JSON
    Column("useful", Double, nullable=False),
    Column("replies", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
    Index("ix_outcomes_model", "model", "number"),
)

NEXT_FIRST = (
    requests.c.priority.desc(),
    requests.c.created_at,
    requests.c.number,
    requests.c.id,
)
"""The order in which requests are worked on."""

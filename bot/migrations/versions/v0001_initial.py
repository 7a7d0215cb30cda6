"""Deliveries, requests with their history, and pools."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _deliveries()
    _pools()
    _requests()
    _history()


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("semantic_key", sa.Text),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("worker", sa.String),
        sa.Column("leased_until", _TIME),
        sa.Column("handled_at", _TIME),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("semantic_key", name="uq_deliveries_semantic_key"),
    )
    op.create_index("ix_deliveries_handled_at", "deliveries", ["handled_at"])


def _pools() -> None:
    op.create_table(
        "pools",
        sa.Column("number", _SERIAL, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_pools"),
        sa.UniqueConstraint("id", name="uq_pools_id"),
    )
    op.create_table(
        "texts",
        sa.Column("hash", sa.String(32), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_texts"),
    )
    op.create_table(
        "candidates",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_candidates"),
    )
    _pool_table(
        "pool_candidates",
        sa.Column("candidate_id", sa.String(16), nullable=False),
        sa.Column("raw", sa.String(32)),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("parent", sa.Text),
        sa.Column("logprob", sa.Double),
        sa.Column("style", sa.Text, nullable=False),
        sa.Column("edits", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.id"], name="fk_pool_candidates_candidate_id"
        ),
        sa.ForeignKeyConstraint(["raw"], ["texts.hash"], name="fk_pool_candidates_raw"),
    )
    _pool_table(
        "pool_results",
        sa.Column("code_id", sa.Text, nullable=False),
        sa.Column("test_id", sa.Text, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("output", sa.String(32)),
        sa.ForeignKeyConstraint(["output"], ["texts.hash"], name="fk_pool_results_output"),
    )
    _pool_table(
        "pool_judgements",
        sa.Column("code_id", sa.Text, nullable=False),
        sa.Column("test_id", sa.Text),
        sa.Column("score", sa.Double),
        sa.Column("reply", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
    )
    _pool_table(
        "pool_asks",
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("style", sa.Text, nullable=False),
        sa.Column("samples", sa.BigInteger, nullable=False),
        sa.Column("usable", sa.BigInteger, nullable=False),
        sa.Column("fresh", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
    )


def _pool_table(name: str, *items: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("pool", _SERIAL, nullable=False, autoincrement=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        *items,
        sa.PrimaryKeyConstraint("pool", "position", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["pool"], ["pools.number"], name=f"fk_{name}_pool"),
        sqlite_with_rowid=False,
    )


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("installation_id", sa.BigInteger),
        sa.Column("subject_kind", sa.String, nullable=False),
        sa.Column("subject_number", sa.BigInteger, nullable=False),
        sa.Column("trigger_kind", sa.String, nullable=False),
        sa.Column("trigger_id", sa.Text, nullable=False),
        sa.Column("requester", sa.Text, nullable=False),
        sa.Column("requester_id", sa.BigInteger),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("qualname", sa.Text, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("base_branch", sa.Text, nullable=False),
        sa.Column("head_sha", sa.Text, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("error_id", sa.String),
        sa.Column("status_comment_id", sa.BigInteger),
        sa.Column("pool_id", sa.String),
        sa.Column("branch", sa.Text),
        sa.Column("pull_number", sa.BigInteger),
        sa.Column("pull_closed_at", _TIME),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("parked", sa.String),
        sa.Column("parks", sa.Integer, nullable=False),
        sa.Column("lost_leases", sa.Integer, nullable=False),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("retry_at", _TIME),
        sa.Column("expires_at", _TIME),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("worker", sa.String),
        sa.Column("leased_until", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sa.UniqueConstraint("key_hash", name="uq_requests_key_hash"),
        sa.ForeignKeyConstraint(["pool_id"], ["pools.id"], name="fk_requests_pool_id"),
    )
    op.create_index("ix_requests_repository", "requests", ["repository"])
    op.create_index("ix_requests_status", "requests", ["status", "priority", "created_at"])
    op.create_index("ix_requests_requester", "requests", ["requester", "created_at"])


def _history() -> None:
    op.create_table(
        "status_changes",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("old", sa.String),
        sa.Column("new", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("worker", sa.String),
        sa.PrimaryKeyConstraint("id", name="pk_status_changes"),
        _of_request("status_changes"),
    )
    op.create_index("ix_status_changes_request_id", "status_changes", ["request_id"])
    op.create_table(
        "attempts",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("worker", sa.String, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("ended_as", sa.String),
        sa.Column("parked", sa.String),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        _of_request("attempts"),
    )
    op.create_index("ix_attempts_request_id", "attempts", ["request_id"])
    op.create_table(
        "solutions",
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("solution", sa.Text, nullable=False),
        sa.Column("solved_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_solutions"),
        _of_request("solutions"),
    )
    op.create_table(
        "cursors",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_cursors"),
    )


def _of_request(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=f"fk_{table}_request_id")

"""Requests that one comment made have one time: their order among themselves is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Those that are there already keep the order that they had, by their ids.
    number = sa.Column("number", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("requests", number)
    op.create_index("ix_requests_number", "requests", ["number"])

"""What paid models cost per day, so that a cap on it holds over restarts and for all workers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "spending",
        sa.Column("day", sa.String, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("micros", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "account", name="pk_spending"),
    )

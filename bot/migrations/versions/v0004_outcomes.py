"""What asks brought, for the tuner; and how each ask of a pool was sampled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # How the asks of earlier pools were sampled is not known: nobody says anything of it then.
    op.add_column("pool_asks", sa.Column("temperature", sa.Double))
    op.add_column("pool_asks", sa.Column("max_tokens", sa.BigInteger))
    without = sa.Column("without", sa.Text, nullable=False, server_default="[]")
    op.add_column("pool_asks", without)
    tier = sa.Column("tier", sa.String, nullable=False, server_default="large")
    op.add_column("pool_asks", tier)
    op.create_table(
        "outcomes",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("style", sa.Text, nullable=False),
        sa.Column("temperature", sa.Double, nullable=False),
        sa.Column("samples", sa.Double, nullable=False),
        sa.Column("max_tokens", sa.Double, nullable=False),
        sa.Column("without", sa.Text, nullable=False),
        sa.Column("parts", sa.Text, nullable=False),
        sa.Column("useful", sa.Double, nullable=False),
        sa.Column("replies", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_outcomes"),
    )
    op.create_index("ix_outcomes_model", "outcomes", ["model", "number"])

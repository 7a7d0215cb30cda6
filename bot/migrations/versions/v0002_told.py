"""What the requester was told, and what was done outside: nothing is said or done twice, or never."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ENDS = ("pr_opened", "answered", "exhausted", "failed", "cancelled", "refused")


def upgrade() -> None:
    op.add_column("requests", sa.Column("told", sa.String))
    # Who asked in the days of the old version has heard how it ended; nobody is told again.
    requests = sa.table("requests", sa.column("status"), sa.column("told"))
    ended = requests.c.status.in_(_ENDS)
    op.execute(requests.update().where(ended).values(told=requests.c.status))
    op.create_table(
        "effects",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("request_id", sa.String),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_effects"),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name="fk_effects_request_id"),
    )
    op.create_index("ix_effects_request_id", "effects", ["request_id"])

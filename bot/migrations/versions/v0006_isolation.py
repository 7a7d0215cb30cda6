"""How far apart a code and its test ran: a pass in one process is weaker evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # Of earlier results it is not known: they count as the weaker ones.
    column = sa.Column("isolation", sa.String, nullable=False, server_default="shared")
    op.add_column("pool_results", column)

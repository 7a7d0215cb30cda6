"""The schema's way from any earlier version to this one, by the steps in bot/migrations."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bot.store.database import Database
from engine.errors import BadInput

HEAD = "0006"
"""The newest step."""

_MIGRATIONS = Path(__file__).parent.parent / "migrations"

_LOCK = 0x5C4A266E
"""Names the advisory lock under which one process migrates while others wait."""


def migrate(database: Database, revision: str = HEAD) -> None:
    """Bring the schema to `revision`. Many processes may do so at once; a later one finds it done.

    All steps are one transaction. Raises BadInput when the database is of a later version of
    supercharge, StoreUnavailable.
    """
    if current_revision(database) == revision:
        return
    # A process that finds the schema up to date has no use for it, and it takes a while to load.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    # Each step is told on INFO, which is nothing to a user of the command line.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = _revision(connection)
        if found is not None and found not in known:
            raise BadInput(f"{database.name} is of a later version ({found}): update supercharge")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def current_revision(database: Database) -> str | None:
    """The version that the database has; None for an empty one."""
    with database.reading() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found

"""The engine, its transactions, and the database's errors as ours."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url

from bot.store.errors import StoreUnavailable
from engine.errors import BadInput, PartUnavailable

BUSY_S = 10.0
"""How long a statement waits for another's lock before the store counts as unavailable."""

LOOK_S = 0.001
"""Between two looks whether SQLite's write lock is free."""

_DISK_FULL = "53100"


class Database:
    """One database. Its methods may be called from many threads at once."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> Database:
        """Raises BadInput for a URL that names no database, PartUnavailable without its driver."""
        parsed = _parse(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        try:
            engine = create_engine(
                parsed,
                # A server that was restarted has closed the connections that are kept.
                pool_pre_ping=not is_sqlite,
                connect_args={"timeout": BUSY_S} if is_sqlite else {"connect_timeout": 5},
            )
        except ModuleNotFoundError as error:
            raise PartUnavailable(
                "PostgreSQL's driver is not installed",
                remedy="pip install 'supercharge-bot[postgres]'",
            ) from error
        event.listen(engine, "connect", _prepare_sqlite if is_sqlite else _prepare_postgresql)
        if is_sqlite:
            event.listen(engine, "begin", _begin_sqlite)
        return cls(engine)

    @property
    def name(self) -> str:
        """The database for people, without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction, committed at the end. On SQLite it has the write lock from its start.

        One that is not `durable` may be undone by a power cut, as if it had not been, and does not wait
        for the disk; a killed process undoes nothing.
        """
        with (
            self._translated(),
            self.engine.connect() as connection,
            connection.execution_options(supercharge_durable=durable).begin(),
        ):
            if not durable and not self.is_sqlite:
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database, and changes nothing."""
        with self._translated(), self.engine.connect() as connection:
            level = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
            with connection.execution_options(supercharge_reads=True, **level).begin():
                yield connection

    def insert(self, table: Table) -> Any:
        """An INSERT that can be told what to do on conflict; both databases word it alike."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        # A number that is too large stops in SQLite's driver, and in PostgreSQL's server.
        except (exc.DataError, OverflowError) as error:
            raise BadInput(f"the database cannot hold this: {_first_line(error)}") from error
        except (exc.IntegrityError, exc.ProgrammingError):
            raise  # our own mistakes, whose place in the code is to be seen
        except (exc.DatabaseError, exc.InterfaceError, exc.TimeoutError) as error:
            said = _first_line(error)
            full = (
                "disk is full" in said
                or getattr(getattr(error, "orig", None), "sqlstate", "") == _DISK_FULL
            )
            raise StoreUnavailable(
                f"the database {self.name} does not answer: {said}",
                remedy="make room on its disk" if full else "start it, or mend [database] url",
                disk_full=full,
            ) from error


def _first_line(error: Exception) -> str:
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise BadInput(
            "database.url is no URL: write sqlite:////path/to/file.db or postgresql://user@host/name"
        ) from error
    backend = parsed.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise BadInput(f"database.url: {backend} is not supported; use sqlite or postgresql")
    if parsed.database in (None, "", ":memory:"):
        raise BadInput("database.url must name a file: sqlite:////path/to/file.db")
    folder = Path(str(parsed.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"database.url: cannot make {folder}: {error.strerror or error}") from error
    return parsed


def _prepare_sqlite(connection: Any, record: Any) -> None:
    # The driver is not to begin transactions by its own lights: `_begin_sqlite` does.
    connection.isolation_level = None
    _switch_to_wal(connection)
    # A delivery that was answered with 202 must survive a power cut too.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _switch_to_wal(connection: Any) -> None:
    """Several that open a new file at once: for this switch alone SQLite does not wait by itself."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later could not get the lock it needs in the end.
    options = connection.get_execution_options()
    if options.get("supercharge_reads", False):
        connection.exec_driver_sql("BEGIN")
        return
    driver: Any = connection.connection.driver_connection
    # What did not wait for the disk is in the log all the same, and synced by the next that waits.
    level = "FULL" if options.get("supercharge_durable", True) else "NORMAL"
    driver.execute(f"PRAGMA synchronous = {level}")
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        _take_write_lock(driver)
    except sqlite3.OperationalError as error:
        raise exc.OperationalError("BEGIN IMMEDIATE", None, error) from error
    finally:
        driver.execute(f"PRAGMA busy_timeout = {1000 * BUSY_S:.0f}")


def _take_write_lock(driver: Any) -> None:
    """Begin, as soon as no other process writes.

    SQLite's own waiting sleeps up to a tenth of a second between two looks, and whoever came later
    looks more often: deliveries waited long for a lock that was free most of the time.
    """
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() >= deadline:
                raise
            time.sleep(LOOK_S)
        else:
            return


def _prepare_postgresql(connection: Any, record: Any) -> None:
    connection.execute(f"SET lock_timeout = '{BUSY_S:.0f}s'")
    connection.commit()

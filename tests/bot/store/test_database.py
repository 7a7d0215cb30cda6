"""Which URLs are databases, and what is said when one does not answer."""

from __future__ import annotations

import sqlite3
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, insert, select

from bot.store import StoreUnavailable, open_store
from bot.store import database as databases
from bot.store.database import Database
from bot.store.types import UtcDateTime, escape, unescape
from engine.errors import BadInput, PartUnavailable


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "database.url is no URL: write sqlite:////path/to/file.db or postgresql://"),
        ("just words", "database.url is no URL: "),
        ("mysql://here/there", "database.url: mysql is not supported; use sqlite or postgresql"),
        ("sqlite://", "database.url must name a file: sqlite:////path/to/file.db"),
        ("sqlite:///:memory:", "database.url must name a file: "),
        ("sqlite:////proc/none/store.db", "database.url: cannot make /proc/none: "),
    ],
)
def test_given_a_url_that_names_no_database_then_one_line_says_so(url, said):
    with pytest.raises(BadInput) as raised:
        Database.open(url)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_taken_and_its_password_is_never_shown(scheme):
    database = Database.open(f"{scheme}://ada:secret@somewhere/maths")

    assert database.name == "postgresql+psycopg://ada:***@somewhere/maths"
    database.close()


def test_given_no_driver_then_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(PartUnavailable, match="driver is not installed") as raised:
        Database.open("postgresql://somewhere/maths")
    assert "supercharge-bot[postgres]" in raised.value.remedy


def test_given_a_folder_that_is_not_there_then_it_is_made(tmp_path):
    path = tmp_path / "new" / "place" / "store.db"
    open_store(f"sqlite:///{path}").close()

    assert path.exists()


def test_given_no_server_then_the_store_is_unavailable_and_says_how_to_mend_it(tmp_path):
    with pytest.raises(StoreUnavailable, match=r"^the database .* does not answer: ") as raised:
        open_store(f"postgresql://ada:secret@/maths?host={tmp_path}")

    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)
    assert raised.value.remedy == "start it, or mend [database] url"


def test_given_a_file_that_is_no_database_then_it_is_said(tmp_path):
    path = tmp_path / "store.db"
    path.write_text("a letter to a friend, " * 100)

    with pytest.raises(StoreUnavailable, match="file is not a database"):
        open_store(f"sqlite:///{path}")
    assert path.read_text().startswith("a letter")


def test_when_another_process_keeps_sqlite_locked_then_the_store_is_unavailable_for_that_time(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(databases, "BUSY_S", 0.05)
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with open_store(url) as store:
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="database is locked"):
            store.set_cursor("comments", "1")
        assert store.get_cursor("comments") is None

        other.close()
        store.set_cursor("comments", "1")
        assert store.get_cursor("comments") == "1"


def test_when_sqlites_disk_is_full_then_it_is_said_and_nothing_is_half_done(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.set_cursor("comments", "1")
        with store._database.reading() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(StoreUnavailable, match="disk is full") as raised:
            store.set_cursor("comments", "2" * 1_000_000)
        assert raised.value.disk_full
        assert raised.value.remedy == "make room on its disk"
        assert store.get_cursor("comments") == "1"


@pytest.mark.postgres
def test_when_postgresql_is_restarted_then_the_store_goes_on_by_itself(cluster, clock):
    with open_store(cluster.new_url(), clock=clock) as store:
        store.set_cursor("comments", "1")
        cluster.stop()
        try:
            with pytest.raises(StoreUnavailable):
                store.set_cursor("comments", "2")
        finally:
            cluster.start()
        assert store.get_cursor("comments") == "1"


def test_a_ping_returns_where_the_database_answers(store):
    store.ping()


@given(st.text() | st.text(alphabet="\\u0d\0\ud800\udfff"))
def test_any_text_comes_back_from_what_every_database_takes(text):
    kept = escape(text)

    assert unescape(kept) == text
    assert "\0" not in kept
    kept.encode()


def test_times_are_kept_in_utc_whatever_their_zone(tmp_path):
    table = Table("times", MetaData(), Column("at", UtcDateTime))
    noon = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=5)))
    database = Database.open(f"sqlite:///{tmp_path / 'times.db'}")
    with database.writing() as connection:
        table.create(connection)
        connection.execute(insert(table).values(at=noon))
        assert connection.scalar(select(table.c.at)) == noon
        assert connection.scalar(select(table.c.at)).tzinfo is UTC
    with pytest.raises(Exception, match="without a zone"), database.writing() as connection:
        connection.execute(insert(table).values(at=datetime(2026, 3, 1)))
    database.close()


def test_what_must_last_waits_for_the_disk_also_after_what_need_not(store):
    asks = "PRAGMA synchronous" if store._database.is_sqlite else "SHOW synchronous_commit"

    def level(durable: bool) -> str:
        with store._database.writing(durable=durable) as connection:
            return str(connection.exec_driver_sql(asks).scalar_one())

    waits, does_not = ("2", "1") if store._database.is_sqlite else ("on", "off")
    assert [level(True), level(False), level(True)] == [waits, does_not, waits]

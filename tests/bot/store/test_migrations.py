"""The steps lead from every version to the next, and to what the code says."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import bindparam, text

from bot.requests import RequestStatus
from bot.store import open_store
from bot.store.database import Database
from bot.store.migrate import HEAD, current_revision, migrate
from bot.store.tables import metadata
from bot.store.types import UtcDateTime
from engine.candidates import AskOutcome, Kind, Origin
from engine.errors import BadInput
from engine.verdicts import Isolation, PairResult, Verdict
from tests.bot.requests_made import NOW, request
from tests.bot.store.conftest import BACKENDS

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


@pytest.fixture
def database(backend, empty_url):
    opened = Database.open(empty_url(backend))
    yield opened
    opened.close()


def test_the_steps_make_what_the_tables_say(database):
    migrate(database)

    with database.writing() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(database):
    migrate(database)
    assert current_revision(database) == HEAD
    migrate(database)

    assert current_revision(database) == HEAD


def test_the_newest_step_is_the_head(database):
    migrate(database, "head")

    assert current_revision(database) == HEAD


def test_given_rows_of_0001_then_0002_keeps_them_and_nobody_is_told_again(database):
    migrate(database, "0001")
    with database.writing() as connection:
        for status in ("queued", "exhausted", "pr_opened"):
            connection.execute(_REQUEST_OF_0001, {"id": status, "status": status, "at": NOW})

    migrate(database, "0002")

    with open_store(database.engine.url.render_as_string()) as store:
        told = {request.id: request.told for request in store.list_requests()}
        kept = store.get_request("queued")
    assert told == {
        "queued": None,
        "exhausted": RequestStatus.EXHAUSTED,
        "pr_opened": RequestStatus.PR_OPENED,
    }
    assert (kept.qualname, kept.spec.description, kept.created_at) == ("f", "Do it.", NOW)


def test_given_rows_of_0002_then_0003_keeps_their_order_and_puts_new_ones_after_them(database):
    migrate(database, "0002")
    with database.writing() as connection:
        for name in ("b", "a"):
            connection.execute(_REQUEST_OF_0001, {"id": name, "status": "queued", "at": NOW})

    migrate(database, "0003")

    with open_store(database.engine.url.render_as_string()) as store:
        for name in ("2", "1"):
            store.add_request(request(name))
        assert [r.id for r in store.list_requests()] == ["1", "2", "b", "a"]
        assert [store.claim(f"w{i}", 60).id for i in range(4)] == ["a", "b", "2", "1"]


def test_given_rows_of_0003_then_0004_keeps_the_asks_and_says_nothing_of_how_they_were_sampled(
    database,
):
    migrate(database, "0003")
    with database.writing() as connection:
        connection.execute(_POOL_OF_0003, {"at": NOW})
        connection.execute(_ASK_OF_0003)

    migrate(database, "0004")

    with open_store(database.engine.url.render_as_string()) as store:
        [ask] = store.load_pool("p").asks
        assert ask == AskOutcome(Kind.CODE, Origin.SAMPLED, "dialogue", 16, 12, 9, 900, 4.5)
        assert (ask.temperature, ask.max_tokens, ask.without) == (None, None, ())
        assert store.tuned_models() == {}
        later = replace(ask, temperature=0.6, max_tokens=128, without=("outline",))
        store.append("p", [later])
        assert store.load_pool("p").asks == (ask, later)


def test_given_rows_of_0004_then_0005_keeps_them_and_nothing_is_spent(database):
    migrate(database, "0004")
    with database.writing() as connection:
        connection.execute(_REQUEST_OF_0001, {"id": "a", "status": "queued", "at": NOW})

    migrate(database, "0005")

    with open_store(database.engine.url.render_as_string()) as store:
        assert [r.id for r in store.list_requests()] == ["a"]
        assert store.spent_today("mind") == 0
        assert store.reserve("mind", 5, 10) is not None


def test_given_results_of_0005_then_0006_takes_their_isolation_for_the_weaker_one(database):
    migrate(database, "0005")
    with database.writing() as connection:
        connection.execute(_POOL_OF_0003, {"at": NOW})
        connection.execute(_RESULT_OF_0005)

    migrate(database, "0006")

    with open_store(database.engine.url.render_as_string()) as store:
        [known] = store.load_pool("p").results.values()
        assert known == PairResult("c", "t", Verdict.PASSED, 0.5, isolation=Isolation.SHARED)
        apart = replace(known, test_id="u", isolation=Isolation.SEPARATE)
        store.append("p", [apart])
        assert store.load_pool("p").results[("c", "u")] == apart


def test_when_many_start_at_once_then_one_migrates_and_the_others_find_it_done(database):
    errors = []

    def start():
        try:
            open_store(database.engine.url.render_as_string()).close()
        except Exception as error:  # noqa: BLE001 - told by the assertion
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert current_revision(database) == HEAD


def test_given_a_database_of_a_later_version_then_it_is_left_alone(database):
    migrate(database)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(BadInput, match=r"is of a later version \(9999\): update supercharge$"):
        migrate(database)


_POOL_OF_0003 = text("""
INSERT INTO pools (number, id, created_at, updated_at, spec, about, size) VALUES (
    1, 'p', :at, :at,
    '{"qualname": "f", "prototype": "def f():", "description": "", "module": "def f(): ...",'
    || ' "examples": [], "path": "a.py"}',
    '{}', 1
)
""").bindparams(bindparam("at", type_=UtcDateTime))

_RESULT_OF_0005 = text("""
INSERT INTO pool_results (pool, position, code_id, test_id, verdict, seconds, error, message)
VALUES (1, 0, 'c', 't', 'passed', 0.5, '', '')
""")

_ASK_OF_0003 = text("""
INSERT INTO pool_asks (
    pool, position, kind, origin, style, samples, usable, fresh, tokens, seconds
) VALUES (1, 0, 'code', 'sampled', 'dialogue', 16, 12, 9, 900, 4.5)
""")

_REQUEST_OF_0001 = text("""
INSERT INTO requests (
    id, key_hash, repository, subject_kind, subject_number, trigger_kind, trigger_id, requester,
    path, qualname, spec, options, base_branch, head_sha, status, reason, priority, attempts, parks,
    lost_leases, cancel_requested, fingerprint, created_at, updated_at
) VALUES (
    :id, :id, 'octo/maths', 'issue', 3, 'label', 'd1', 'ada',
    'a.py', 'f',
    '{"qualname": "f", "prototype": "def f():", "description": "Do it.", "module": "def f(): ...",'
    || ' "examples": [], "path": "a.py"}',
    '{"dry_run": false}', 'main', 'c0ffee', :status, '', 0, 0, 0, 0, false, '', :at, :at
)
""").bindparams(bindparam("at", type_=UtcDateTime))

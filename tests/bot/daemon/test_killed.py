"""Processes are killed at every stage of many requests: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bot.forge.fake.loopback import LoopbackGitHub
from bot.requests import Request
from bot.scratch import LOCK
from bot.store import open_store
from tests.bot.daemon.fleet import Fleet, pause
from tests.bot.daemon.processes import LONGEST_S
from tests.bot.daemon.stages import OF_REQUESTS, Kill, Killer, Stage, connect, entries

SEED = 20261125
REQUESTS = 16
AGAIN = 4
INBOXES = 6
LEAST_KILLS = 200
LONGEST_RUN_S = 600.0


def test_two_hundred_kills_at_every_stage_lose_nothing_and_do_nothing_twice(
    forks, tmp_path, app_keys
):
    rng = random.Random(SEED)
    database = tmp_path / "bot.db"
    url = f"sqlite:///{database}"
    with open_store(url) as store, LoopbackGitHub(tmp_path / "github") as github:
        fleet = Fleet(forks, github, tmp_path, url, app_keys)
        issues = [fleet.open(number) for number in range(REQUESTS)]
        kills = _ask_and_kill_the_web_side(fleet, issues, str(database), rng)
        plans = {issue: list(OF_REQUESTS) for issue in issues}
        with Killer(fleet, str(database), plans, rng, INBOXES) as killer:
            fleet.start("worker 1")
            fleet.start("worker 2")
            about = f"seed {SEED}"
            requests = fleet.wait_told(store, REQUESTS, about=about, longest_s=LONGEST_RUN_S)
        fleet.stop()

    kills += killer.kills
    about = f"seed {SEED}, {len(kills)} kills"
    assert {stage for stage in Stage if stage not in {kill.stage for kill in kills}} == set(), about
    assert len(kills) >= LEAST_KILLS, f"{about}; never reached: {killer.plans}"
    fleet.check_done_once(requests, about)
    _check_no_candidate_lost(str(database), requests, kills, about)
    _check_all_put_in_order(tmp_path, str(database), about)


def _ask_and_kill_the_web_side(
    fleet: Fleet, issues: list[int], database: str, rng: random.Random
) -> list[Kill]:
    """Every command is given to a web side of its own, which dies once it is stored. GitHub delivers it
    again and again, and those web sides die as well, wherever they are by then.
    """
    kills = []
    with closing(connect(database)) as connection:
        for issue in issues:
            web = fleet.start_web()
            before = _count(connection, "deliveries")
            fleet.ask(issue)
            for _ in range(int(LONGEST_S / 0.001)):
                if _count(connection, "deliveries") > before:
                    break
                pause(0.001)
            web.kill()
            fleet.github.wait_delivered()
            for _ in range(AGAIN):
                web = fleet.start_web()
                fleet.tell_again(issue)
                pause(rng.uniform(0, 0.02))
                web.kill()
                fleet.github.wait_delivered()
            kills += [Kill(Stage.STORED, issue)] * (1 + AGAIN)
    fleet.start_web()
    return kills


def _check_no_candidate_lost(
    database: str, requests: list[Request], kills: list[Kill], about: str
) -> None:
    """What was in a pool at any kill is there at the end, in its place, and is stored once."""
    with closing(connect(database)) as connection:
        for kill in kills:
            if kill.pool is not None:
                kept = entries(connection, kill.pool)
                lost = set(kill.entries) - set(kept)
                assert not lost, f"{about}: killed {kill.stage.value} of #{kill.issue}, lost {lost}"
        assert any(kill.entries for kill in kills if kill.stage is Stage.SAMPLING), about
        for table, key, source in (
            ("candidates", "id", "kind, source"),
            ("texts", "hash", "content"),
        ):
            twins = f"SELECT count(*), count(DISTINCT {key}) FROM {table}"
            assert len(set(connection.execute(twins).fetchone())) == 1, about
            same = f"SELECT {source} FROM {table} GROUP BY {source} HAVING count(*) > 1"
            assert connection.execute(same).fetchall() == [], about
        for pool, size in connection.execute("SELECT number, size FROM pools"):
            places = sorted(_places(connection, pool))
            assert places == list(range(size)), f"{about}: pool {pool} has a hole or a double"
        pools = {request.pool_id for request in requests}
        assert len(pools) == len(requests) == _count(connection, "pools"), about


def _check_all_put_in_order(folder: Path, database: str, about: str) -> None:
    with closing(connect(database)) as connection:
        unhandled = "SELECT id, note FROM deliveries WHERE handled_at IS NULL"
        assert connection.execute(unhandled).fetchall() == [], about
        held = "SELECT id FROM requests WHERE worker IS NOT NULL"
        assert connection.execute(held).fetchall() == [], about
        open_turns = "SELECT request_id, worker FROM attempts WHERE ended_at IS NULL"
        assert connection.execute(open_turns).fetchall() == [], about
    # One that was killed while it made or removed a folder is not swept before that is old.
    left = [path.name for path in (folder / "tmp").iterdir() if (path / LOCK).exists()]
    assert left == [], about


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _places(connection: sqlite3.Connection, pool: int) -> Iterator[int]:
    for table in ("pool_candidates", "pool_results", "pool_judgements", "pool_asks"):
        found = f"SELECT position FROM {table} WHERE pool = ?"
        yield from (int(row[0]) for row in connection.execute(found, (pool,)))

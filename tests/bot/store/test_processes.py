"""Many workers at once, and workers that are killed: real processes, real signals."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bot.requests import RequestStatus
from bot.store import open_store, utc_now
from tests.bot.requests_made import SPEC, request
from tests.bot.store.worker import LEASE_S
from tests.engine.pools import code

ROOT = Path(__file__).parents[3]
S = RequestStatus


@contextmanager
def worker(url: str, name: str, task: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.bot.store.worker", url, name, task]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def add_requests(store, count):
    for number in range(count):
        store.add_request(request(f"r{number:03}"))


def test_two_processes_do_a_hundred_requests_once_each(url, store):
    add_requests(store, 100)

    with worker(url, "w1", "drain") as one, worker(url, "w2", "drain") as other:
        done = [name.strip() for process in (one, other) for name in process.stdout]
        assert (one.wait(), other.wait()) == (0, 0)

    assert sorted(done) == [f"r{number:03}" for number in range(100)]
    for kept in store.list_requests():
        assert [c.new for c in store.history(kept.id)] == [
            S.QUEUED, S.RUNNING, S.SOLVED, S.PR_OPENED,
        ]  # fmt: skip


def test_threads_of_one_process_never_claim_the_same(store):
    add_requests(store, 30)
    claimed: dict[str, list[str]] = {f"w{n}": [] for n in range(3)}

    def work(name):
        while (taken := store.claim(name, 60)) is not None:
            claimed[name].append(taken.id)
            store.transition(taken.id, S.FAILED, worker=name)

    threads = [threading.Thread(target=work, args=(name,)) for name in claimed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(itertools.chain(*claimed.values())) == [f"r{number:03}" for number in range(30)]


@pytest.mark.parametrize("told", [1, 7])
def test_when_a_worker_is_killed_then_its_request_goes_on_and_no_candidate_is_lost(
    url, store, clock, told
):
    pool_id = store.create_pool(SPEC)
    store.add_request(request("r1", pool_id=pool_id))
    with worker(url, "w1", "append") as process:
        sizes = [int(process.stdout.readline()) for _ in range(told)]
        process.kill()

    kept = list(store.iter_entries(pool_id))
    assert len(kept) >= sizes[-1] == 2 * told
    assert len(kept) % 2 == 0, "an append is whole or it is not there"
    expected = [(code(n), code(n + 1, raw="raw")) for n in range(0, len(kept), 2)]
    assert kept == [candidate for pair in expected for candidate in pair]

    assert store.get_request("r1").status is S.RUNNING
    clock.now = utc_now() + timedelta(seconds=LEASE_S + 1)
    with open_store(url, clock=clock) as another:
        [released] = another.release_stale_leases()
        assert (released.status, released.lost_leases) == (S.QUEUED, 1)
        again = another.claim("w2", LEASE_S)
        assert (again.id, again.pool_id) == ("r1", pool_id)
        assert another.append(pool_id, [code(10**6)]) == len(kept) + 1

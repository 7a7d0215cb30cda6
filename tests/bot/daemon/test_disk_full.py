"""A disk that is full, a real one: what is asked meanwhile is made again, and all is done once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.forge.fake.loopback import LoopbackGitHub
from bot.retry import ParkReason
from bot.store import open_store
from tests.bot.daemon.fleet import IN_A_HURRY, Fleet, ended, has_parked, is_busy


class SmallDisk:
    """A file system of 32 MiB, which takes a mount and so root."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=32m", "supercharge-test", str(folder)]
        subprocess.run(command, check=True)
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Not a byte is left."""
        with self._filler.open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                return

    def free(self) -> None:
        self._filler.unlink()

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    made = SmallDisk(tmp_path / "disk")
    yield made
    made.close()


def test_when_the_databases_disk_is_full_then_nothing_that_it_took_is_lost(
    forks, disk, tmp_path, app_keys
):
    url = f"sqlite:///{disk.folder / 'bot.db'}"
    with open_store(url) as store, LoopbackGitHub(tmp_path / "github") as github:
        fleet = Fleet(forks, github, tmp_path, url, app_keys, settings=IN_A_HURRY)
        issues = [fleet.open(number) for number in range(4)]
        fleet.start_web()
        worker = fleet.start("worker")
        for issue in issues[:-1]:
            fleet.ask(issue)
        fleet.wait(lambda: ended(store) >= 1 and is_busy(store))
        disk.fill()
        fleet.ask(issues[-1])
        github.wait_delivered()
        assert fleet.told(issues[-1]).status_code == 503, "it was not stored"
        fleet.wait(lambda: "disk is full" in worker.said())
        pools = {str(request.pool_id) for request in store.list_requests() if request.pool_id}
        kept = {pool: {str(entry) for entry in store.iter_entries(pool)} for pool in pools}
        disk.free()
        fleet.tell_again(issues[-1])
        requests = fleet.wait_told(store, len(issues))
        fleet.stop()
        fleet.check_done_once(requests, "the database's disk full")
        for pool, entries in kept.items():
            assert entries <= {str(entry) for entry in store.iter_entries(pool)}
        assert {request.attempts for request in requests} == {0}, "an outage cost an attempt"


def test_when_the_disk_for_checkouts_is_full_then_requests_wait_for_it(
    forks, disk, tmp_path, app_keys
):
    url = f"sqlite:///{tmp_path / 'bot.db'}"
    more = {"TMPDIR": str(disk.folder)}
    with open_store(url) as store, LoopbackGitHub(tmp_path / "github") as github:
        fleet = Fleet(forks, github, tmp_path, url, app_keys, settings=IN_A_HURRY | more)
        issues = [fleet.open(number) for number in range(3)]
        fleet.start_web()
        fleet.start("worker")
        # Python looks for a folder once, and would find another were this one full by then.
        fleet.ask(issues[0])
        fleet.wait_told(store, 1)
        disk.fill()
        for issue in issues[1:]:
            fleet.ask(issue)
        fleet.wait(lambda: has_parked(store, ParkReason.DISK))
        assert ended(store) == 1
        disk.free()
        requests = fleet.wait_told(store, len(issues))
        fleet.stop()
        fleet.check_done_once(requests, "the checkouts' disk full")
        assert {request.attempts for request in requests} == {0}, "an outage cost an attempt"

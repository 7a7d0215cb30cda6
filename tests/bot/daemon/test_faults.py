"""Parts go away under the daemon's real processes: all is done in the end, and once."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import docker
import pytest

from bot.forge.fake.loopback import LoopbackGitHub
from bot.requests import RequestStatus
from bot.retry import ParkReason
from bot.store import open_store
from bot.store.store import Store
from tests.bot.daemon.fleet import IN_A_HURRY, LONGEST_S, Fleet, ended, has_parked, is_busy, pause
from tests.bot.store.postgres import Cluster

S = RequestStatus
REQUESTS = int(os.environ.get("REQUESTS", "100"))
"""For two workers: it takes some minutes, and whoever works on this file may want fewer."""
AT_ONCE = 4
"""Requests that one worker carries at the same time: most of a request's time is waiting."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL that no other test uses: it goes away."""
    started = Cluster()
    yield started
    started.close()


@pytest.mark.postgres
def test_when_postgresql_is_restarted_under_it_then_all_is_done_once(
    forks, cluster, tmp_path, app_keys
):
    url = cluster.new_url()
    with open_store(url) as store, LoopbackGitHub(tmp_path / "github") as github:
        fleet = Fleet(forks, github, tmp_path, url, app_keys, settings=IN_A_HURRY)
        issues = [fleet.open(number) for number in range(5)]
        fleet.start_web()
        for name in ("worker 1", "worker 2"):
            fleet.start(name)
        for issue in issues[:-1]:
            fleet.ask(issue)
        for done in (0, 1, 2):
            fleet.wait(lambda done=done: _is_amid(store, done, len(issues) - 1))
            cluster.stop()
            if done == 1:
                # GitHub hears that it could not be stored, and makes it again later.
                fleet.ask(issues[-1])
                github.wait_delivered()
                assert fleet.told(issues[-1]).status_code == 503
            cluster.start()
        fleet.tell_again(issues[-1])
        requests = fleet.wait_told(store, len(issues))
        fleet.stop()
        fleet.check_done_once(requests, "PostgreSQL restarted")
        for request in requests:
            kept = list(store.iter_entries(str(request.pool_id)))
            assert len(kept) == store.get_pool(str(request.pool_id)).size


def test_when_github_fails_thirty_percent_of_calls_then_all_is_done_once(forks, tmp_path, app_keys):
    url = f"sqlite:///{tmp_path / 'bot.db'}"
    with open_store(url) as store, LoopbackGitHub(tmp_path / "github", seed=7) as github:
        fleet = Fleet(forks, github, tmp_path, url, app_keys, settings=IN_A_HURRY)
        issues = [fleet.open(number) for number in range(4)]
        fleet.start_web()
        # Half of them are done, and only the answer is lost.
        github.faults.server_error_rate = github.faults.lost_answer_rate = 0.15
        fleet.start("worker")
        for issue in issues:
            fleet.ask(issue)
        requests = fleet.wait_told(store, len(issues))
        github.faults.clear()
        fleet.stop()
        fleet.check_done_once(requests, "GitHub failing")
        turns = [turn for request in requests for turn in store.attempts_of(request.id)]
        assert ParkReason.GITHUB in {turn.parked for turn in turns}, "nothing ever failed"
        assert {request.attempts for request in requests} == {0}, "an outage cost an attempt"


class Engine:
    """A Docker engine of the test's own, in a folder that goes with it."""

    def __init__(self) -> None:
        # A socket's path has to be short.
        self.folder = Path(tempfile.mkdtemp(prefix="supercharge-engine-", dir="/tmp"))
        self.host = f"unix://{self.folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # Without a bridge it would delete another engine's.
        there = Path("/sys/class/net/docker0").exists()
        options = {
            "--host": self.host,
            "--data-root": f"{self.folder}/data",
            "--exec-root": f"{self.folder}/exec",
            "--pidfile": f"{self.folder}/pid",
            "--bridge": "docker0" if there else "none",
            "--containerd-namespace": self.folder.name,
            "--containerd-plugins-namespace": f"{self.folder.name}-plugins",
        }
        off = ["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"]
        command = ["dockerd", *(f"{key}={value}" for key, value in options.items()), *off]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(int(LONGEST_S / 0.1)):
            if self._answers():
                return
            pause(0.1)
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
            connection.settimeout(5)
            connection.connect(self.host.removeprefix("unix://"))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(1 << 12)
        return False

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=60)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()
        for line in Path("/proc/self/mounts").read_text().splitlines():
            if str(self.folder) in line.split()[1]:
                subprocess.run(["umount", "--lazy", line.split()[1]], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.mark.docker
def test_when_docker_is_stopped_and_started_then_all_is_done_once(
    forks, engine, tmp_path, app_keys
):
    url = f"sqlite:///{tmp_path / 'bot.db'}"
    more = {
        "SUPERCHARGE_SANDBOX_ENGINE": "docker",
        "SUPERCHARGE_SANDBOX_DOCKER_HOST": engine.host,
    }
    with open_store(url) as store, LoopbackGitHub(tmp_path / "github") as github:
        fleet = Fleet(forks, github, tmp_path, url, app_keys, settings=IN_A_HURRY | more)
        issues = [fleet.open(number) for number in range(3)]
        fleet.start_web()
        fleet.start("worker")
        for issue in issues:
            fleet.ask(issue)
        fleet.wait(lambda: ended(store) >= 1 and is_busy(store))
        engine.stop()
        fleet.wait(lambda: has_parked(store, ParkReason.SANDBOX))
        waiting = {r.id: store.get_pool(r.pool_id).size for r in store.list_requests() if r.pool_id}
        engine.start()
        requests = fleet.wait_told(store, len(issues))
        fleet.stop()
        fleet.check_done_once(requests, "Docker restarted")
        for request in requests:
            assert store.get_pool(str(request.pool_id)).size >= waiting.get(request.id, 0)
        client = docker.DockerClient(base_url=engine.host, version="auto")
        left = client.containers.list(all=True)
        client.close()
        assert left == [], "a container outlived its worker"


@pytest.mark.postgres
def test_two_workers_on_one_postgresql_do_every_request_once(forks, cluster, tmp_path, app_keys):
    url = cluster.new_url()
    with open_store(url) as store, LoopbackGitHub(tmp_path / "github") as github:
        carried = {"SUPERCHARGE_WORKER_REQUESTS": str(AT_ONCE)}
        fleet = Fleet(forks, github, tmp_path, url, app_keys, settings=carried, seconds_per_reply=0)
        issues = [fleet.open(number) for number in range(REQUESTS)]
        fleet.start_web()
        for issue in issues:
            fleet.ask(issue)
        for name in ("worker 1", "worker 2"):
            fleet.start(name)
        requests = fleet.wait_told(store, len(issues), longest_s=900.0)
        fleet.stop()
        fleet.check_done_once(requests, "two workers")
        shares: dict[str, int] = {}
        turns = []
        for request in requests:
            [turn] = store.attempts_of(request.id)
            process = turn.worker.partition("-runner-")[0]
            shares[process] = shares.get(process, 0) + 1
            turns.append((turn.worker, turn.started_at, turn.ended_at))
            assert [change.new for change in store.history(request.id)] == [
                S.QUEUED, S.RUNNING, S.SOLVED, S.PR_OPENED,
            ]  # fmt: skip
        assert len(shares) == 2, shares
        _check_one_at_a_time(turns)


def _check_one_at_a_time(turns: list[tuple[str, datetime, datetime | None]]) -> None:
    """No runner of a worker had two requests at once."""
    ended: dict[str, datetime] = {}
    for worker, start, end in sorted(turns, key=lambda turn: turn[1]):
        assert end is not None
        assert worker not in ended or ended[worker] <= start
        ended[worker] = end


def _is_amid(store: Store, done: int, asked: int) -> bool:
    """Whether so many have ended and another is in the middle of it, if one is left."""
    over = ended(store)
    return over >= done and (is_busy(store) or over == asked)

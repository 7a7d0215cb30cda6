"""A cancel reaches a request whose worker is a process that is busy: model work and sandbox end."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.forge.fake.loopback import LoopbackGitHub
from bot.requests import RequestStatus
from bot.store import open_store
from tests.bot.daemon.fleet import LONGEST_S, REPLIES, REPO, Fleet, pause
from tests.bot.daemon.processes import Process

# The users of candidates have numbers from here on.
FIRST_CANDIDATE = 100_000
FOR_EVER = {**REPLIES, "": ["\n    while True:\n        n = n\n"]}


@pytest.mark.parametrize(
    ("busy", "seconds_per_reply", "least"),
    [
        pytest.param(REPLIES, 3600.0, 0, id="the model would write for an hour"),
        pytest.param(FOR_EVER, 0.0, 8, id="the code would run for an hour"),
    ],
)
def test_a_cancel_ends_what_would_go_on_for_an_hour(
    forks, tmp_path, app_keys, busy, seconds_per_reply, least
):
    url = f"sqlite:///{tmp_path / 'bot.db'}"
    with open_store(url) as store, LoopbackGitHub(tmp_path / "github") as github:
        fleet = Fleet(
            forks,
            github,
            tmp_path,
            url,
            app_keys,
            settings={"SUPERCHARGE_SEARCH_TIMEOUT_S": "3600"},
            replies=busy,
            seconds_per_reply=seconds_per_reply,
        )
        fleet.start_web()
        issue = fleet.open(0)
        fleet.ask(issue)
        worker = fleet.start("worker")
        for _ in range(int(LONGEST_S / 0.02)):
            pools = store.list_pools()
            runs = _candidates(worker) if least else _sandboxes(worker)
            if pools and pools[0].size >= least and runs:
                break
            pause(0.02)
        github.comment(REPO, issue, "/supercharge cancel", by="ada")
        [request] = fleet.wait_told(store, 1)

        assert request.status is RequestStatus.CANCELLED
        assert worker.is_running
        assert _candidates(worker) == [], "a candidate outlived its request"
        # The sandbox itself is kept warm for the next request, as long as the worker lives.
        kept = _sandboxes(worker)
        assert len(kept) == 1
        [words] = [
            comment.body
            for comment in github.comments(REPO, issue)
            if "is cancelled, as `ada` asked" in comment.body
        ]
        assert words
        fleet.stop()
        assert not any(Path(f"/proc/{pid}").exists() for pid in kept)


def _sandboxes(worker: Process) -> list[int]:
    """The children of a worker that are sandboxes."""
    return [
        pid for pid, (name, parent, _) in _processes() if (name, parent) == ("bwrap", worker.pid)
    ]


def _candidates(worker: Process) -> list[int]:
    """The processes in a worker's sandboxes that run as a candidate's user."""
    processes, inside = _processes(), set(_sandboxes(worker))
    for _ in range(4):
        inside |= {pid for pid, (_, parent, _) in processes if parent in inside}
    return [pid for pid, (_, _, uid) in processes if pid in inside and uid >= FIRST_CANDIDATE]


def _processes() -> list[tuple[int, tuple[str, int, int]]]:
    """Every process with its name, its parent and its user."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text(errors="replace").partition("(")[2].rpartition(")")
            uid = stat.parent.stat().st_uid
        except OSError:
            continue  # it ended meanwhile
        found.append((int(stat.parent.name), (name, int(rest.split()[1]), uid)))
    return found

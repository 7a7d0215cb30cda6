"""Sandboxes on several nodes: pairs are spread, and survive the node that ran them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ray

from engine.errors import BadInput, Cancelled, SandboxUnavailable
from engine.sandbox import Project, SandboxSettings, open_sandbox
from engine.sandbox.ray import RaySandbox, session
from engine.verdicts import Verdict

SETTINGS = SandboxSettings(place="ray", engine="bubblewrap", memory_mb=512, tmpfs_mb=32, workers=1)
CODES = {f"good{n}": f"def double(n):\n    return 2 * n + {n} - {n}\n" for n in range(4)} | {
    f"bad{n}": f"def double(n):\n    return {n}\n" for n in range(4)
}
TESTS = {
    f"t{n}": f"from double import double\n\n\ndef test_double():\n    assert double({n}) == {2 * n}\n"
    for n in range(20, 24)
}
SLOW = "import time\n\ndef double(n):\n    time.sleep(0.2)\n    return 2 * n\n"


@pytest.fixture(scope="module")
def nodes(ray_nodes):
    ray_nodes.at_least(2)
    return ray_nodes


@pytest.fixture
def opened(nodes, keep: Callable[[Any], Any]) -> Callable[..., RaySandbox]:
    def opener(project: Project | None = None) -> RaySandbox:
        sandbox = keep(open_sandbox(SETTINGS, project=project))
        assert isinstance(sandbox, RaySandbox)
        return sandbox

    return opener


def right(results: list[Any]) -> bool:
    """Whether every pair has one verdict, and that the true one."""
    expected = {
        (code, test): Verdict.PASSED if code.startswith("good") else Verdict.FAILED
        for code in CODES
        for test in TESTS
    }
    return {r.pair: r.verdict for r in results} == expected and len(results) == len(expected)


def test_every_pair_has_its_verdict_and_the_node_that_dies_changes_none(nodes, opened):
    count = len(nodes.at_least(2))
    sandbox = opened()
    while len(sandbox._ready()) < count:
        sandbox._await_opening()
    codes = {code: SLOW if code.startswith("good") else source for code, source in CODES.items()}
    results, busy = [], []
    for result in sandbox.run_pairs(codes, TESTS, entry_point="double"):
        results.append(result)
        hosts = [host for host in sandbox._ready() if host.busy]
        if not busy and len(hosts) >= 2:
            busy = [host.node_id for host in hosts]
            nodes.kill(busy[0])
    assert busy
    assert right(results)
    assert busy[0] not in sandbox._hosts
    assert sandbox.description.startswith(f"Ray on {count - 1} nodes: bubblewrap")
    assert sandbox.warnings

    # A node that joins is used from the next call on.
    joined = nodes.add()
    assert right(list(sandbox.run_pairs(CODES, TESTS, entry_point="double")))
    assert joined in sandbox._hosts


def test_a_pair_over_which_node_after_node_is_lost_is_our_fault(opened, monkeypatch):
    monkeypatch.setattr(session, "MOST_LOSSES", 2)
    sandbox, over = opened(), threading.Event()

    def kill_whoever_is_busy() -> None:
        while not over.wait(0.02):
            for host in list(sandbox._hosts.values()):
                if host.busy:
                    ray.kill(host.actor)

    killer = threading.Thread(target=kill_whoever_is_busy)
    killer.start()
    tests = {"t20": TESTS["t20"]}
    results = list(sandbox.run_pairs({"slow": SLOW}, tests, entry_point="double"))
    over.set()
    killer.join()
    assert [(r.verdict, r.error, r.message) for r in results] == [
        (Verdict.SANDBOX_ERROR, "sandbox", "2 nodes were lost over this pair")
    ]


def test_when_no_node_is_left_the_sandbox_is_unavailable(opened, monkeypatch):
    sandbox = opened()
    monkeypatch.setattr(sandbox, "_look", lambda: None)
    for host in list(sandbox._hosts.values()):
        ray.kill(host.actor)
    with pytest.raises(SandboxUnavailable, match="a node was lost") as caught:
        list(sandbox.run_pairs(CODES, TESTS, entry_point="double"))
    assert "ray status" in caught.value.remedy


def test_a_pair_is_confirmed_on_some_node_with_the_projects_files(opened, tmp_path: Path):
    (tmp_path / "helper").mkdir()
    (tmp_path / "helper" / "__init__.py").write_text("TWO = 2\n", encoding="utf-8")
    sandbox = opened(Project((tmp_path,)))
    code = "from helper import TWO\n\n\ndef double(n):\n    return TWO * n\n"
    [test, *_] = TESTS.values()
    result = sandbox.confirm(("c", "t"), code, test, entry_point="double", timeout_s=20)
    assert (result.pair, result.verdict) == (("c", "t"), Verdict.PASSED)


def test_cancelling_ends_the_iterator_and_the_work_on_the_nodes(opened):
    sandbox, cancel = opened(), threading.Event()
    hang = {f"{n}": "import time\n\ndef double(n):\n    time.sleep(3600)\n" for n in range(8)}
    codes = {"bad": "def double(n):\n    return n\n"} | hang
    results = []
    for result in sandbox.run_pairs(codes, TESTS, entry_point="double", timeout_s=2, cancel=cancel):
        results.append(result)
        cancel.set()
    assert 1 <= len(results) < len(codes) * len(TESTS)
    [test, *_] = TESTS.values()
    with pytest.raises(Cancelled):
        sandbox.confirm(("c", "t"), SLOW, test, entry_point="double", cancel=cancel)
    assert right(list(sandbox.run_pairs(CODES, TESTS, entry_point="double")))


def test_what_cannot_run_is_bad_input_and_a_closed_sandbox_says_so(opened):
    sandbox = opened()
    with pytest.raises(BadInput):
        sandbox.run_pairs(CODES, TESTS, entry_point="no name")
    with pytest.raises(BadInput):
        sandbox.run_pairs(CODES, TESTS, entry_point="double", pairs=[("good0", "none")])
    assert not list(sandbox.run_pairs({}, {}, entry_point="double"))
    sandbox.close()
    with pytest.raises(SandboxUnavailable, match="closed"):
        list(sandbox.run_pairs(CODES, TESTS, entry_point="double"))


def test_a_place_that_is_none_is_bad_input():
    with pytest.raises(BadInput, match=r"sandbox\.place must be one of local, ray, not 'cloud'"):
        SandboxSettings(place="cloud")

"""A sandbox's life: hurt and replaced, cancelled, closed, found again after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import docker
import pytest

import engine.sandbox
from engine.errors import BadInput, SandboxUnavailable
from engine.sandbox import SandboxSettings, describe_engines, open_sandbox, rootfs
from engine.sandbox.connection import Connection, LinkLost, Mailbox
from engine.sandbox.docker import LABEL, REPOSITORY, DockerEngine
from engine.sandbox.owners import owner_labels
from engine.verdicts import Verdict

GOOD = "def double(n):\n    return 2 * n\n"
SLOW = "import time\n\ndef double(n):\n    time.sleep(0.3)\n    return 2 * n\n"
HANG = "import time\n\ndef double(n):\n    time.sleep(3600)\n"
TEST = "from double import double\n\n\ndef test_double():\n    assert double(4) == 8\n"
SETTINGS = SandboxSettings(memory_mb=512, tmpfs_mb=32)


def end_runner(sandbox):
    """What the kernel's memory killer or an operator could do to a sandbox."""
    link = sandbox._connection._link
    if hasattr(link, "_container"):
        link._container.kill()
    else:
        os.killpg(link._process.pid, signal.SIGKILL)


def test_pairs_of_a_killed_runner_run_again(open_here):
    sandbox = open_here()
    codes = {f"{i}": SLOW for i in range(8)} | {"bad": "def double(n):\n    return 0\n"}
    results = []
    for result in sandbox.run_pairs(codes, {"t": TEST}, entry_point="double"):
        results.append(result)
        if len(results) == 2:
            first = sandbox._connection
            end_runner(sandbox)
    verdicts = {result.code_id: result.verdict for result in results}
    assert len(results) == len(codes)
    assert verdicts.pop("bad") is Verdict.FAILED
    assert set(verdicts.values()) == {Verdict.PASSED}
    assert sandbox._connection is not first


def test_a_pair_that_loses_two_runners_is_our_fault(open_here, monkeypatch):
    sandbox = open_here()
    assert [r.verdict for r in sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double")]
    get, starts = Mailbox.get, []

    def dying(box, timeout_s):
        message = get(box, timeout_s)
        if message is not None and message["type"] in ("result", "row") and message["id"] in hurt:
            starts.append(1)
            raise LinkLost
        return message

    monkeypatch.setattr(Mailbox, "get", dying)
    monkeypatch.setattr(Connection, "last_words", lambda connection: "gone")
    # Ids are given in order: batch, then pairs; the second try has one of its own.
    first = next(sandbox._ids) + 2
    hurt = {first, first + 1}
    (result,) = sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double")
    assert len(starts) == 2
    assert (result.verdict, result.error, result.message) == (
        Verdict.SANDBOX_ERROR,
        "sandbox",
        "gone",
    )


def test_cancelling_ends_the_iterator_and_the_work(open_here):
    sandbox, cancel = open_here(), threading.Event()
    timer = threading.Timer(0.5, cancel.set)
    timer.start()
    codes = {f"{i}": HANG for i in range(50)}
    assert not list(
        sandbox.run_pairs(codes, {"t": TEST}, entry_point="double", timeout_s=60, cancel=cancel)
    )
    timer.join()
    (result,) = sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double")
    assert result.verdict is Verdict.PASSED


def test_cancelled_before_it_starts_nothing_runs(open_here):
    cancel = threading.Event()
    cancel.set()
    sandbox = open_here()
    pairs = sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double", cancel=cancel)
    assert not list(pairs)
    assert sandbox._connection is None


def test_an_iterator_left_early_leaves_a_usable_sandbox(open_here):
    sandbox = open_here()
    # A wrong one, since a pass in a shared process waits for its control behind what was sent before.
    codes = {"bad": "def double(n):\n    return n\n"} | {f"{i}": HANG for i in range(8)}
    pairs = sandbox.run_pairs(codes, {"t": TEST}, entry_point="double", timeout_s=60)
    assert next(pairs).code_id == "bad"
    pairs.close()
    (result,) = sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double")
    assert (result.code_id, result.verdict) == ("c", Verdict.PASSED)


def test_closing_twice_is_fine_and_nothing_stays(open_here):
    sandbox = open_here()
    assert list(sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double"))
    sandbox.close()
    sandbox.close()
    with pytest.raises(SandboxUnavailable, match="closed"):
        list(sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double"))


def test_it_works_from_another_thread(open_here):
    sandbox, found = open_here(), []
    thread = threading.Thread(
        target=lambda: found.extend(
            sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double")
        )
    )
    thread.start()
    thread.join()
    assert [result.verdict for result in found] == [Verdict.PASSED]
    # And it outlives the thread that started its runner.
    first = sandbox._connection
    assert list(sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double"))
    assert sandbox._connection is first


def test_only_the_pairs_asked_for_run(opened):
    codes, tests = {"a": GOOD, "b": GOOD}, {"x": TEST, "y": TEST}
    asked = [("a", "y"), ("b", "x"), ("a", "y")]
    results = opened.run_pairs(codes, tests, entry_point="double", pairs=asked)
    assert sorted(r.pair for r in results) == [("a", "y"), ("b", "x")]
    assert not list(opened.run_pairs(codes, tests, entry_point="double", pairs=[]))
    assert not list(opened.run_pairs({}, {}, entry_point="double"))


@pytest.mark.parametrize(
    ("entry_point", "pairs"), [("no name", None), ("a/b", None), ("double", [("a", "z")])]
)
def test_what_cannot_run_is_bad_input(opened, entry_point, pairs):
    with pytest.raises(BadInput):
        opened.run_pairs({"a": GOOD}, {"x": TEST}, entry_point=entry_point, pairs=pairs)


def test_importing_the_package_imports_no_engine():
    script = (
        "import sys, engine.sandbox\n"
        "heavy = {'docker', 'requests', 'pipreqs', 'pytest'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    root = Path(engine.sandbox.__file__).parents[2]
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root)


def test_an_unknown_engine_is_bad_input():
    with pytest.raises(BadInput, match="podman"):
        SandboxSettings(engine="podman")


def test_without_docker_bubblewrap_takes_over_and_says_so(monkeypatch, tmp_path):
    gone = f"unix://{tmp_path}/none.sock"
    with open_sandbox(SandboxSettings(docker_host=gone)) as sandbox:
        assert sandbox.description.startswith("bubblewrap")
        assert any("system calls" in line for line in sandbox.warnings)


def test_where_nothing_is_there_the_remedy_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    gone = f"unix://{tmp_path}/none.sock"
    with pytest.raises(SandboxUnavailable, match=r"no such socket.*not installed") as caught:
        open_sandbox(SandboxSettings(docker_host=gone))
    assert "apt-get install" in caught.value.remedy
    with pytest.raises(SandboxUnavailable):
        open_sandbox(SandboxSettings(engine="docker", docker_host=gone))
    statuses = describe_engines(SandboxSettings(docker_host=gone))
    assert [(s.name, s.available, bool(s.remedy)) for s in statuses] == [
        ("docker", False, True),
        ("bubblewrap", False, True),
    ]


@pytest.mark.docker
def test_docker_comes_first_and_promises_everything():
    with open_sandbox() as sandbox:
        assert sandbox.description.startswith("Docker")
        assert sandbox.warnings == ()
    assert next((s.name, s.available) for s in describe_engines()) == ("docker", True)


@pytest.mark.docker
def test_an_engine_that_goes_away_is_unavailable(monkeypatch):
    with open_sandbox(SandboxSettings(engine="docker", memory_mb=512)) as sandbox:
        assert list(sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double"))

        def refuse(*arguments, **options):
            raise docker.errors.DockerException("connection refused")

        monkeypatch.setattr(sandbox._engine._client.containers, "create", refuse, raising=False)
        monkeypatch.setattr(type(sandbox._engine._client.containers), "create", refuse)
        end_runner(sandbox)
        with pytest.raises(SandboxUnavailable, match="connection refused") as caught:
            list(sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double"))
        assert caught.value.remedy


@pytest.mark.docker
def test_a_runtime_that_docker_lacks_is_told_and_nothing_weaker_is_taken():
    for engine_name in ("auto", "docker"):
        settings = SandboxSettings(engine=engine_name, runtime="no-such-runtime")
        with pytest.raises(SandboxUnavailable) as caught:
            open_sandbox(settings)
        words = str(caught.value)
        assert words.startswith("Docker has no runtime 'no-such-runtime', only ")
        assert "runc" in words
        assert "\n" not in words
        assert "sandbox.runtime" in caught.value.remedy
    status = describe_engines(settings)[0]
    assert (status.name, status.available, status.detail) == ("docker", False, words)


@pytest.mark.docker
def test_a_runtime_that_docker_has_runs_the_pairs():
    with open_sandbox(SandboxSettings(runtime="runc", memory_mb=512)) as sandbox:
        (result,) = sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double")
    assert result.verdict is Verdict.PASSED


@pytest.mark.parametrize("key", ["runtime", "confirm_runtime"])
def test_a_runtime_is_dockers(key):
    with pytest.raises(BadInput, match=rf"sandbox\.{key} is"):
        SandboxSettings(engine="bubblewrap", **{key: "runsc"})


@pytest.fixture
def docker_engine():
    engine_ = DockerEngine(SETTINGS)
    yield engine_
    engine_.close()


def exists(docker_engine, container_id):
    try:
        docker_engine._client.api.inspect_container(container_id)
    except docker.errors.NotFound:
        return False
    return True


@pytest.mark.docker
def test_the_container_is_shut_tight(docker_engine):
    with open_sandbox(SETTINGS) as sandbox:
        assert list(sandbox.run_pairs({"c": GOOD}, {"t": TEST}, entry_point="double"))
        container = sandbox._connection._link._container
        container.reload()
        host, config = container.attrs["HostConfig"], container.attrs["Config"]
        assert host["NetworkMode"] == "none"
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert sorted(name.removeprefix("CAP_") for name in host["CapAdd"]) == [
            "KILL",
            "SETGID",
            "SETUID",
        ]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert (host["Memory"], host["MemorySwap"]) == (512 << 20, 512 << 20)
        assert (host["PidsLimit"], host["NanoCpus"]) == (128, 2_000_000_000)
        assert not host["Binds"]
        assert not container.attrs["Mounts"]
        assert not host["Privileged"]
        assert config["Labels"][LABEL] == "sandbox"
        assert not [line for line in config["Env"] if "TOKEN" in line]
    # Nobody else's is looked at: others of ours may come and go at the same time.
    deadline = time.monotonic() + 30
    while exists(docker_engine, container.id):
        assert time.monotonic() < deadline, "the container is still there"


@pytest.mark.docker
def test_the_image_is_made_once(docker_engine):
    tag = f"{REPOSITORY}:{rootfs.key()}"
    assert docker_engine._image() == tag
    first = docker_engine._client.images.get(tag)
    assert docker_engine._image() == tag
    assert docker_engine._client.images.get(tag).id == first.id
    assert first.labels[LABEL] == "sandbox-image"


@pytest.mark.docker
def test_containers_of_a_dead_owner_are_swept_and_others_are_not(docker_engine):
    dead = owner_labels() | {"supercharge.owner.started": "1"}
    elsewhere = dead | {"supercharge.owner.host": "elsewhere"}
    made = {
        name: docker_engine._client.containers.create(
            docker_engine._image(), [rootfs.PYTHON], labels={LABEL: "sandbox", **labels}
        )
        for name, labels in {"dead": dead, "live": owner_labels(), "far": elsewhere}.items()
    }
    try:
        # Whoever sweeps at the same time may have been first.
        docker_engine.sweep()
        left = {name for name, container in made.items() if exists(docker_engine, container.id)}
        assert left == {"live", "far"}
    finally:
        for container in (made["live"], made["far"]):
            container.remove(force=True)


@pytest.mark.docker
def test_a_killed_owner_leaves_no_container(docker_engine):
    script = (
        "import os, signal\n"
        "from engine.sandbox import open_sandbox, SandboxSettings\n"
        "s = open_sandbox(SandboxSettings(engine='docker', memory_mb=256))\n"
        f"list(s.run_pairs({{'c': {GOOD!r}}}, {{'t': {TEST!r}}}, entry_point='double'))\n"
        "print(s._connection._link._container.id, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(engine.sandbox.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, cwd=root, capture_output=True, text=True
    )
    docker_engine.sweep()
    left = done.stdout.strip()
    assert left
    # The engine removes in the background what has ended: it may be listed for a moment more.
    deadline = time.monotonic() + 30
    while exists(docker_engine, left):
        assert time.monotonic() < deadline, "the container of a dead owner is still there"


def test_the_files_depend_on_what_runs_in_the_sandbox(monkeypatch):
    before = rootfs.key()
    assert rootfs.key() == before
    monkeypatch.setattr(rootfs, "_LAYOUT", rootfs._LAYOUT + 1)
    assert rootfs.key() != before

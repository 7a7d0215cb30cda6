"""gVisor: what ships is confirmed in it. Where the engine does not have it, that is told in one line.

deploy/engine.sh gives it to the engine that it starts, wherever it works; that is held here too.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from engine.errors import SandboxUnavailable
from engine.sandbox import SandboxSettings, describe_engines, open_sandbox
from engine.sandbox.docker import GVISOR, PRIVATE_SOCKET, DockerEngine
from engine.verdicts import Isolation, Verdict
from tests.engine.sandbox.conftest import GOOD, TEST, Runs

SMALL = {"engine": "docker", "memory_mb": 512, "tmpfs_mb": 32}
# gVisor says that it is this kernel, whatever it runs on.
KERNEL = (
    'import os\n\n\ndef double(n):\n    assert os.uname().release == "4.4.0"\n    return 2 * n\n'
)
TEMPORARY = """
def double(n):
    with open("/tmp/fixed-name", "x") as file:
        file.write("x")
    return 2 * n
"""
HOSTILE = {
    "an early exit": "import os\nos._exit(0)\n",
    "a patched pytest": "import _pytest.python as p\np.Function.runtest = lambda self: None\n",
    "everybody killed": "import os, signal\nos.kill(-1, signal.SIGKILL)\n",
    "the network": "import socket\nsocket.create_connection(('1.1.1.1', 53), 2)\n",
    "a file outside": "open('/usr/x', 'w')\n",
    "a fork bomb": "import os\nwhile True:\n    os.fork()\n",
    "a memory bomb": "x = bytearray(1 << 40)\n",
}
pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def has_gvisor() -> bool:
    """Whether the engine has gVisor; one of ours has it wherever it works."""
    engine = DockerEngine(SandboxSettings())
    known, host = GVISOR in engine._client.info()["Runtimes"], engine.host
    engine.close()
    config = Path(PRIVATE_SOCKET.removeprefix("unix://")).with_name("daemon.json")
    if host == PRIVATE_SOCKET and config.exists() and (program := shutil.which("runsc")):
        works = subprocess.run([program, "--network=none", "do", "true"], check=False, timeout=60)
        assert known == (works.returncode == 0)
    return known


@pytest.fixture(scope="module")
def under(has_gvisor):
    """A sandbox that screens in gVisor; None where that was refused in one line."""
    settings = SandboxSettings(runtime=GVISOR, **SMALL)
    if has_gvisor:
        with open_sandbox(settings) as sandbox:
            yield sandbox
        return
    with pytest.raises(SandboxUnavailable, match=r"^Docker has no runtime 'runsc', only .*$"):
        open_sandbox(settings)
    yield None


def test_pairs_run_in_it_with_a_tmp_of_their_own(under):
    if under is None:
        return
    run = Runs(under)
    for code in (GOOD, KERNEL, TEMPORARY, TEMPORARY):
        result = run(code)
        assert result.verdict is Verdict.PASSED, result
        assert result.isolation is Isolation.SHARED
    assert run("def double(n):\n    return n\n").error == "AssertionError"
    assert run("def double(n):\n    while True: pass\n", timeout_s=1).verdict is Verdict.TIMED_OUT
    assert any("screens" in line for line in under.warnings)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_code_passes_and_the_next_honest_ones_do(under, name):
    if under is None:
        return
    run = Runs(under)
    assert run(HOSTILE[name] + GOOD).verdict is not Verdict.PASSED
    run.still_honest()


def test_no_object_of_system_v_is_there_for_the_next_pair(under):
    if under is None:
        return
    run = Runs(under)
    leave = "import ctypes\nlibc = ctypes.CDLL(None)\n"
    leave += (
        "made = [libc.shmget(7, 64, 0o1666), libc.semget(7, 1, 0o1666), libc.msgget(7, 0o1666)]\n"
    )
    look = "import ctypes\nlibc = ctypes.CDLL(None)\n"
    look += "found = [libc.shmget(7, 64, 0), libc.semget(7, 1, 0), libc.msgget(7, 0)]\n"
    for _ in range(2):
        assert run(leave + "assert min(made) >= 0\n" + GOOD).verdict is Verdict.PASSED
        assert run(look + "assert max(found) == -1, found\n" + GOOD).verdict is Verdict.PASSED
    flood = "for _ in range(20_000):\n    libc.msgctl(libc.msgget(0, 0o1600), 0, None)\n"
    assert (
        run("import ctypes\nlibc = ctypes.CDLL(None)\n" + flood + GOOD).verdict
        is not Verdict.PASSED
    )
    run.still_honest()


def test_what_was_screened_outside_is_confirmed_in_it(has_gvisor):
    settings = SandboxSettings(confirm_runtime=GVISOR, **SMALL)
    if not has_gvisor:
        with pytest.raises(SandboxUnavailable, match=r"^Docker has no runtime 'runsc', only .*$"):
            open_sandbox(settings)
        return
    with open_sandbox(settings) as sandbox:
        assert "(runc, confirms under runsc)" in sandbox.description
        assert sandbox.warnings == ()
        run = Runs(sandbox)
        assert run().isolation is Isolation.SEPARATE
        assert run(KERNEL).verdict is Verdict.FAILED
        for code, verdict in (
            (KERNEL, Verdict.PASSED),
            (GOOD + HOSTILE["an early exit"], Verdict.FAILED),
        ):
            confirmed = sandbox.confirm(("c", "t"), code, TEST, entry_point="double")
            assert confirmed.verdict is verdict, confirmed


def test_the_doctor_tells_of_it_where_it_is_not_used(has_gvisor):
    told = describe_engines(SandboxSettings())[0].detail
    assert ("sandbox.confirm_runtime" in told) is has_gvisor
    if has_gvisor:
        used = describe_engines(SandboxSettings(confirm_runtime=GVISOR))[0].detail
        assert "sandbox.confirm_runtime" not in used

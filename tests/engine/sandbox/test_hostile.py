"""Code that wants a pass that it has not earned, its neighbours' lives, or out."""

from __future__ import annotations

from textwrap import dedent

import pytest

from engine.verdicts import Verdict

WRONG = "\n\ndef double(n):\n    return 0\n"
RIGHT = "\n\ndef double(n):\n    return 2 * n\n"

FORGERIES = {
    "os._exit at import": "import os; os._exit(0)" + WRONG,
    "os._exit in the call": "import os\n\ndef double(n):\n    os._exit(0)\n",
    "sys.exit at import": "import sys; sys.exit(0)" + WRONG,
    "sys.exit in the call": "import sys\n\ndef double(n):\n    sys.exit(0)\n",
    "SystemExit subclass": "class E(SystemExit): pass\n\ndef double(n):\n    raise E(0)\n",
    "pytest.exit at import": "import pytest; pytest.exit('', returncode=0)" + WRONG,
    "pytest.exit in the call": "import pytest\n\ndef double(n):\n    pytest.exit('', 0)\n",
    "pytest.skip in the call": "import pytest\n\ndef double(n):\n    pytest.skip()\n",
    "pytest.xfail in the call": "import pytest\n\ndef double(n):\n    pytest.xfail()\n",
    "KeyboardInterrupt": "def double(n):\n    raise KeyboardInterrupt\n",
    "GeneratorExit": "def double(n):\n    raise GeneratorExit\n",
    "atexit after a failure": "import atexit, os; atexit.register(os._exit, 0)" + WRONG,
    "atexit after a success": "import atexit, os; atexit.register(os._exit, 0)" + RIGHT,
    "kills itself": "import os\n\ndef double(n):\n    os.kill(os.getpid(), 9)\n",
    "terminates itself": "import os\n\ndef double(n):\n    os.kill(os.getpid(), 15)\n",
    "crashes": "import ctypes\n\ndef double(n):\n    ctypes.string_at(0)\n",
    "a thread left behind": """
        import threading, time
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
        """
    + RIGHT,
    "the report closed": "import os; os.closerange(3, 1000)" + WRONG,
    "the report closed, and no end": "import os, time; os.closerange(3, 1000); time.sleep(3600)"
    + RIGHT,
    "noise on every descriptor": """
        import os
        for fd in range(3, 1000):
            try:
                os.write(fd, b'{"done": true}' * 100)
            except OSError:
                pass
        """
    + RIGHT,
    "a forged report without the nonce": """
        import json, os, struct
        def send(**message):
            body = json.dumps(message).encode()
            os.write(499, struct.pack(">I", len(body)) + body)
        send(nonce="0" * 32, tests={"test_double": "passed"}, failure=None, exitstatus=0, threads=0)
        send(nonce="0" * 32, done=True)
        os._exit(0)
        """,
    "a conftest written for the next": """
        with open("conftest.py", "w") as file:
            file.write("def pytest_pyfunc_call(pyfuncitem): return True")
        """
    + WRONG,
    "an ini written for the next": """
        with open("pytest.ini", "w") as file:
            file.write("[pytest]\\naddopts = --collect-only\\n")
        """
    + WRONG,
    "the test rewritten": """
        with open("test_candidate.py", "w") as file:
            file.write("def test_double(): pass")
        """
    + WRONG,
    "the parent's fork": "import os\n\ndef double(n):\n    os._exit(0) if os.fork() else None\n",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_no_trick_earns_a_pass(run, name):
    result = run(dedent(FORGERIES[name]), timeout_s=3)
    assert result.verdict is not Verdict.PASSED
    assert result.verdict is not Verdict.SANDBOX_ERROR
    assert result.error


BOMBS = {
    "a fork bomb": """
        import os

        def double(n):
            while True:
                try:
                    os.fork()
                except OSError:
                    pass
        """,
    "a thread bomb": """
        import threading, time

        def double(n):
            while True:
                try:
                    threading.Thread(target=time.sleep, args=(3600,)).start()
                except RuntimeError:
                    pass
        """,
    "a memory bomb": "def double(n):\n    return len(bytearray(1 << 34))\n",
    "a slow memory bomb": """
        def double(n):
            held = []
            while True:
                held.append(bytearray(1 << 20))
        """,
    "a memory bomb of many": """
        import os, time

        def double(n):
            for _ in range(8):
                os.fork()
            held = []
            try:
                while True:
                    held.append(os.urandom(1 << 20))
            except MemoryError:
                time.sleep(3600)
        """,
    "a disk filler": """
        def double(n):
            with open("big", "wb") as file:
                while True:
                    file.write(bytes(1 << 20))
        """,
    "an inode filler": """
        def double(n):
            for i in range(10_000_000):
                open(str(i), "w").close()
        """,
    "a deep directory": """
        import os

        def double(n):
            for _ in range(3000):
                os.mkdir("d" * 200)
                os.chdir("d" * 200)
            return 0
        """,
    "endless output": "def double(n):\n    while True:\n        print('x' * 10_000)\n",
    "endless raw output": "import os\n\ndef double(n):\n    while True:\n        os.write(1, b'x')\n",
    "endless report": """
        import os

        def double(n):
            while True:
                os.write(499, b"x" * 65536)
        """,
    "a huge int": "def double(n):\n    return 9 ** 9 ** 9\n",
    "a regex stall": "import re\n\ndef double(n):\n    re.match('(a+)+b', 'a' * 100)\n",
    "deep recursion in C": """
        import sys
        sys.setrecursionlimit(10**9)

        def double(n):
            return double(n)
        """,
    "a loop deaf to signals": """
        import signal

        def double(n):
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            while True:
                pass
        """,
    "reads stdin": "def double(n):\n    return input()\n",
    "huge exception": "def double(n):\n    raise Exception('y' * 50_000_000)\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_bomb_hurts_the_next_pair(run, name):
    result = run(dedent(BOMBS[name]), timeout_s=0.8)
    assert result.verdict in {Verdict.FAILED, Verdict.TIMED_OUT}
    assert result.error


ESCAPES = {
    "the network": """
        import socket
        for address in (
            ("1.1.1.1", 53), ("127.0.0.1", 80), ("172.17.0.1", 22), ("169.254.169.254", 80),
            ("::1", 80), ("/run/docker.sock",), ("/run/supercharge/docker.sock",),
        ):
            family = socket.AF_UNIX if len(address) == 1 else socket.AF_INET
            family = socket.AF_INET6 if ":" in address[0] else family
            address = address[0] if len(address) == 1 else address
            s = socket.socket(family)
            s.settimeout(1)
            try:
                s.connect(address)
            except OSError:
                continue
            raise SystemExit("connected")
        try:
            socket.getaddrinfo("localhost.localdomain.example", 80)
        except OSError:
            pass
        else:
            raise SystemExit("resolved")
        """,
    "the environment": """
        import os, subprocess, sys
        show = "print(open('/proc/self/environ').read())"
        text = " ".join(os.environ)
        text += subprocess.run([sys.executable, "-c", show], capture_output=True, text=True).stdout
        assert "PATH=" in text
        for word in ("TOKEN", "SECRET", "DOCKER", "PIP_", "SUPERCHARGE", "USER", "VIRTUAL_ENV"):
            assert word not in text, word
        """,
    "another's memory": """
        import os
        for name in ("environ", "mem", "maps", "fd/0", "root/etc/passwd", "cwd/x"):
            try:
                open(f"/proc/1/{name}", "rb").read(1)
            except OSError:
                continue
            assert False, name
        """,
    "files outside": """
        import os
        for path in ("/x", "/usr/x", "/packages/x", "/dev/shm/x", "/slots/x", "/etc/passwd"):
            try:
                open(path, "a").close()
            except OSError:
                continue
            assert False, path
        for path in ("/home", "/root", "/work", "/var", "/run/docker.sock"):
            assert not os.path.exists(path), path
        """,
    "privilege": """
        import os
        for call in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]),
                     lambda: os.chroot("/"), lambda: os.nice(-5), lambda: os.chown(".", 0, 0)):
            try:
                call()
            except OSError:
                continue
            # The one user of a user namespace is 0 there as little as anywhere: chown to itself.
            assert False, call.__code__.co_names
        status = open("/proc/self/status").read()
        assert "CapEff:\\t0000000000000000" in status
        assert "CapPrm:\\t0000000000000000" in status
        assert "NoNewPrivs:\\t1" in status
        assert os.getuid() != 0 and os.getgid() != 0
        """,
    "descriptors of the runner": """
        import os
        for fd in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{fd}")
            except OSError:
                continue
            assert not target.startswith("socket:"), (fd, target)
            assert not target.startswith("pipe:") or fd == "499", (fd, target)
        """,
    "hard links": """
        import os
        for path in ("/etc/passwd", "/usr/local/bin/python3", "/proc/1/status", "/slots"):
            try:
                os.link(path, "linked")
            except OSError:
                continue
            assert False, path
        os.symlink("/etc/passwd", "soft")
        try:
            open("soft", "w")
        except OSError:
            pass
        else:
            assert False, "written through a link"
        """,
    "mount": """
        import ctypes
        libc = ctypes.CDLL(None)
        assert libc.mount(b"none", b"/slots", b"tmpfs", 0, None) == -1
        assert libc.umount2(b"/proc", 2) == -1
        assert libc.ptrace(16, 1, 0, 0) == -1
        """,
}


@pytest.mark.parametrize("name", ESCAPES)
def test_no_way_leads_out(run, name):
    result = run(dedent(ESCAPES[name]) + RIGHT)
    assert result.verdict is Verdict.PASSED, (result.error, result.message, result.output)


SURVIVORS = {
    "a daemon": """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True:
                    time.sleep(1)
            os._exit(0)
        os.wait()
        """,
    "a child": "import subprocess; subprocess.Popen(['/usr/local/bin/python3', '-c', 'input()'],"
    " stdin=subprocess.PIPE)",
    "a child that has ended and was not waited for": """
        import os
        if (pid := os.fork()) == 0:
            os._exit(0)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        """,
    "a stopped child": """
        import os, signal
        if os.fork() == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        """,
}


@pytest.mark.parametrize("name", SURVIVORS)
def test_nothing_outlives_its_pair(run, name):
    result = run(dedent(SURVIVORS[name]) + RIGHT, timeout_s=5)
    assert result.verdict is Verdict.FAILED, result
    count = """
        import os
        from double import double

        def test_count():
            others = [p for p in os.listdir("/proc") if p.isdecimal() and p != str(os.getpid())]
            # Process 1, and the server that forks codes where they have users of their own.
            assert others[0] == "1" and len(others) <= 2
            users = {os.stat(f"/proc/{p}").st_uid for p in others}
            assert users in ({0}, {os.getuid()}) and (len(others) == 1 or users == {0})
    """
    assert run(test=dedent(count)).verdict is Verdict.PASSED


def test_killing_everybody_hurts_only_oneself(run):
    result = run(
        "import os\n\ndef double(n):\n    os.kill(-1, 9)\n    os.kill(1, 9)\n    return 0\n"
    )
    assert result.verdict is Verdict.FAILED


def test_killing_everybody_does_not_reach_the_pair_beside(opened):
    killer = "import os\n\ndef double(n):\n    while True:\n        os.kill(-1, 9)\n"
    honest = "def double(n):\n    return 2 * n\n"
    test = "from double import double\n\ndef test_a():\n    assert double(4) == 8\n"
    codes = {f"{i}": killer if i % 2 else honest for i in range(20)}
    results = list(opened.run_pairs(codes, {"t": test}, entry_point="double", timeout_s=0.6))
    passed = {r.code_id for r in results if r.verdict is Verdict.PASSED}
    assert passed == {f"{i}" for i in range(0, 20, 2)}
    assert not [r for r in results if r.verdict is Verdict.SANDBOX_ERROR]


def test_files_are_gone_in_the_next_pair(run):
    leave = """
        import os
        for place in (".", "..", "/tmp"):
            try:
                os.makedirs(f"{place}/left/behind")
                os.symlink("/etc", f"{place}/left/link")
                os.chmod(f"{place}/left", 0)
                open(f"{place}/left_file", "w").close()
            except OSError:
                pass
        """
    assert run(dedent(leave) + RIGHT).verdict is Verdict.PASSED
    look = """
        import os
        from double import double

        def test_empty():
            assert sorted(os.listdir(".")) == ["double.py", "test_candidate.py"]
            assert os.listdir("..") == ["pair"]
            assert os.path.exists("/etc/passwd")
    """
    result = run(test=dedent(look))
    assert result.verdict is Verdict.PASSED, result.output


def test_shared_memory_carries_nothing_to_the_next_pair(run):
    leave = """
        import ctypes
        libc = ctypes.CDLL(None)
        libc.shmget(1234, 4096, 0o1666)
        """
    run(dedent(leave) + RIGHT)
    look = """
        import ctypes
        from double import double

        def test_none():
            assert ctypes.CDLL(None).shmget(1234, 4096, 0) == -1
    """
    assert run(test=dedent(look)).verdict is Verdict.PASSED


def test_codes_of_one_name_and_second_do_not_meet_in_bytecode(opened):
    codes = {
        f"{n}": f"def double(x):\n    return {n:03}\n".replace(" 00", " ").replace(" 0", " ")
        for n in range(1, 30)
    }
    test = "from double import double\n\ndef test_a():\n    assert double(0) == 17\n"
    results = opened.run_pairs(codes, {"t": test}, entry_point="double")
    assert {r.code_id for r in results if r.verdict is Verdict.PASSED} == {"17"}


LIMITS_OF_THE_RUNNER = """
    import resource

    def double(n):
        try:
            resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))
        except OSError:
            return 2 * n
        return 0
"""


def test_the_runners_own_limits_are_out_of_reach(run, kind):
    result = run(dedent(LIMITS_OF_THE_RUNNER))
    if kind == "bubblewrap-one-user":
        # One user may do that to its own: the runner is replaced, and the code has no pass of it.
        assert result.verdict is not Verdict.PASSED
    else:
        assert result.verdict is Verdict.PASSED, result


def test_system_calls_are_filtered_where_that_is_said(run, kind, opened):
    filtered = kind == "docker"
    code = f"""
        import ctypes
        status = open("/proc/self/status").read()
        assert ("Seccomp:\\t2" in status) is {filtered}
        if {filtered}:
            # A user namespace, where anybody is root: the profile refuses it.
            assert ctypes.CDLL(None).unshare(0x10000000) == -1
    """
    result = run(dedent(code) + RIGHT)
    assert result.verdict is Verdict.PASSED, result.output
    assert any("system calls" in line for line in opened.warnings) is not filtered

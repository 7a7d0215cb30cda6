"""Codes that know how they are tested, and want a pass that they have not earned."""

from __future__ import annotations

from textwrap import dedent

import pytest

from engine.sandbox.plaincode import read_code
from engine.verdicts import Isolation, Verdict

TEST = "from double import double\n\n\ndef test_double():\n    assert double(4) == 8\n"

SHARED = {
    "equal to everything": """
        class All:
            def __eq__(self, other):
                return True

        def double(n):
            return All()
        """,
    "an int that is equal to everything": """
        class All(int):
            def __eq__(self, other):
                return True
            __hash__ = int.__hash__

        def double(n):
            return All(n)
        """,
    "what the caller expects": """
        import sys

        def double(n):
            constants = sys._getframe(1).f_code.co_consts
            return [value for value in constants if isinstance(value, int) and value != n][0]
        """,
    "the caller's globals": """
        import sys

        class Calm:
            def __getattr__(self, name):
                raise AttributeError(name)

        def double(n):
            known = sys._getframe(1).f_globals
            known["__builtins__"]["AssertionError"] = None
            known["@pytest_ar"] = Calm()
            sys._getframe(1).f_globals["test_double"].__code__ = (lambda: None).__code__
            return 0
        """,
    "the test's source": """
        import re

        def double(n):
            with open("test_candidate.py") as file:
                return int(re.search(r"== (\\d+)", file.read())[1])
        """,
    "Function.runtest patched": """
        import _pytest.python

        _pytest.python.Function.runtest = lambda self: None

        def double(n):
            return 0
        """,
    "pytest_pyfunc_call patched": """
        import _pytest.runner

        def calm(item, when, **more):
            return _pytest.runner.CallInfo(None, None, 0, 0, 0, when, _ispytest=True)

        _pytest.runner.call_and_report.__globals__["check_interactive_exception"] = lambda *a: False
        _pytest.runner.CallInfo.from_call = classmethod(
            lambda kind, func, when, **more: kind(None, None, 0.0, 0.0, 0.0, when, _ispytest=True)
        )

        def double(n):
            return 0
        """,
    "nonce and descriptor read from frames": """
        import json, os, struct, sys

        def send(**message):
            body = json.dumps(message).encode()
            os.write(499, struct.pack(">I", len(body)) + body)

        def double(n):
            frame = sys._getframe()
            while not hasattr(frame.f_locals.get("work"), "nonce"):
                frame = frame.f_back
            nonce = frame.f_locals["work"].nonce
            send(nonce=nonce, tests={"test_double": "passed"}, failure=None, exitstatus=0, threads=0)
            send(nonce=nonce, done=True)
            os._exit(0)
        """,
    "the recorder changed": """
        import gc

        def double(n):
            for found in gc.get_objects():
                if type(found).__name__ == "Recorder":
                    type(found).fail = lambda *a: None
                    type(found).pytest_runtest_makereport = None
                    found.tests = type("Passed", (dict,), {
                        "__setitem__": lambda self, key, value: dict.__setitem__(self, key, "passed")
                    })(test_double="passed")
            return 0
        """,
}


@pytest.mark.parametrize("name", SHARED)
def test_in_one_process_a_forger_is_told_by_its_control(run, name):
    result = run(dedent(SHARED[name]), TEST)
    assert result.verdict is Verdict.FAILED
    assert result.isolation is Isolation.SHARED
    assert result.error


EDITS = {
    "the code's file written": """
        import double as module
        with open(module.__file__, "w") as file:
            file.write("")
        """,
    "the code's file written and loaded again": """
        import importlib, pathlib
        import double as module
        pathlib.Path("double.py").write_text("def double(n):\\n    return 8\\n")
        importlib.reload(module)
        double = module.double
        """,
    "the code's file replaced": """
        import os
        open("other.py", "w").close()
        os.rename("other.py", "double.py")
        """,
    "the code's file removed": "import os\n\nos.remove('double.py')\n",
    "the code's file read by a link": """
        import os
        os.symlink("double.py", "linked")
        assert open("linked").read()
        """,
    "the code's source read": "import inspect\n\nassert inspect.getsource(double)\n",
    "the code's function given other code": "double.__code__ = (lambda n: 8).__code__\n",
    "its own file read": "assert open(__file__).read()\n",
}


@pytest.mark.parametrize("name", EDITS)
def test_a_test_that_edits_or_reads_the_code_never_passes(run, name):
    first, _, rest = TEST.partition("\n")
    test = f"{first}\n{dedent(EDITS[name])}{rest}"
    result = run("import sys\n\n\ndef double(n):\n    return 2 * n\n", test)
    assert (result.verdict, result.error) == (Verdict.FAILED, "forged"), result


def test_a_code_that_reads_its_test_is_told_even_if_it_answers_by_constants_of_its_own(run):
    code = """
        def double(n):
            return 8 if "double(4) == 8" in open("test_candidate.py").read() else 9
        """
    result = run(dedent(code), TEST)
    assert (result.verdict, result.error) == (Verdict.FAILED, "forged")
    assert result.message == "test_candidate.py was read or changed while the test ran"


# Plain to the reader of sources, and nothing less.
OUT = 'import collections\n\nmodules = collections._sys.modules\nos = modules["os"]\n\n\n'
SEPARATE = {
    "its memory searched for the test": """
        def double(n):
            found, rest = 0, bytes([101, 40, 52, 41])
            with modules["io"].open("/proc/self/maps") as maps:
                places = [line.split()[0].split("-") for line in maps if " rw" in line]
            for place in places:
                start, end = (int(x, 16) for x in place)
                data = modules["ctypes"].string_at(start, min(end - start, 1 << 26))
                at = data.find(b"assert doubl")
                while at >= 0:
                    found += data[at + 12 : at + 16] == rest
                    at = data.find(b"assert doubl", at + 1)
            return 8 if found else 0
        """,
    "objects searched for the test": """
        def double(n):
            gc = modules["gc"]
            texts = [str(x) for x in gc.get_objects() if isinstance(x, (dict, list, tuple))]
            needle = "".join(chr(ord(x) - 1) for x in "bttfsu!epvcmf)5*")
            return 8 if any(needle in text for text in texts) else 0
        """,
    "the caller's frames": """
        def double(n):
            frame, names = collections._sys._getframe(), []
            while frame:
                names.append(str(getattr(frame, "f" + "_locals")))
                frame = getattr(frame, "f" + "_back")
            return 8 if "".join(chr(ord(x) - 1) for x in "bttfsu!epvcmf)5*") in str(names) else 0
        """,
    "the tests' process killed": """
        def double(n):
            for pid in os.listdir("/proc"):
                if pid.isdecimal() and int(pid) != os.getpid():
                    try:
                        os.kill(int(pid), 9)
                    except OSError:
                        continue
                    return 8
            try:
                os.kill(-1, 9)
            except OSError:
                pass
            return 0
        """,
    "the tests' process traced and read": """
        def double(n):
            for pid in os.listdir("/proc"):
                if pid.isdecimal() and int(pid) != os.getpid():
                    for name in ("mem", "maps", "environ", "fd/499", "fd/497", "fd/498"):
                        try:
                            modules["io"].open(f"/proc/{pid}/{name}", "rb", 0).read(1)
                        except OSError:
                            continue
                        return 8
            return 0
        """,
    "a report on every descriptor": """
        def double(n):
            line = b'{"test":0,"at":1.0,"cases":1}'
            frame = len(line).to_bytes(4, "big") + line
            for fd in range(3, 1024):
                if fd != 498:
                    try:
                        os.write(fd, frame)
                    except OSError:
                        pass
            return 0
        """,
    "rights": """
        def double(n):
            status = modules["io"].open("/proc/self/status").read()
            shut = "CapEff:\\t0000000000000000" in status and "NoNewPrivs:\\t1" in status
            try:
                os.setuid(0)
            except OSError:
                return 0 if shut and os.getuid() != 0 else 8
            return 8
        """,
    "descriptors of others": """
        def double(n):
            for fd in range(1024):
                try:
                    target = os.readlink(f"/proc/self/fd/{fd}")
                except OSError:
                    continue
                own = target.startswith("pipe:") and fd in (497, 498)
                if target.startswith(("pipe:", "socket:")) and not own:
                    return 8
            return 0
        """,
    "the network": """
        def double(n):
            import_module = modules["importlib"].import_module
            socket = import_module("_socket")
            for address in (("1.1.1.1", 53), ("127.0.0.1", 80)):
                try:
                    socket.socket().connect(address)
                except OSError:
                    continue
                return 8
            return 8 if os.path.exists("/run/docker.sock") else 0
        """,
}


@pytest.mark.parametrize("name", SEPARATE)
def test_apart_from_its_test_a_forger_finds_nothing(run, kind, name):
    code = OUT + dedent(SEPARATE[name])
    result = run(code, TEST)
    if kind == "bubblewrap-one-user":
        # With one user there is one process, and what it says of itself is marked as weaker.
        assert result.isolation is Isolation.SHARED
    else:
        assert (result.message, result.isolation) == ("assert 0 == 8", Isolation.SEPARATE)


def test_the_search_through_memory_finds_what_is_there(run):
    code = (
        OUT
        + "planted = 'assert double(4)'\n"
        + dedent(SEPARATE["its memory searched for the test"])
    )
    assert run(code, TEST).verdict is Verdict.PASSED


RAW = {
    "garbage": "os.write(498, b'x' * 4000)\n    return 8\n",
    "a frame of no kind": "os.write(498, (3).to_bytes(4, 'big') + b'Q[]')\n    return 8\n",
    "a frame too long": "os.write(498, b'\\xff' * 4)\n    return 8\n",
    "deep nesting": "body = b'=' + b'[' * 100_000\n"
    "    os.write(498, len(body).to_bytes(4, 'big') + body)\n    return 8\n",
    "no end of output": "while True:\n        os.write(498, (3).to_bytes(4, 'big') + b'>\"\"')\n",
    "pipes closed": "os.closerange(3, 1024)\n    return 8\n",
    "a way out": "os._exit(0)\n",
    "a child left behind": "if os.fork() == 0:\n        modules['time'].sleep(3600)\n    return 0\n",
    "deep recursion in C": "return double(collections._sys.setrecursionlimit(10**9))\n",
    "a fork bomb": "while True:\n        try:\n            os.fork()\n"
    "        except OSError:\n            pass\n",
}


@pytest.mark.parametrize("name", RAW)
def test_nothing_that_a_code_writes_hurts_its_test(run, name):
    result = run(f"{OUT}def double(n):\n    {RAW[name]}", TEST.replace("8", "9"), timeout_s=0.8)
    assert result.verdict in {Verdict.FAILED, Verdict.TIMED_OUT}, result
    assert result.error


@pytest.mark.parametrize("name", [*SEPARATE, *RAW])
def test_these_codes_are_plain_to_the_reader(name):
    """Else the tests above would test the other path."""
    body = SEPARATE.get(name) or f"def double(n):\n    {RAW[name]}"
    assert read_code(OUT + dedent(body), "double") is not None


def test_the_forgeries_do_pass_where_nobody_looks(open_here):
    """Else the controls would be told nothing."""
    forged = {
        name: dedent(code)
        for name, code in SHARED.items()
        if name not in {"the caller's globals", "the recorder changed"}
    }
    contradicted = TEST.replace("8", "9")
    sandbox = open_here()
    for name, code in forged.items():
        control = {"t": contradicted}
        sandbox_plan = sandbox.run_pairs({name: code}, control, entry_point="double")
        (result,) = sandbox_plan
        assert (name, result.error) == (name, "forged")

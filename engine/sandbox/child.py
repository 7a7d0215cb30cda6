"""One pair, in a process of its own: give up every right, then run pytest.

Runs inside the sandbox, in a child forked from the warm runner, so pytest is imported and
configured already. Whatever this process reports may come from the candidate: the parent believes
only what agrees with the test's source (`engine.sandbox.expected`).
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import importlib.machinery
import importlib.util
import marshal
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any, NoReturn

from engine.sandbox import frames, rights
from engine.sandbox.expected import TEST_MODULE, Expected, examine
from engine.sandbox.recorder import Recorder
from engine.sandbox.rights import REPORT_FD
from engine.sandbox.warm import WarmPytest, know_module

_ON_FILES = frozenset({"open", "os.rename", "os.remove", "os.link", "os.symlink", "os.truncate"})


@dataclass(frozen=True, slots=True)
class Work:
    """One pair's sources, and where it runs."""

    entry_point: str
    code: str
    test: str
    directory: str
    timeout_s: float
    nonce: str
    expected: Expected | None
    """What the test defines, if an earlier pair's process has found that out."""
    ini_file: str = ""
    """pytest's configuration, for a pair that is to start from nothing; empty for a warm one."""


class _Sources(importlib.machinery.PathFinder):
    """Gives the candidate's module and the compiled test, whatever else has their names.

    The function under test may be called `copy` or `time`: then the test must get the candidate's
    and not the standard library's.
    """

    def __init__(self, work: Work, expected: Expected) -> None:
        test_path = f"{work.directory}/{TEST_MODULE}.py"
        code_path = f"{work.directory}/{work.entry_point}.py"
        self._specs = {
            work.entry_point: importlib.util.spec_from_file_location(
                work.entry_point, code_path, loader=_Given(work, code_path)
            ),
            TEST_MODULE: importlib.util.spec_from_file_location(
                TEST_MODULE, test_path, loader=_Compiled(test_path, expected)
            ),
        }

    def find_spec(  # type: ignore[override]
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        return self._specs.get(fullname) if path is None else None


class _Given(importlib.machinery.SourceFileLoader):
    """Loads the candidate's module from the text that was sent: nobody needs to open its file."""

    def __init__(self, work: Work, path: str) -> None:
        super().__init__(work.entry_point, path)
        self._source = work.code.encode("utf-8", "surrogatepass")

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self._source, self.path)
        return code


class _Compiled(importlib.machinery.SourceFileLoader):
    """Loads a test module that was compiled for an earlier pair."""

    def __init__(self, path: str, expected: Expected) -> None:
        super().__init__(TEST_MODULE, path)
        self._code = expected.code

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = marshal.loads(self._code)
        return code


def run(work: Work, limits: rights.Limits, warm: WarmPytest) -> NoReturn:
    """Run the pair, report on `REPORT_FD` and end the process; never returns, never raises."""
    try:
        rights.drop(limits, cpu_s=work.timeout_s)
        _write_sources(work)
    except OSError as error:
        _send(work.nonce, {"setup": f"{type(error).__name__}: {error}"})
        os._exit(1)
    expected, new = work.expected, None
    if expected is None:
        expected = examine(work.test)
        new = expected.to_message()
    # From here on the candidate may have written what the parent reads.
    _send(work.nonce, {"begun": True, "expected": new})
    if expected.problem:
        os._exit(0)
    if work.ini_file:
        from engine.sandbox import cold

        cold.start(work, limits.output)
    sys.modules.pop(work.entry_point, None)
    sys.meta_path.insert(0, _Sources(work, expected))
    know_module(work.entry_point, f"{work.directory}/{work.entry_point}.py")
    recorder = warm.recorder
    recorder.output_limit = limits.output
    recorder.directory = work.directory
    touched = _watch(work)
    try:
        exitstatus = warm.run()
    except BaseException as error:  # noqa: BLE001 - what the candidate raises through pytest
        recorder.fail("exit", f"{type(error).__name__} ended pytest", traceback.format_exc())
        exitstatus = 3
    report(work.nonce, recorder, exitstatus, touched)


def _watch(work: Work) -> list[str]:
    """Who does what to the two sources from now on; a test that passes has no business with them."""
    paths = {f"{work.directory}/{name}.py" for name in (work.entry_point, TEST_MODULE)}
    names = {os.path.basename(path) for path in paths}
    touched: list[str] = []

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "object.__setattr__":
            if arguments[1] == "__code__":
                touched.append("a function was given other code")
        elif event in _ON_FILES:
            for path in arguments[:2]:
                if isinstance(path, str | bytes):
                    text = os.fsdecode(path)
                    if os.path.basename(text) in names and os.path.realpath(text) in paths:
                        touched.append(f"{os.path.basename(text)} was read or changed")

    sys.addaudithook(look)
    return touched


def report(
    nonce: str, recorder: Recorder, exitstatus: int, touched: Sequence[str] = ()
) -> NoReturn:
    """Say what pytest found, and end as Python would after it."""
    found = {
        "tests": recorder.tests,
        "failure": recorder.failure,
        "exitstatus": exitstatus,
        "threads": _thread._count(),
        "touched": touched[0] if touched else "",
    }
    _send(nonce, found)
    # An exit handler may still end the process badly.
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    _send(nonce, {"done": True})
    os._exit(0)


def _write_sources(work: Work) -> None:
    os.umask(0o077)
    os.mkdir(work.directory, 0o700)
    os.chdir(work.directory)
    for name, text in ((work.entry_point, work.code), (TEST_MODULE, work.test)):
        with open(f"{name}.py", "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
    os.environ.update(HOME=work.directory, TMPDIR=work.directory)
    sys.path.append(os.environ["PYTHONPATH"])


def _send(nonce: str, message: dict[str, Any]) -> None:
    data = frames.encode({"nonce": nonce, **message})
    while data:
        data = data[os.write(REPORT_FD, data) :]

"""The tests' side of the plain path: one code's plain tests, one after the other.

Runs inside the sandbox, in a process forked from the warm runner under a user of its own. The code
lives in another process (`engine.sandbox.codeserver`); a call goes there and a plain value comes back,
so no object of the code's is ever here. The tests are known to be plain (`engine.sandbox.plain`), and
what they amount to is decided here and by the runner.
"""

from __future__ import annotations

import gc
import itertools
import marshal
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType, TracebackType
from typing import Any, NoReturn

from _pytest.assertion import pytest_assertrepr_compare, util
from _pytest.outcomes import OutcomeException

from engine.sandbox import codeserver, frames, rights
from engine.sandbox.calls import Code, Leave, RowTest
from engine.sandbox.codec import Malformed
from engine.sandbox.expected import TEST_MODULE, Expected, examine
from engine.sandbox.rights import REPORT_FD
from engine.sandbox.warm import WarmPytest

_OUTPUT = 4000
_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class RowWork:
    """One code's tests in order. `timeout_s` is for each.

    `ahead`: calls that are known may be made before their test begins, since the code keeps nothing.
    """

    entry_point: str
    tests: tuple[RowTest, ...]
    timeout_s: float
    ahead: bool


def run(work: RowWork, limits: rights.Limits, warm: WarmPytest) -> NoReturn:
    """Run the tests, report each on `REPORT_FD` and end the process."""
    # It lives for milliseconds, and a collection touches pages that it shares with its parent.
    gc.disable()
    try:
        rights.drop(limits, cpu_s=work.timeout_s * len(work.tests))
        expected = [test.expected or examine(test.source) for test in work.tests]
        fresh = {
            number: known.to_message()
            for number, (known, test) in enumerate(zip(expected, work.tests, strict=True))
            if test.expected is None
        }
        _report(examined=fresh)
        _explain_comparisons(warm)
        code = Code(codeserver.Frames(codeserver.REPLIES_FD), work.entry_point)
        module = ModuleType(work.entry_point)
        setattr(module, work.entry_point, code.function())
        sys.modules[work.entry_point] = module
        _run_all(work, expected, code)
        # The code's process ends while this one does.
        os.close(codeserver.REQUESTS_FD)
        _report(done=True)
        os._exit(0)
    finally:
        os._exit(70)


def _run_all(work: RowWork, expected: list[Expected], code: Code) -> None:
    failure: str | None
    # Before the code is there, so that it finds them when it is.
    sent = code.send_ahead(work.tests) if work.ahead else 0
    try:
        failure = code.opened()
    except (Leave, Malformed, ValueError):
        failure, code.leave = None, code.leave or "it could not be imported"
    for number, test in enumerate(work.tests):
        if failure is None:
            finding = {"leave": code.leave}
        elif failure:
            finding = {"error": "collection", "message": failure[:_MESSAGE], "output": failure}
        else:
            if work.ahead and number >= sent:
                sent = number + code.send_ahead(work.tests[number:])
            if number >= sent:
                code.pause_s = 0.0
            code.begin(test, foreseen=number < sent)
            finding = _run_test(test, expected[number], code)
        _report(test=number, at=time.monotonic(), **finding)
        code.end()
        if code.gone:
            return


def _run_test(test: RowTest, expected: Expected, code: Code) -> dict[str, Any]:
    """Run every case of every function, as pytest would; the first failure is the finding."""
    module = ModuleType(TEST_MODULE)
    sys.modules[TEST_MODULE] = module
    cases = 0
    finding: dict[str, Any] = {}
    try:
        exec(marshal.loads(expected.code), module.__dict__)  # noqa: S102
        for function in list(vars(module).values()):
            if not isinstance(function, FunctionType) or not function.__name__.startswith("test"):
                continue
            for values in _cases(function):
                cases += 1
                try:
                    function(**values)
                except (Exception, OutcomeException) as error:  # noqa: BLE001 - whatever it raises
                    finding = finding or _finding(error, test, code)
    except Exception as error:  # noqa: BLE001 - whatever a module's statements raise
        words = f"{type(error).__name__}: {error}"[:_MESSAGE]
        finding = {"error": "collection", "message": words, "output": words}
    except BaseException as error:  # noqa: BLE001 - a test that can be decided in pytest only
        code.leave = code.leave or type(error).__name__
    if code.leave or finding.get("leave"):
        return {"leave": code.leave or finding["leave"]}
    return {"cases": cases, **finding}


def _cases(function: FunctionType) -> Iterator[dict[str, Any]]:
    """The arguments of each case, in pytest's order."""
    marks = getattr(function, "pytestmark", [])
    tables = []
    for mark in marks:
        text, rows = mark.args
        names = [name.strip() for name in text.split(",") if name.strip()]
        one = len(names) == 1
        tables.append([{names[0]: r} if one else dict(zip(names, r, strict=True)) for r in rows])
    for parts in itertools.product(*tables):
        yield {name: value for part in parts for name, value in part.items()}


def _finding(error: BaseException, test: RowTest, code: Code) -> dict[str, Any]:
    if isinstance(error, RecursionError | MemoryError):
        return {"leave": type(error).__name__}
    name, text = type(error).__name__, str(error)
    words = text if isinstance(error, AssertionError) else f"{name}: {text}"
    first = words.strip().partition("\n")[0][:_MESSAGE]
    return {"error": name[:200], "message": first or name, "output": _output(error, test, code)}


def _output(error: BaseException, test: RowTest, code: Code) -> str:
    """The failure as pytest shows it: the line, what it amounted to, and what was printed."""
    number = _line(error.__traceback__)
    lines = test.source.splitlines()
    shown = [f">   {lines[number - 1]}"] if 0 < number <= len(lines) else []
    name = type(error).__name__
    shown += [f"E   {line}" for line in f"{name}: {error}".splitlines()[:20]]
    shown += ["", f"{TEST_MODULE}.py:{number}: {name}"]
    if code.printed:
        shown += ["----- Captured stdout call -----", code.printed]
    return "\n".join(shown)[:_OUTPUT]


def _line(traceback: TracebackType | None) -> int:
    found = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == f"{TEST_MODULE}.py":
            found = traceback.tb_lineno
        traceback = traceback.tb_next
    return found


def _explain_comparisons(warm: WarmPytest) -> None:
    """Have rewritten asserts say where two values differ, as pytest's own session does."""

    def explain(operator: str, left: object, right: object) -> str | None:
        # What the hook of this name comes to where there are no plugins and no conftest.py.
        lines = pytest_assertrepr_compare(warm.config, operator, left, right)
        words = [line.replace("\n", "\\n") for line in (lines or ())[:12]]
        return "\n~".join(words).replace("%", "%%") or None

    util._reprcompare = explain


def _report(**message: Any) -> None:
    data = memoryview(frames.encode(message))
    while data:
        data = data[os.write(REPORT_FD, data) :]

"""What pytest found out about one pair, kept as plain values.

Runs inside the sandbox, in a candidate's process.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import pytest


@dataclass(slots=True)
class Recorder:
    """A pytest plugin that keeps every test's outcome, and the first failure in words."""

    directory: str = ""
    output_limit: int = 16 * 1024
    tests: dict[str, str] = field(default_factory=dict)
    failure: dict[str, str] | None = None

    @pytest.hookimpl
    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        for item in items:
            self.tests[_name(item.nodeid)] = "not run"

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.outcome != "passed":
            text = report.longreprtext
            message = _last_error_line(text)
            missing = message.startswith("ModuleNotFoundError")
            error = "ModuleNotFoundError" if missing else "collection"
            self.fail(error, message.removeprefix("ModuleNotFoundError: "), text)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        name = _name(item.nodeid)
        outcome = str(report.outcome)
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if outcome == "skipped" else "xpassed"
        if outcome != "passed":
            self.tests[name] = outcome
            if outcome == "failed":
                error = call.excinfo.typename if call.excinfo else "AssertionError"
                self.fail(_ERROR_NAMES.get(error, error), _crash_message(report), _text(report))
            elif self.failure is None:
                self.fail("exit", f"{name} was {outcome}", _text(report))
        elif report.when == "teardown" and self.tests.get(name) == "called":
            self.tests[name] = "passed"
        elif report.when == "call" and self.tests.get(name) == "not run":
            self.tests[name] = "called"
        return report

    def fail(self, error: str, message: str, output: str) -> None:
        """Keep the first failure only: the others often follow from it."""
        if self.failure is None:
            self.failure = {
                "error": error[:200],
                "message": message[:1000],
                "output": output.replace(f"{self.directory}/", "")[-self.output_limit :],
            }


_ERROR_NAMES = {"MemoryError": "memory", "SystemExit": "exit", "Exit": "exit"}


def _name(nodeid: str) -> str:
    return nodeid.partition("::")[2]


def _crash_message(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else report.longreprtext
    first = str(text).strip().partition("\n")[0]
    return first.removeprefix("AssertionError: ")


def _last_error_line(text: str) -> str:
    lines = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    found = [line for line in lines if line]
    return found[-1] if found else text.strip().rpartition("\n")[2]


def _text(report: pytest.TestReport) -> str:
    parts = [report.longreprtext]
    parts += [f"----- {title} -----\n{content}" for title, content in report.sections if content]
    return "\n".join(parts)

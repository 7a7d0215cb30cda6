"""What runs in a slot, and what it has said so far: one pair, or a row of one code's plain tests.

Runs inside the sandbox, in the trusted parent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.sandbox import frames
from engine.sandbox.expected import Expected

LEAVE = "leave"
"""Not a verdict: the pair cannot be decided in a row and takes the full path."""
AGAIN = "again"
"""Not a verdict: the row ended before it came to this test, which begins another."""


@dataclass(slots=True)
class Running:
    """A pair's process and what it has said so far."""

    pid: int
    pipe: int
    nonce: str
    started: float
    deadline: float
    alone: bool
    decoder: frames.Decoder
    expected: Expected | None
    report: dict[str, Any] = field(default_factory=dict)
    setup: str = ""
    begun: bool = False
    done: bool = False
    problem: str = ""
    status: int = -1
    size: int = 0

    def failure_output(self) -> str:
        """The failure's text, if a test had failed before the pair was stopped."""
        failure = self.report.get("failure")
        return str(failure.get("output", "")) if isinstance(failure, dict) else ""

    def take(self, data: bytes, limit: int) -> None:
        """Add what the process wrote; anything but the messages of `child.run` is forged."""
        self.size += len(data)
        if self.problem:
            return
        if self.size > limit:
            self.problem = "the report is too long"
            return
        try:
            for message in self.decoder.feed(data):
                self._message(message)
        except (frames.FrameError, LookupError, ValueError, TypeError) as error:
            self.problem = str(error) or "a report that cannot be read"

    def _message(self, message: dict[str, Any]) -> None:
        if message.get("nonce") != self.nonce or self.done:
            self.problem = "a report that is not the runner's"
        elif not self.begun and "setup" in message:
            self.setup = str(message["setup"])
        elif not self.begun and message.get("begun"):
            self.begun = True
            if message["expected"] is not None:
                self.expected = Expected.from_message(message["expected"])
        elif message.get("done"):
            self.done = True
        elif self.report:
            self.problem = "more than one report"
        else:
            self.report = message


@dataclass(slots=True)
class RunningRow:
    """The process of a row's tests. It runs no code of the candidate's and is believed.

    `results` has a report for every test that is done, in order: `at`, the time on the clock, and
    either `leave` (why it cannot be decided here) or `cases`, how many ran, and the first failure's
    `error`, `message` and `output`.
    """

    pid: int
    pipe: int
    started: float
    timeout_s: float
    decoder: frames.Decoder
    results: list[dict[str, Any]] = field(default_factory=list)
    examined: dict[int, Expected] = field(default_factory=dict)
    done: bool = False
    problem: str = ""
    status: int = -1
    alone: bool = False

    @property
    def deadline(self) -> float:
        """When the test that runs now has had its time."""
        since: float = self.results[-1]["at"] if self.results else self.started
        return since + self.timeout_s

    def take(self, data: bytes, limit: int) -> None:
        """Add what the process wrote."""
        try:
            for message in self.decoder.feed(data):
                if "examined" in message:
                    known = message["examined"].items()
                    self.examined = {int(n): Expected.from_message(m) for n, m in known}
                elif message.get("done"):
                    self.done = True
                else:
                    self.results.append(message)
        except (frames.FrameError, LookupError, ValueError, TypeError) as error:
            self.problem = str(error) or "a report that cannot be read"

    def outcomes(
        self, tests: Sequence[str], cases: Mapping[str, int], *, timed_out: bool, survivors: int
    ) -> list[dict[str, Any]]:
        """What each test amounts to, as the host is told it.

        A pass needs as many cases as the test's source has, and a code that left no process behind.
        """
        found, before = [], self.started
        for test, report in zip(tests, self.results, strict=False):
            verdict, error, message = "passed", str(report.get("error", "")), ""
            if report.get("leave"):
                verdict, message = LEAVE, str(report["leave"])
            elif error:
                verdict, message = "failed", str(report.get("message", ""))
            elif report.get("cases") != cases[test] or survivors or self.problem:
                verdict, message = LEAVE, "the report does not agree with the source"
            output = str(report.get("output", ""))
            found.append(_outcome(test, verdict, report["at"] - before, error, message, output))
            before = report["at"]
        rest = list(tests[len(found) :])
        if rest and timed_out:
            message = f"no end within {self.timeout_s:g} s"
            found.append(_outcome(rest.pop(0), "timed_out", self.timeout_s, "timeout", message))
        elif rest and (self.status != 0 or not found):
            # The tests' own process broke, on the test that it had come to.
            found.append(_outcome(rest.pop(0), LEAVE, 0.0, "", "the row broke"))
        return found + [_outcome(test, AGAIN, 0.0) for test in rest]


def _outcome(
    test: str, verdict: str, seconds: float, error: str = "", message: str = "", output: str = ""
) -> dict[str, Any]:
    return {
        "test": test,
        "verdict": verdict,
        "seconds": round(max(seconds, 0.0), 5),
        "error": error,
        "message": message,
        "output": output,
    }

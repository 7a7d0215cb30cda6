"""The warm parent inside the sandbox: pytest stays imported, every pair is a fork.

Reads frames on stdin and writes frames on stdout. It is process 1 of its container and the only
process there with any capability; it never runs a candidate's code itself. Frames in:

    {"type": "batch", "batch", "entry_point", "codes", "tests"}   sources for the pairs that follow
    {"type": "pair", "id", "batch", "code", "test", "timeout_s"}
    {"type": "abort"}                                             drop everything, running or not

Frames out: {"type": "ready"}, and for each pair {"type": "result", "id", "verdict", "seconds",
"error", "message", "output"}. Ends at the end of stdin. Ends itself, badly, when it cannot
clean up after a pair: the host then starts a fresh one.
"""

from __future__ import annotations

import gc
import json
import os
import secrets
import select
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from engine.sandbox import child, frames
from engine.sandbox.cleaning import Hurt
from engine.sandbox.expected import Expected, Finding, judge
from engine.sandbox.slots import Running, Slot, private_fd

_READ = 1 << 16


@dataclass(frozen=True, slots=True)
class Batch:
    """The sources that one run of pairs shares."""

    entry_point: str
    codes: dict[str, str]
    tests: dict[str, str]
    expected: dict[str, Expected] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One pair that the host asked for."""

    id: int
    batch: Batch
    code: str
    test: str
    timeout_s: float


class Runner:
    """Runs jobs in slots, one job per slot at a time."""

    def __init__(self, slots: list[Slot], stdin: int, stdout: int) -> None:
        self._slots = slots
        self._stdin = stdin
        self._stdout = stdout
        self._queue: deque[Job] = deque()
        self._alone: deque[Job] = deque()
        self._batches: dict[int, Batch] = {}
        self._jobs: dict[int, Job] = {}
        self._decoder = frames.Decoder()
        self._wake = _wake_on_child_exit()

    def serve(self) -> None:
        """Work until stdin ends. Raises Hurt when a pair cannot be cleaned up."""
        self._send({"type": "ready", "pid": os.getpid()})
        while True:
            self._fill()
            if not self._wait():
                return

    def _fill(self) -> None:
        idle = [slot for slot in self._slots if slot.running is None]
        if self._alone:
            while self._alone and len(idle) == len(self._slots) and idle[0].running is None:
                self._start(idle[0], self._alone.popleft(), alone=True)
            return
        if any(slot.running and slot.running.alone for slot in self._slots):
            return
        for slot in idle:
            while self._queue and slot.running is None:
                self._start(slot, self._queue.popleft(), alone=False)

    def _start(self, slot: Slot, job: Job, *, alone: bool) -> None:
        expected = job.batch.expected.get(job.test)
        if expected is not None and expected.problem:
            self._answer(job, "failed", 0.0, Finding("collection", expected.problem))
            return
        work = child.Work(
            entry_point=job.batch.entry_point,
            code=job.batch.codes[job.code],
            test=job.batch.tests[job.test],
            directory=slot.directory,
            timeout_s=job.timeout_s,
            nonce=secrets.token_hex(16),
            expected=expected,
        )
        self._jobs[slot.index] = job
        slot.start(work, alone=alone)

    def _wait(self) -> bool:
        """Wait for one thing to happen and handle all that has. False at the end of stdin."""
        running = {slot.running.pipe: slot for slot in self._slots if slot.running}
        deadlines = [slot.running.deadline for slot in running.values() if slot.running]
        timeout = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
        readable, _, _ = select.select([self._stdin, self._wake, *running], [], [], timeout)
        for pipe, slot in running.items():
            if pipe in readable:
                slot.read()
        if self._wake in readable:
            os.read(self._wake, _READ)
        now = time.monotonic()
        for slot in running.values():
            if slot.ended() or (slot.running and (now >= slot.running.deadline)):
                self._finish(slot, now)
        if self._stdin in readable:
            data = os.read(self._stdin, _READ)
            if not data:
                return False
            for message in self._decoder.feed(data):
                self._handle(message)
        return True

    def _handle(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "batch":
            batch = Batch(message["entry_point"], message["codes"], message["tests"])
            self._batches = {message["batch"]: batch}
        elif kind == "pair":
            batch = self._batches[message["batch"]]
            job = Job(message["id"], batch, message["code"], message["test"], message["timeout_s"])
            self._queue.append(job)
        elif kind == "abort":
            self._queue.clear()
            self._alone.clear()
            for slot in self._slots:
                if slot.running:
                    slot.finish()

    def _finish(self, slot: Slot, now: float) -> None:
        ended = slot.running
        if ended is None:
            return
        timed_out = not slot.ended()
        job = self._jobs.pop(slot.index)
        try:
            survivors = slot.finish()
        except Hurt as error:
            # The pair has shown what it is; only the runner needs to be replaced.
            self._answer(job, "failed", now - ended.started, Finding("exit", str(error)))
            raise
        if ended.expected is not None:
            job.batch.expected[job.test] = ended.expected
        if self._was_hit_by_a_neighbour(ended, timed_out=timed_out):
            self._alone.append(job)
        elif ended.setup:
            raise Hurt(f"a pair could not be started: {ended.setup}")
        elif timed_out:
            message = f"no end within {job.timeout_s:g} s"
            finding = Finding("timeout", message, ended.failure_output())
            self._answer(job, "timed_out", now - ended.started, finding)
        else:
            finding = _finding(ended, survivors=survivors)
            verdict = "passed" if finding.passed else "failed"
            self._answer(job, verdict, now - ended.started, finding)

    def _answer(self, job: Job, verdict: str, seconds: float, finding: Finding) -> None:
        self._send(
            {
                "type": "result",
                "id": job.id,
                "verdict": verdict,
                "seconds": round(seconds, 4),
                "error": finding.error,
                "message": finding.message,
                "output": finding.output,
            }
        )

    def _was_hit_by_a_neighbour(self, ended: Running, *, timed_out: bool) -> bool:
        """Killed, or out of room, while another pair ran: only a run alone tells whose fault."""
        if ended.alone or timed_out or len(self._slots) == 1:
            return False
        killed = os.WIFSIGNALED(ended.status) and os.WTERMSIG(ended.status) == signal.SIGKILL
        return killed or bool(ended.setup)

    def _send(self, message: dict[str, Any]) -> None:
        data = memoryview(frames.encode(message))
        while data:
            data = data[os.write(self._stdout, data) :]


def _finding(ended: Running, *, survivors: int) -> Finding:
    """The verdict's reason: the report, the way the process ended and the source must agree."""
    if ended.problem:
        return Finding("forged", ended.problem)
    if os.WIFSIGNALED(ended.status):
        number = os.WTERMSIG(ended.status)
        error = "memory" if number == signal.SIGKILL else "exit"
        return Finding(error, f"killed by {signal.Signals(number).name}")
    expected = ended.expected
    if expected is not None and expected.problem:
        return Finding("collection", expected.problem)
    if expected is None or not ended.report or not ended.done or ended.status != 0:
        code = os.waitstatus_to_exitcode(ended.status)
        return Finding("exit", f"the process ended by itself with {code}")
    finding = judge(ended.report, expected)
    if finding.passed and survivors:
        return Finding("exit", f"{survivors} processes were left behind")
    return finding


def _wake_on_child_exit() -> int:
    """A descriptor that becomes readable when a child ends."""
    reader, writer = map(private_fd, os.pipe())
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader


def main(arguments: list[str]) -> int:
    """`runner.py SETTINGS`, where SETTINGS is JSON as made by `engine.sandbox.session`."""
    settings = json.loads(arguments[0])
    # Frames get descriptors of their own, so that a stray print cannot break the protocol.
    stdin, stdout = private_fd(os.dup(0)), private_fd(os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if not settings["uids"]:
        child.forbid_tracing()
    os.environ.clear()
    os.environ.update(settings["environment"])
    slots = [Slot.make(index, settings) for index in range(settings["slots"])]
    runner = Runner(slots, stdin, stdout)
    gc.collect()
    gc.freeze()
    try:
        runner.serve()
    except Hurt as error:
        # pytest has taken sys.stderr; the host reads the descriptor.
        os.write(2, f"runner: {error}\n".encode())
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The warm parent inside the sandbox: pytest stays imported, every pair is a fork.

Reads frames on stdin and writes frames on stdout. It is process 1 of its container and the only
process there with any capability; it never runs a candidate's code itself. Frames in:

    {"type": "batch", "batch", "entry_point", "codes", "tests", "plain"}   sources for what follows
    {"type": "pair", "id", "batch", "code", "test", "timeout_s"[, "source"]}
    {"type": "row", "id", "batch", "code", "tests", "timeout_s", "ahead"}   plain tests of one code
    {"type": "end", "batch"}                         forget it, with all that is queued or runs of it

Frames out: {"type": "ready"}; for each pair {"type": "result", "id", "verdict", "seconds",
"error", "message", "output"}; for each row {"type": "row", "id", "results"}, each with "test" and the
same, where a verdict may also be "leave" or "again" (`engine.sandbox.running`); and "busy" while a
long row has no news. Ends at the end of stdin. Ends itself, badly, when it cannot
clean up after a pair: the host then starts a fresh one.
"""

from __future__ import annotations

import gc
import os
import secrets
import select
import signal
import time
from collections import deque
from typing import Any

from engine.sandbox import child, frames, rights, row
from engine.sandbox.calls import RowTest
from engine.sandbox.cleaning import Hurt
from engine.sandbox.codeserver import CodeServer
from engine.sandbox.expected import Examined, Finding, judge
from engine.sandbox.jobs import Batch, Job, RowJob
from engine.sandbox.plain import PlainTest
from engine.sandbox.running import Running, RunningRow
from engine.sandbox.slots import Slot, private_fd

_READ = 1 << 16
_LOOK_S = 0.02
_BUSY_S = 5.0


class Runner:
    """Runs jobs in slots, one job per slot at a time."""

    def __init__(self, slots: list[Slot], stdin: int, stdout: int, cold_ini: str) -> None:
        """`cold_ini`: pytest's configuration if every pair is to start from nothing, else empty."""
        self._cold_ini = cold_ini
        self._slots = slots
        self._stdin = stdin
        self._stdout = stdout
        self._queue: deque[Job | RowJob] = deque()
        self._alone: deque[Job] = deque()
        self._examined = Examined()
        self._batches: dict[int, Batch] = {}
        self._jobs: dict[int, Job | RowJob] = {}
        self._heard = time.monotonic()
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
                job = self._queue.popleft()
                if isinstance(job, RowJob):
                    self._start_row(slot, job)
                else:
                    self._start(slot, job, alone=False)

    def _start_row(self, slot: Slot, job: RowJob) -> None:
        batch = job.batch
        tests = tuple(
            RowTest(source := batch.tests[test], batch.plain[test], self._examined.get(source))
            for test in job.tests
        )
        self._jobs[slot.index] = job
        work = row.RowWork(batch.entry_point, tests, job.timeout_s, job.ahead)
        slot.start_row(work, batch.codes[job.code])

    def _start(self, slot: Slot, job: Job, *, alone: bool) -> None:
        test = job.source or job.batch.tests[job.test]
        expected = self._examined.get(test)
        if expected is not None and expected.problem:
            self._answer(job, "failed", 0.0, Finding("collection", expected.problem))
            return
        work = child.Work(
            entry_point=job.batch.entry_point,
            code=job.batch.codes[job.code],
            test=test,
            directory=slot.directory,
            timeout_s=job.timeout_s,
            nonce=secrets.token_hex(16),
            expected=expected,
            ini_file=self._cold_ini,
        )
        self._jobs[slot.index] = job
        slot.start(work, alone=alone)

    def _wait(self) -> bool:
        """Wait for one thing to happen and handle all that has. False at the end of stdin."""
        running = [slot for slot in self._slots if slot.running]
        deadlines = [slot.running.deadline for slot in running if slot.running]
        timeout = None
        if deadlines:
            # Reports are taken now and then, and at the end, of which a signal tells. To be woken for
            # every word of theirs would take the processor from those that write them.
            timeout = min(max(0.0, min(deadlines) - time.monotonic()), _LOOK_S)
        readable, _, _ = select.select([self._stdin, self._wake], [], [], timeout)
        for slot in running:
            slot.read()
        if self._wake in readable:
            os.read(self._wake, _READ)
        now = time.monotonic()
        has_rows = any(isinstance(slot.running, RunningRow) for slot in running)
        if has_rows and now - self._heard > _BUSY_S:
            self._send({"type": "busy"})
        for slot in running:
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
            plain = {test: PlainTest.of(known) for test, known in message["plain"].items()}
            batch = Batch(message["entry_point"], message["codes"], message["tests"], plain)
            self._batches[message["batch"]] = batch
        elif kind == "pair":
            batch = self._batches[message["batch"]]
            pair, source = (message["code"], message["test"]), message.get("source", "")
            job = Job(message["id"], batch, *pair, message["timeout_s"], source)
            self._queue.append(job)
        elif kind == "row":
            batch, tests = self._batches[message["batch"]], tuple(message["tests"])
            code, timeout_s, ahead = (message[key] for key in ("code", "timeout_s", "ahead"))
            self._queue.append(RowJob(message["id"], batch, code, tests, timeout_s, ahead))
        elif kind == "end":
            self._forget(self._batches.pop(message["batch"], None))

    def _forget(self, batch: Batch | None) -> None:
        """Drop the jobs of `batch`, waiting or running."""
        self._queue = deque(job for job in self._queue if job.batch is not batch)
        self._alone = deque(job for job in self._alone if job.batch is not batch)
        for slot in self._slots:
            if slot.running and self._jobs[slot.index].batch is batch:
                del self._jobs[slot.index]
                slot.finish()

    def _finish(self, slot: Slot, now: float) -> None:
        ended = slot.running
        if ended is None:
            return
        timed_out = not slot.ended()
        job = self._jobs.pop(slot.index)
        if isinstance(ended, RunningRow) or isinstance(job, RowJob):
            self._finish_row(slot, ended, job, timed_out=timed_out)
            return
        try:
            survivors = slot.finish()
        except Hurt as error:
            # The pair has shown what it is; only the runner needs to be replaced.
            self._answer(job, "failed", now - ended.started, Finding("exit", str(error)))
            raise
        if ended.expected is not None:
            self._examined.add(job.source or job.batch.tests[job.test], ended.expected)
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

    def _finish_row(
        self, slot: Slot, ended: Running | RunningRow, job: Job | RowJob, *, timed_out: bool
    ) -> None:
        if not (isinstance(ended, RunningRow) and isinstance(job, RowJob)):
            raise AssertionError("a row is run as a row")
        survivors = slot.finish()
        for number, expected in ended.examined.items():
            self._examined.add(job.batch.tests[job.tests[number]], expected)
        cases = {test: job.batch.plain[test].cases for test in job.tests}
        results = ended.outcomes(job.tests, cases, timed_out=timed_out, survivors=survivors)
        self._send({"type": "row", "id": job.id, "results": results})

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
        self._heard = time.monotonic()
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


def main(settings: dict[str, Any], server: CodeServer | None) -> int:
    """Serve until the input ends; `settings` are as made by `engine.sandbox.session`."""
    # Frames get descriptors of their own, so that a stray print cannot break the protocol.
    stdin, stdout = private_fd(os.dup(0)), private_fd(os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if not settings["uids"]:
        rights.forbid_tracing()
    os.environ.clear()
    os.environ.update(settings["environment"])
    slots = [Slot.make(index, settings, server) for index in range(settings["slots"])]
    runner = Runner(slots, stdin, stdout, settings["ini_file"] if settings["cold"] else "")
    gc.collect()
    gc.freeze()
    try:
        runner.serve()
    except Hurt as error:
        # pytest has taken sys.stderr; the host reads the descriptor.
        os.write(2, f"runner: {error}\n".encode())
        return 70
    return 0

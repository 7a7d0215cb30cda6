"""A place where one pair runs at a time: its user, its directory, its process and its report.

Runs inside the sandbox, in the trusted parent.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from engine.sandbox import child, cleaning, frames, rights, row
from engine.sandbox.codeserver import REPLIES_FD, REQUESTS_FD, CodeServer
from engine.sandbox.running import Running, RunningRow
from engine.sandbox.warm import WarmPytest

_READ = 1 << 16
# A report is one failure's text, escaped, the tests' names, and once the compiled test.
_REPORT_FACTOR = 8
_REPORT_BASE = 1 << 22
# More than the parent ever has open: its streams, and two for each of at most 64 slots.
_PRIVATE_FDS = 400
# From the user of a slot's codes to the user of its tests.
_TESTS_UID = 1


@dataclass(slots=True)
class Slot:
    """One pair at a time runs here, as `limits.uid`, in `directory`."""

    index: int
    root: str
    limits: rights.Limits
    dies_with_parent: bool
    warm: WarmPytest
    code_memory: int
    server: CodeServer | None
    running: Running | RunningRow | None = None

    @classmethod
    def make(cls, index: int, settings: Mapping[str, Any], server: CodeServer | None) -> Self:
        """Slot `index` of the sandbox that `settings` describes."""
        root = f"{settings['slots_dir']}/{index}"
        # Docker 20.10 ignores a tmpfs' mode. Sticky, so that only we remove what is at the top.
        os.chmod(root, 0o1777)
        uids = settings["uids"]
        limits = rights.Limits(
            uid=uids[index] if uids else None,
            memory=rights.address_space() + settings["memory"],
            processes=settings["processes"],
            file_size=settings["file_size"],
            output=settings["output"],
        )
        # pytest wants to see its directory; every pair makes its own there.
        os.mkdir(f"{root}/pair")
        warm = WarmPytest.start(f"{root}/pair", settings["ini_file"])
        os.rmdir(f"{root}/pair")
        orphan = settings["dies_with_parent"]
        return cls(index, root, limits, orphan, warm, settings["memory"], server)

    @property
    def directory(self) -> str:
        """Where the pair runs; made by its own process and removed after it."""
        return f"{self.root}/pair"

    def start(self, work: child.Work, *, alone: bool) -> None:
        """Fork a process for `work`."""
        reader, writer = map(private_fd, os.pipe())
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _keep_only(writer)
            child.run(work, self.limits, self.warm)
        os.close(writer)
        os.set_blocking(reader, False)
        self.running = Running(
            pid=pid,
            pipe=reader,
            nonce=work.nonce,
            started=started,
            deadline=started + work.timeout_s,
            alone=alone,
            expected=work.expected,
            decoder=frames.Decoder(self._report_limit),
        )

    def start_row(self, work: row.RowWork, code: str) -> None:
        """Have a process forked for `code`, and fork one for its tests. Raises Hurt."""
        if self.server is None or self.limits.uid is None:
            raise cleaning.Hurt("a row needs users of its own")
        calls, answers, report = (tuple(map(private_fd, os.pipe())) for _ in range(3))
        order = {
            "entry_point": work.entry_point,
            "code": code,
            "cpu_s": work.timeout_s * len(work.tests),
            "limits": asdict(self.limits),
            "memory": self.code_memory,
        }
        started = time.monotonic()
        try:
            self.server.start(self.index, order, calls[0], answers[1])
        except OSError as error:
            raise cleaning.Hurt(f"the code server is gone: {error}") from error
        pid = os.fork()
        if pid == 0:
            os.dup2(calls[1], REQUESTS_FD)
            os.dup2(answers[0], REPLIES_FD)
            _keep_only(report[1])
            row.run(work, self._limits_of_tests(), self.warm)
        for fd in (*calls, *answers, report[1]):
            os.close(fd)
        os.set_blocking(report[0], False)
        self.running = RunningRow(
            pid=pid,
            pipe=report[0],
            started=started,
            timeout_s=work.timeout_s,
            decoder=frames.Decoder(self._report_limit),
        )

    def _limits_of_tests(self) -> rights.Limits:
        """A user beside the code's, who starts no process."""
        uid = self.limits.uid
        return replace(self.limits, uid=None if uid is None else uid + _TESTS_UID, processes=1)

    @property
    def _report_limit(self) -> int:
        return _REPORT_BASE + _REPORT_FACTOR * self.limits.output

    def read(self) -> None:
        """Take what the process has written."""
        running = self.running
        if running is None:
            return
        while True:
            try:
                data = os.read(running.pipe, _READ)
            except BlockingIOError:
                return
            if not data:
                return
            running.take(data, self._report_limit)
            if running.problem:
                return

    def ended(self) -> bool:
        """Whether the process is over, by itself or because its report is forged."""
        running = self.running
        if running is None:
            return False
        if running.status == -1:
            pid, status = os.waitpid(running.pid, os.WNOHANG)
            if pid:
                running.status = status
        return running.status != -1 or bool(running.problem)

    def finish(self) -> int:
        """End the pair and remove all traces of it; how many processes it left, ended ones too.

        Raises Hurt when something of it stays.
        """
        running = self.running
        if running is None:
            return 0
        if running.status == -1:
            _kill(running.pid)
            _, running.status = os.waitpid(running.pid, 0)
        else:
            self.read()
        os.close(running.pipe)
        self.running = None
        uid = self.limits.uid
        if isinstance(running, RunningRow):
            self._end_row()
        survivors = cleaning.end_processes(uid)
        cleaning.remove_contents(self.root, uid)
        cleaning.remove_shared_memory(uid)
        if self.dies_with_parent:
            rights.die_with_parent()
        return survivors

    def _end_row(self) -> None:
        """End the code's process, which only then is one that was left behind or not."""
        if self.server is None or self.limits.uid is None:
            return
        try:
            pid = self.server.child(self.index)
        except (EOFError, OSError) as error:
            raise cleaning.Hurt(str(error)) from error
        # Ours to reap, so the number cannot be another's by now.
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        cleaning.end_processes(self.limits.uid + _TESTS_UID)


def private_fd(fd: int) -> int:
    """Move a descriptor to where every child closes it."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, rights.FIRST_PRIVATE_FD)
    os.close(fd)
    return moved


def _keep_only(report_fd: int) -> None:
    """Leave a child the null device and its report pipe, and nothing of the parent's."""
    signal.set_wakeup_fd(-1)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)
    os.dup2(report_fd, rights.REPORT_FD, inheritable=False)
    os.closerange(rights.FIRST_PRIVATE_FD, rights.FIRST_PRIVATE_FD + _PRIVATE_FDS)


def _kill(pid: int) -> None:
    for target in (os.kill, os.killpg):
        try:
            target(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue

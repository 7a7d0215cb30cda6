"""A place where one pair runs at a time: its user, its directory, its process and its report.

Runs inside the sandbox, in the trusted parent.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from engine.sandbox import child, cleaning, frames
from engine.sandbox.expected import Expected
from engine.sandbox.warm import WarmPytest

_READ = 1 << 16
# A report is one failure's text, escaped, the tests' names, and once the compiled test.
_REPORT_FACTOR = 8
_REPORT_BASE = 1 << 22
# More than the parent ever has open: its streams, and two for each of at most 64 slots.
_PRIVATE_FDS = 200


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
        except frames.FrameError as error:
            self.problem = str(error)

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
class Slot:
    """One pair at a time runs here, as `limits.uid`, in `directory`."""

    index: int
    root: str
    limits: child.Limits
    dies_with_parent: bool
    warm: WarmPytest
    running: Running | None = None

    @classmethod
    def make(cls, index: int, settings: Mapping[str, Any]) -> Self:
        """Slot `index` of the sandbox that `settings` describes."""
        root = f"{settings['slots_dir']}/{index}"
        # Docker 20.10 ignores a tmpfs' mode. Sticky, so that only we remove what is at the top.
        os.chmod(root, 0o1777)
        uids = settings["uids"]
        limits = child.Limits(
            uid=uids[index] if uids else None,
            memory=_address_space() + settings["memory"],
            processes=settings["processes"],
            file_size=settings["file_size"],
            output=settings["output"],
        )
        # pytest wants to see its directory; every pair makes its own there.
        os.mkdir(f"{root}/pair")
        warm = WarmPytest.start(f"{root}/pair", settings["ini_file"])
        os.rmdir(f"{root}/pair")
        return cls(index, root, limits, settings["dies_with_parent"], warm)

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
        survivors = cleaning.end_processes(uid)
        cleaning.remove_contents(self.root, uid)
        cleaning.remove_shared_memory(uid)
        if self.dies_with_parent:
            child.die_with_parent()
        return survivors


def private_fd(fd: int) -> int:
    """Move a descriptor to where every child closes it."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, child.REPORT_FD + 1)
    os.close(fd)
    return moved


def _keep_only(report_fd: int) -> None:
    """Leave a child the null device and its report pipe, and nothing of the parent's."""
    signal.set_wakeup_fd(-1)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)
    os.dup2(report_fd, child.REPORT_FD, inheritable=False)
    os.closerange(child.REPORT_FD + 1, child.REPORT_FD + 1 + _PRIVATE_FDS)


def _kill(pid: int) -> None:
    for target in (os.kill, os.killpg):
        try:
            target(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _address_space() -> int:
    """Bytes of address space that this process has already, which a fork starts with."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")

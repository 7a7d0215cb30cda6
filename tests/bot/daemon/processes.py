"""Real daemon processes for tests: started in a moment, killed for real, never left behind."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[3]
LONGEST_S = 120.0
"""How long anything may take before a test gives it up."""


class Process:
    """One running `supercharge` command."""

    def __init__(self, name: str, pid: int, log: Path) -> None:
        self.name, self.pid, self.log = name, pid, log
        self._handle = os.pidfd_open(pid)
        self.killed = False

    @property
    def is_running(self) -> bool:
        return not select.select([self._handle], [], [], 0)[0]

    def kill(self) -> None:
        """SIGKILL, and it is gone when this returns."""
        self.killed = True
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM: it may put its things in order."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)
        if not select.select([self._handle], [], [], 30.0)[0]:
            signal.pidfd_send_signal(self._handle, signal.SIGUSR1)
            select.select([self._handle], [], [], 1.0)
            raise AssertionError(f"{self.name} did not end: {self.said()}")

    def said(self) -> str:
        """The end of what it has logged."""
        return self.log.read_text(errors="replace")[-6000:]

    def close(self) -> None:
        if self.is_running:
            self.kill()
        os.close(self._handle)


class ForkServer:
    """A context manager; every process it started has ended when it does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started: list[Process] = []

    def __enter__(self) -> ForkServer:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.bot.daemon.forkserver"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def start(
        self, name: str, *arguments: str, environment: Mapping[str, str], log: Path
    ) -> Process:
        """Run `supercharge ARGUMENTS`, with its output appended to `log`."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        wanted = {
            "arguments": arguments,
            "environment": {**os.environ, **environment},
            "log": str(log),
        }
        with self._lock:
            self._server.stdin.write(json.dumps(wanted) + "\n")
            self._server.stdin.flush()
            process = Process(name, int(self._server.stdout.readline()), log)
            self._started.append(process)
        return process

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            process.close()
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

"""Keeps processes running together: what `supercharge serve` is.

The web side and the worker are processes of their own, so that a model that takes the machine's
breath away never keeps a delivery waiting for its 202. Where systemd or compose keeps them, this is not
needed.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 60.0
"""A process that lived this long starts again at once, and counts as well once more."""
GRACE_S = 20.0
"""How long a process may take to end by itself before it is killed."""
HOPELESS = frozenset({2})
"""Exit codes that no restart mends: bad configuration was told in one line, and stays bad."""


@dataclass
class Child:
    """One process: its name for the log, its command, and how it has been doing."""

    name: str
    command: Sequence[str]
    keeps: Sequence[int] = ()
    """File descriptors that it inherits."""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.0
    due: float = 0.0

    def start(self, now: float, environment: Mapping[str, str] | None) -> None:
        # A session of its own: Ctrl-C reaches the supervisor alone, which then ends all.
        self.process = subprocess.Popen(
            self.command,
            env=environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            pass_fds=self.keeps,
        )
        self.started = now
        logger.info("%s started (process %d)", self.name, self.process.pid)

    def ended(self, now: float) -> int | None:
        """The exit code, once; None while it runs or waits to be started again."""
        if self.process is None:
            return None
        code = self.process.poll()
        if code is None:
            return None
        self.process = None
        healthy = now - self.started >= HEALTHY_AFTER_S
        self.pause = FIRST_PAUSE_S if healthy else min(2 * self.pause, LONGEST_PAUSE_S)
        self.pause = max(self.pause, FIRST_PAUSE_S)
        self.due = now + self.pause
        return code


@dataclass
class Supervisor:
    """Runs `children` until `stop` is called or one of them ends in a way that no restart mends."""

    children: Sequence[Child]
    environment: Mapping[str, str] | None = None
    clock: Callable[[], float] = time.monotonic
    grace_s: float = GRACE_S
    _stop: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """End all of them; `run` then returns."""
        self._stop.set()

    def handle_signals(self) -> None:
        """Let SIGTERM and SIGINT stop everything in order. For the main thread."""

        def stop(number: int, frame: FrameType | None) -> None:
            self.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)

    def run(self) -> int:
        """Keep them running; returns 0 when stopped, or the exit code that ended it."""
        try:
            while not self._stop.is_set():
                now = self.clock()
                for child in self.children:
                    if child.process is None and now >= child.due:
                        child.start(now, self.environment)
                    code = child.ended(now)
                    if code is None:
                        continue
                    if code in HOPELESS:
                        logger.error("%s cannot run as configured; stopping", child.name)
                        return code
                    logger.warning(
                        "%s ended with %d; starting it again in %.1f s",
                        child.name, code, child.pause,
                    )  # fmt: skip
                self._stop.wait(0.1)
            return 0
        finally:
            self._end_all()

    def _end_all(self) -> None:
        running = [child for child in reversed(self.children) if child.process is not None]
        for child in running:
            assert child.process is not None
            child.process.terminate()
        deadline = time.monotonic() + self.grace_s
        for child in running:
            assert child.process is not None
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                logger.warning("%s did not end within %.0f s; killing it", child.name, self.grace_s)
                child.process.kill()
                child.process.wait()
            child.process = None

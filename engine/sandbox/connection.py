"""What an engine has to offer, and the messages to and from one of its runners."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from engine.sandbox import frames
from engine.sandbox.requirements import Layer


class LinkLost(Exception):
    """The runner at the other end is gone or does not answer."""


class Link(Protocol):
    """A byte stream to one runner, and the means to end it."""

    def send(self, data: bytes) -> None:
        """Write all of `data`. Raises LinkLost."""

    def receive(self) -> bytes:
        """Wait for bytes; empty when the runner is gone."""

    def close(self) -> None:
        """End the runner with all that runs in it, and make `receive` return."""

    def release(self) -> None:
        """Give back what is left after `close`, once nobody reads any more."""

    def last_words(self) -> str:
        """What the runner or its engine said on the error stream, for a person."""


class Engine(Protocol):
    """A place where runners can be started."""

    @property
    def description(self) -> str: ...

    @property
    def warnings(self) -> tuple[str, ...]: ...

    @property
    def remedy(self) -> str: ...

    def launch(self, arguments: str, *, slots: int, layer: Layer | None) -> Link:
        """Start a runner with these arguments, and the packages of `layer` for its candidates.

        Raises SandboxUnavailable.
        """

    @property
    def many_users(self) -> bool:
        """Whether the runner can give each slot a user of its own."""

    @property
    def dies_with_parent(self) -> bool:
        """Whether the runner must end with the process that started it, not only with its input."""

    def user_processes(self) -> int:
        """How many processes and threads a candidate's user has already, outside the sandbox."""

    def close(self) -> None:
        """Let go of the engine."""


class Connection:
    """One runner: its link, and a thread that collects what it says."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="sandbox-reader", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        decoder = frames.Decoder()
        try:
            while data := self._link.receive():
                for message in decoder.feed(data):
                    self._messages.put(message)
        except (OSError, frames.FrameError):
            pass
        finally:
            self._messages.put(None)

    def send(self, message: Mapping[str, Any]) -> None:
        """Raises LinkLost."""
        self._link.send(frames.encode(message))

    def receive(self, timeout_s: float) -> dict[str, Any] | None:
        """The next message, or None after `timeout_s`. Raises LinkLost at the end."""
        try:
            message = self._messages.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if message is None:
            raise LinkLost(self._link.last_words().rpartition("\n")[2])
        return message

    def close(self) -> None:
        """End the runner; waits for the reading thread."""
        self._link.close()
        self._reader.join(timeout=5)
        self._link.release()

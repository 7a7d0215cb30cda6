"""What an engine has to offer, and the messages to and from one of its runners."""

from __future__ import annotations

import queue
import threading
import time
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

    def launch(
        self, arguments: str, *, slots: int, layer: Layer | None, cold: bool = False
    ) -> Link:
        """Start a runner with these arguments, and the packages of `layer` for its candidates.

        `cold`: for what is confirmed before it ships. Raises SandboxUnavailable.
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


class Mailbox:
    """What one run hears of a runner: the answers to its own messages."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def put(self, message: dict[str, Any] | None) -> None:
        """Add a message; None is the end."""
        self._messages.put(message)

    def get(self, timeout_s: float) -> dict[str, Any] | None:
        """The next message, None after `timeout_s`. Raises LinkLost at the end."""
        try:
            message = self._messages.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if message is None:
            raise LinkLost
        return message


class Connection:
    """One runner: its link, and a thread that hands what it says to those whom it concerns."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._sending, self._sharing = threading.Lock(), threading.Lock()
        self._own = Mailbox()
        self._boxes: dict[int, Mailbox] = {}
        self._ended = False
        self.heard = time.monotonic()
        """When the runner last said anything."""
        self._reader = threading.Thread(target=self._read, name="sandbox-reader", daemon=True)
        self._reader.start()

    @property
    def is_alive(self) -> bool:
        """Whether the runner is still there, as far as is known."""
        with self._sharing:
            return not self._ended

    def _read(self) -> None:
        decoder = frames.Decoder()
        try:
            while data := self._link.receive():
                self.heard = time.monotonic()
                for message in decoder.feed(data):
                    self._deliver(message)
        except (OSError, frames.FrameError):
            pass
        finally:
            with self._sharing:
                self._ended = True
                for box in {self._own, *self._boxes.values()}:
                    box.put(None)

    def _deliver(self, message: dict[str, Any]) -> None:
        if message.get("type") == "ready":
            self._own.put(message)
            return
        with self._sharing:
            box = self._boxes.pop(message.get("id", 0), None)
        if box is not None:
            box.put(message)

    def ask(self, message: Mapping[str, Any], box: Mailbox) -> None:
        """Send `message`; the answer to its id comes into `box`. Raises LinkLost."""
        with self._sharing:
            if self._ended:
                raise LinkLost(self.last_words())
            self._boxes[message["id"]] = box
        self.send(message)

    def send(self, message: Mapping[str, Any]) -> None:
        """Raises LinkLost."""
        with self._sending:
            self._link.send(frames.encode(message))

    def forget(self, box: Mailbox) -> None:
        """Throw answers away that nobody will read."""
        with self._sharing:
            for number in [n for n, known in self._boxes.items() if known is box]:
                del self._boxes[number]

    def started(self, timeout_s: float) -> bool:
        """Wait for the runner's first word; False if none comes in time. Raises LinkLost."""
        try:
            return self._own.get(timeout_s) is not None
        except LinkLost:
            raise LinkLost(self.last_words()) from None

    def last_words(self) -> str:
        """The last line that the runner or its engine said on the error stream."""
        return self._link.last_words().rpartition("\n")[2]

    def close(self) -> None:
        """End the runner; waits for the reading thread."""
        self._link.close()
        self._reader.join(timeout=5)
        self._link.release()

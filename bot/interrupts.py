"""Ctrl-C as a wish to end, where an exception in the middle of anything could get lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def cancelled_by_ctrl_c(cancel: threading.Event) -> Iterator[None]:
    """While the block lasts Ctrl-C sets `cancel`, and only a second one raises KeyboardInterrupt.

    A library that catches everything, or a destructor that happens to run, swallows an exception; an
    event stays set. Only the main thread hears signals: in any other this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hear(number: int, frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

"""Which process a container belongs to, so that a crash leaves nothing behind for long."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

_HOST = "supercharge.owner.host"
_PID = "supercharge.owner.pid"
_STARTED = "supercharge.owner.started"


def owner_labels() -> dict[str, str]:
    """Labels that name this process among all, past and present, of this machine."""
    pid = os.getpid()
    return {_HOST: _host(), _PID: str(pid), _STARTED: _started(pid) or ""}


def owner_is_dead(labels: Mapping[str, str]) -> bool:
    """Whether the owner that `labels` name is known to be gone; never true of another machine's."""
    pid = labels.get(_PID, "")
    if labels.get(_HOST) != _host() or not pid.isdecimal():
        return False
    return _started(int(pid)) != labels.get(_STARTED)


def _host() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    # Process ids mean nothing in another pid namespace.
    return f"{socket.gethostname()}/{boot}/{os.readlink('/proc/self/ns/pid')}"


def _started(pid: int) -> str | None:
    """When `pid` started, in clock ticks after boot, or None if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may hold anything.
    return text.rpartition(")")[2].split()[19]

"""Giving up every right: what a process does before it runs anything that a model wrote.

Runs inside the sandbox.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from dataclasses import dataclass

REPORT_FD = 499
"""Where a pair's or a row's process reports."""
FIRST_PRIVATE_FD = REPORT_FD + 1
"""From here on descriptors are the runner's, and every child closes them."""

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_prctl = ctypes.CDLL(None).prctl
_OPEN_FILES = 512
_CPU_SLACK_S = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process may use. Sizes in bytes; `uid` None keeps the parent's (one-uid sandboxes).

    `memory` is address space, what a fork starts with included.
    """

    uid: int | None
    memory: int
    processes: int
    file_size: int
    output: int


def drop(limits: Limits, *, cpu_s: float) -> None:
    """Become the user of `limits` in a session of its own, for good, with `cpu_s` of CPU time.

    Raises OSError when the system refuses; nothing may run then.
    """
    os.setsid()
    if limits.uid is None:
        # The parent is not dumpable, and then not even our own files in /proc would be ours.
        _prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    # Descriptors, not files: every object that a fresh child makes costs it pages.
    score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(score, b"1000")
    os.close(score)
    for kind, amount in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, int(cpu_s) + _CPU_SLACK_S),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_AS, limits.memory),
        # Counted for the user that this process becomes.
        (resource.RLIMIT_NPROC, limits.processes),
    ):
        resource.setrlimit(kind, (amount, amount))
    # Lowering it cannot fail on Linux; gVisor, which has no message queues, does not know it.
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_MSGQUEUE, (0, 0))
    if limits.uid is not None:
        os.setgroups([])
        os.setresgid(limits.uid, limits.uid, limits.uid)
        os.setresuid(limits.uid, limits.uid, limits.uid)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def die_with_parent() -> None:
    """Be killed when the process that started this one ends; a change of user forgets it."""
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def forbid_tracing() -> None:
    """Keep processes of our own user from tracing us and from reading our memory."""
    _prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def address_space() -> int:
    """Bytes of address space that this process has already, which a fork starts with."""
    statm = os.open("/proc/self/statm", os.O_RDONLY)
    try:
        return int(os.read(statm, 256).split()[0]) * os.sysconf("SC_PAGE_SIZE")
    finally:
        os.close(statm)

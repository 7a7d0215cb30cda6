"""A control group for a sandbox that brings none: version 1 and 2, for whoever may make one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from engine.sandbox.base import SandboxSettings

ROOT = Path("/sys/fs/cgroup")
_PARENT = "supercharge"
_CONTROLLERS = ("memory", "pids", "cpu")
_PERIOD_US = 100_000
_REMOVE_S = 5.0


def available() -> bool:
    """Whether limits of memory, processes and CPU can be set by this process."""
    return all(os.access(parent, os.W_OK) for parent in _parents())


def _is_version_2() -> bool:
    return (ROOT / "cgroup.controllers").exists()


def _parents() -> list[Path]:
    """The directories below which groups are made: one for version 2, one each for version 1."""
    return [ROOT] if _is_version_2() else [ROOT / name for name in _CONTROLLERS]


@dataclass(frozen=True, slots=True)
class Group:
    """One control group (several directories in version 1) with a sandbox's limits."""

    paths: tuple[Path, ...]

    @classmethod
    def make(cls, settings: SandboxSettings) -> Self:
        """A new group. Raises OSError when the system does not allow it after all."""
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        paths = []
        for parent in _parents():
            ours = parent / _PARENT
            ours.mkdir(exist_ok=True)
            if _is_version_2():
                for directory in (parent, ours):
                    wanted = " ".join(f"+{name}" for name in _CONTROLLERS)
                    (directory / "cgroup.subtree_control").write_text(wanted, encoding="ascii")
            _sweep(ours)
            path = ours / name
            path.mkdir()
            paths.append(path)
        group = cls(tuple(paths))
        try:
            group._limit(settings)
        except OSError:
            group.remove()
            raise
        return group

    def _limit(self, settings: SandboxSettings) -> None:
        memory, quota = settings.memory_mb << 20, int(settings.cpus * _PERIOD_US)
        wanted = {
            "memory.max": memory,
            "memory.swap.max": 0,
            "pids.max": settings.pids,
            "cpu.max": f"{quota} {_PERIOD_US}",
            "memory.limit_in_bytes": memory,
            "memory.memsw.limit_in_bytes": memory,
            "cpu.cfs_period_us": _PERIOD_US,
            "cpu.cfs_quota_us": quota,
        }
        for path in self.paths:
            for file, value in wanted.items():
                # Which of them there are depends on the version and on how the kernel was built.
                if (path / file).exists():
                    (path / file).write_text(str(value), encoding="ascii")

    def wrapper(self) -> list[str]:
        """The beginning of a command that joins the group before it becomes the rest."""
        joins = " && ".join(f'echo $$ >"{path}/cgroup.procs"' for path in self.paths)
        return ["/bin/sh", "-c", f'{joins} && exec "$@"', "sh"]

    def kill(self) -> None:
        """End every process in the group."""
        deadline = time.monotonic() + _REMOVE_S
        while (pids := self._pids()) and time.monotonic() < deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _pids(self) -> list[int]:
        try:
            return [int(pid) for pid in (self.paths[0] / "cgroup.procs").read_text().split()]
        except OSError as error:
            # Another thread may remove the group between the opening of its file and the reading.
            if error.errno in (errno.ENOENT, errno.ENODEV):
                return []
            raise

    def remove(self) -> None:
        """Remove the group; one that is still busy is left for the next sweep."""
        for path in self.paths:
            deadline = time.monotonic() + _REMOVE_S
            while path.exists() and time.monotonic() < deadline:
                with contextlib.suppress(OSError):
                    path.rmdir()


def _sweep(parent: Path) -> None:
    """Remove groups that dead processes of ours left."""
    for path in parent.iterdir():
        owner = path.name.partition("-")[0]
        if path.is_dir() and owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            with contextlib.suppress(OSError):
                path.rmdir()

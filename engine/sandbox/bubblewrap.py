"""Candidates under bubblewrap, where no Docker engine answers.

The same files and the same runner as in Docker. As root each slot gets a user of its own and the
whole sandbox a control group; without root there is one user and no control group, and `warnings`
says so.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import IO

from engine.errors import SandboxUnavailable
from engine.sandbox import cgroups, rootfs
from engine.sandbox.base import SandboxSettings
from engine.sandbox.connection import Link, LinkLost
from engine.sandbox.requirements import Layer

REMEDY = "apt-get install bubblewrap"
_PROBE_S = 20
_NO_CGROUP = "memory, processes and CPU are limited per process only: no control group can be made"
_ONE_USER = (
    "candidates run as the same user as their supervisor, one pair at a time: start as root, or "
    "use Docker, for users of their own"
)


class BubblewrapEngine:
    """Starts runners under bwrap. See `engine.sandbox.connection.Engine`."""

    remedy = REMEDY
    dies_with_parent = True
    hint = ""

    def __init__(self, settings: SandboxSettings, *, as_root: bool | None = None) -> None:
        """`as_root` False keeps to what an ordinary user could do; None asks the system.

        Raises SandboxUnavailable when bwrap is missing or may not make its namespaces.
        """
        self._settings = settings
        self.many_users = os.geteuid() == 0 if as_root is None else as_root
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxUnavailable("bubblewrap is not installed", remedy=REMEDY)
        self._program = program
        self._version = self._probe()
        self._has_cgroups = self.many_users and cgroups.available()

    @property
    def description(self) -> str:
        """Which engine, which isolation."""
        users = "unprivileged users" if self.many_users else "one unprivileged user"
        limits = "memory, process and CPU limits" if self._has_cgroups else "limits per process"
        return (
            f"{self._version}: no network, read-only root, {users}, no capabilities, {limits}, "
            "no system-call filter"
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Promises of the Docker sandbox that this one cannot keep."""
        said = ["bubblewrap filters no system calls: the kernel itself is the only wall"]
        if not self._has_cgroups:
            said.append(_NO_CGROUP)
        if not self.many_users:
            said.append(_ONE_USER)
        return tuple(said)

    def launch(
        self, arguments: str, *, slots: int, layer: Layer | None, cold: bool = False
    ) -> Link:
        """A new runner under bwrap. Raises SandboxUnavailable."""
        tree = rootfs.tree()
        size = (self._settings.tmpfs_mb << 20) // slots
        command = [self._program, *self._isolation(), "--ro-bind", str(tree), "/"]
        command += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
        if layer is not None and layer.directory is not None:
            command += ["--ro-bind", str(layer.directory), rootfs.PACKAGES_DIR]
        for index in range(slots):
            command += ["--size", str(size), "--tmpfs", f"{rootfs.SLOTS_DIR}/{index}"]
        command += ["--chdir", "/", "--clearenv"]
        for name, value in rootfs.ENVIRONMENT.items():
            command += ["--setenv", name, value]
        command += ["--", rootfs.PYTHON, "-I", "-B", "-m", "engine.sandbox.inside", arguments]
        group = cgroups.Group.make(self._settings) if self._has_cgroups else None
        try:
            return _ProcessLink(command, group, rootfs.hold(tree))
        except OSError as error:
            if group is not None:
                group.remove()
            raise SandboxUnavailable(f"bubblewrap: {error}", remedy=REMEDY) from error

    def _isolation(self) -> list[str]:
        options = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        options += ["--unshare-cgroup-try", "--hostname", "sandbox", "--as-pid-1"]
        options += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        if self.many_users:
            # Real users instead of a user namespace, which maps a single one.
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL"):
                options += ["--cap-add", capability]
        else:
            options += ["--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534"]
        return options

    def _probe(self) -> str:
        """The version of bwrap, once it has shown that it can isolate here."""
        try:
            version = self._run("--version")
            self._run(*self._isolation(), "--ro-bind", "/", "/", "--", self._program, "--version")
        except subprocess.CalledProcessError as error:
            words = str(error.stderr).strip().rpartition("\n")[2]
            raise SandboxUnavailable(
                f"bubblewrap cannot isolate here: {words}",
                remedy="allow user namespaces (sysctl kernel.unprivileged_userns_clone=1), "
                "or run as root",
            ) from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxUnavailable(f"bubblewrap: {error}", remedy=REMEDY) from error
        return version.strip()

    def _run(self, *options: str) -> str:
        return subprocess.run(
            [self._program, *options],
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_PROBE_S,
        ).stdout

    def user_processes(self) -> int:
        """None for users of their own; else what this user runs now, which its limit counts."""
        if self.many_users:
            return 0
        count = 0
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if process.stat().st_uid == os.geteuid():
                    count += len(os.listdir(process / "task"))
        return count

    def close(self) -> None:
        """Nothing is held."""


class _ProcessLink:
    """The pipes of one bwrap process, which takes all inside down with it."""

    def __init__(self, command: list[str], group: cgroups.Group | None, files: IO[str]) -> None:
        self._group = group
        self._files = files
        self._errors = bytearray()
        wrapped = [*(group.wrapper() if group else []), *command]
        started: Future[subprocess.Popen[bytes]] = Future()
        # "The parent" that bwrap dies with is the thread that started it: not the caller's, which may
        # end while others still run their pairs here.
        self._keeper = threading.Thread(
            target=self._keep, args=(wrapped, started), name="sandbox-keeper", daemon=True
        )
        self._keeper.start()
        self._process = started.result()
        self._stdin = _pipe(self._process.stdin)
        self._stdout = _pipe(self._process.stdout)

    def _keep(self, command: list[str], started: Future[subprocess.Popen[bytes]]) -> None:
        """Start the process, and collect its last words until it ends."""
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            started.set_exception(error)
            return
        self._stderr = _pipe(process.stderr)
        started.set_result(process)
        with contextlib.suppress(OSError, ValueError):
            while data := self._stderr.read(1 << 16):
                self._errors = (self._errors + data)[-4096:]
        process.wait()

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[self._stdin.write(view) or 0 :]
        except (OSError, ValueError) as error:
            raise LinkLost(self.last_words() or str(error)) from error

    def receive(self) -> bytes:
        data = self._stdout.read(1 << 16)
        if not data:
            # Its last words come on another pipe, which ends at the same time.
            self._keeper.join(timeout=1)
        return data

    def last_words(self) -> str:
        return self._errors.decode("utf-8", "replace").strip()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        if self._group is not None:
            self._group.kill()
        self._process.wait()
        if self._group is not None:
            self._group.remove()

    def release(self) -> None:
        """Close the pipes, once nobody reads from them."""
        self._keeper.join(timeout=5)
        self._files.close()
        for stream in (self._stdin, self._stdout, self._stderr):
            with contextlib.suppress(OSError):
                stream.close()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("the process was started without pipes")
    return stream

"""Removes every trace of a pair: its processes, its files, its shared memory.

Runs inside the sandbox, in the trusted parent. The parent keeps SETUID, SETGID and KILL and nothing
else, so it takes a candidate's user for a moment where only that user may remove something. A user
of None is the parent's own (one-user sandboxes, where one pair runs at a time).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import signal
import stat
from collections.abc import Iterator

_TRIES = 50
_LIBC = ctypes.CDLL(None, use_errno=True)
_IPC_PRIVATE, _IPC_RMID = 0, 0
_PRIVATE_MODE = 0o1600
"""IPC_CREAT, for its user alone."""
_MOST_OBJECTS = 10_000
_removed: dict[tuple[str, int | None], int] = {}
"""The last number that was looked at, by kind and user, where the kernel lists nothing."""


class Hurt(RuntimeError):
    """Something of a candidate could not be removed; this runner must not be used any more."""


def end_processes(uid: int | None) -> int:
    """End every process of `uid`; how many there were at first sight. Raises Hurt if one stays.

    A scan of /proc misses nothing here: a process that forks and ends stays a zombie of ours
    until we reap it, and we reap only what a scan has shown. The count has the zombies too: whether
    a process that nobody waited for has ended by now is chance, and a verdict must not be.
    """
    left = 0
    for attempt in range(_TRIES):
        found = _processes(uid)
        if attempt == 0:
            left = len(found)
        if not found:
            return left
        if not all(map(_is_zombie, found)):
            _kill_all(uid)
        for pid in found:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
    raise Hurt(f"{len(_processes(uid))} processes of a candidate cannot be ended")


def _processes(uid: int | None) -> list[int]:
    own = os.getpid()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdecimal() or int(name) == own:
            continue
        try:
            # The directory belongs to the effective user, dumpable or not.
            owner = os.stat(f"/proc/{name}").st_uid
        except FileNotFoundError:
            continue
        if uid is None or owner == uid:
            found.append(int(name))
    return found


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return True


def _kill_all(uid: int | None) -> None:
    """SIGKILL for every process of `uid`, in one step that no fork can escape."""
    if uid is None:
        # From process 1 this reaches all others; from any other it would reach too many.
        if os.getpid() == 1:
            os.kill(-1, signal.SIGKILL)
        return
    pid = os.fork()
    if pid == 0:
        try:
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


@contextlib.contextmanager
def _as_user(uid: int | None) -> Iterator[None]:
    """Take a candidate's effective user: its signals still do not reach us."""
    if uid is None:
        yield
        return
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def remove_contents(root: str, uid: int | None) -> None:
    """Empty the directory `root`, all of whose entries are `uid`'s. Raises Hurt if one stays."""
    try:
        with _as_user(uid):
            for name in os.listdir(root):
                _remove_tree(f"{root}/{name}")
    except OSError as error:
        raise Hurt(f"a candidate's files cannot be removed: {error}") from error
    if os.listdir(root):
        raise Hurt("a candidate's files cannot be removed")


def _remove_tree(path: str) -> None:
    """Remove `path` without following links; no depth of directories is too deep.

    Directories are moved up before they are emptied, so neither paths nor recursion grow.
    """
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        os.unlink(path)
        return
    top, waiting = os.path.dirname(path), [path]
    while waiting:
        directory = waiting.pop()
        os.chmod(directory, 0o700)
        with os.scandir(directory) as entries:
            for entry in list(entries):
                if entry.is_dir(follow_symlinks=False):
                    moved = f"{top}/.{secrets.token_hex(8)}"
                    os.chmod(entry.path, 0o700)
                    os.rename(entry.path, moved)
                    waiting.append(moved)
                else:
                    os.unlink(entry.path)
        os.rmdir(directory)


def remove_shared_memory(uid: int | None) -> None:
    """Remove System V objects of `uid`: they outlive processes and could carry words to others.

    Raises Hurt if one stays.
    """
    for kind in ("shm", "sem", "msg"):
        if not os.path.exists(f"/proc/sysvipc/{kind}"):
            _remove_unlisted(kind, uid)
            continue
        for identifier in _shared(kind, uid):
            with _as_user(uid):
                _remove(kind, identifier)
        if _shared(kind, uid):
            raise Hurt("a candidate's shared memory cannot be removed")


def _remove(kind: str, identifier: int) -> None:
    arguments = (identifier, 0, _IPC_RMID) if kind == "sem" else (identifier, _IPC_RMID)
    getattr(_LIBC, f"{kind}ctl")(*arguments, None)


def _remove_unlisted(kind: str, uid: int | None) -> None:
    """The same where the kernel lists no objects: gVisor, which numbers them one after the other.

    So one more of our own tells the last number, and all since the last time may be this user's.
    """
    get = getattr(_LIBC, f"{kind}get")
    before = _removed.get((kind, uid), 0)
    with _as_user(uid):
        last = (
            get(_IPC_PRIVATE, _PRIVATE_MODE)
            if kind == "msg"
            else get(_IPC_PRIVATE, 1, _PRIVATE_MODE)
        )
        if last < 0:
            return  # it has no such objects
        if not before <= last <= before + _MOST_OBJECTS:
            raise Hurt("a candidate has made too much shared memory")
        for identifier in range(before + 1, last + 1):
            _remove(kind, identifier)
    _removed[kind, uid] = last


def _shared(kind: str, uid: int | None) -> list[int]:
    with open(f"/proc/sysvipc/{kind}", encoding="ascii") as file:
        header, *lines = [line.split() for line in file]
    creator = header.index("cuid")
    return [int(line[1]) for line in lines if uid is None or int(line[creator]) == uid]

"""Temporary folders that do not outlive their process for long, however that ends.

A process that is killed cannot tidy up. So every folder has a file that its owner keeps locked, which
the kernel undoes with the process: whoever gets the lock may remove the folder.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

PREFIX = "supercharge-scratch-"
LOCK = "owner.lock"
"""Locked as long as its folder's owner lives."""
_NEW_S = 3600.0
"""A folder without a lock that is younger than this may be one that is just being made."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder for as long as the block lasts, beside nothing of anybody else's."""
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX) as outer,
        open(Path(outer) / "new.lock", "w", encoding="ascii") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        # It has its name only now: a sweep must never find it without its owner's lock.
        (Path(outer) / "new.lock").rename(Path(outer) / LOCK)
        inner = Path(outer) / "files"
        inner.mkdir()
        try:
            yield inner
        finally:
            # The lock goes last: what is cut off in the middle of this is swept as well.
            shutil.rmtree(inner, ignore_errors=True)


def sweep_scratch() -> int:
    """Remove what processes left behind that were killed; how many folders that were."""
    swept = 0
    for outer in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_abandoned(outer):
            shutil.rmtree(outer, ignore_errors=True)
            swept += 1
    if swept:
        logger.info("removed %d folders of processes that were killed", swept)
    return swept


def _is_abandoned(outer: Path) -> bool:
    try:
        with open(outer / LOCK, "r+", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return _age_s(outer) > _NEW_S
    except OSError:
        return False  # it is in use, or another user's
    return True


def _age_s(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return 0.0  # gone meanwhile

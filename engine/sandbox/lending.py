"""Warm sandboxes for many requests: those with the same project's files share one, with fair turns.

A sandbox that nobody uses stays warm for the next request of its project, for some time and not too
many of them. `engine.sandbox.turns` shares the runner, and the processors among all sandboxes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from engine.closing import Closing
from engine.errors import SandboxUnavailable
from engine.sandbox import rootfs
from engine.sandbox.base import Project, Sandbox, SandboxSettings
from engine.sandbox.project import laid_out
from engine.verdicts import PairResult


@dataclass(eq=False, slots=True)
class _Kept:
    """One sandbox, who has it, and whether it is worth keeping. Its fields are the lender's lock's."""

    key: str
    opening: threading.Lock = field(default_factory=threading.Lock)
    sandbox: Sandbox | None = None
    files: IO[str] | None = None
    borrowers: int = 0
    idle_since: float = 0.0
    is_warm: bool = False
    is_hurt: bool = False

    def close(self) -> None:
        """End the sandbox, and let its project's files be pruned."""
        if self.sandbox is not None:
            self.sandbox.close()
        if self.files is not None:
            self.files.close()


class SandboxLender:
    """Lends what `open_sandbox` opens. `lend`, `tidy` and `close` may be called from any thread."""

    def __init__(
        self,
        open_sandbox: Callable[[Project | None], Sandbox],
        settings: SandboxSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`settings.keep_warm` and `keep_warm_s` say how many stay warm unused, and for how long.

        `clock` gives seconds. On a Ray cluster nothing is shared: each request opens the nodes' own.
        """
        self._open_sandbox = open_sandbox
        self._settings = settings
        self._clock = clock
        self._is_open = True
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def lend(self, project: Project | None = None) -> Sandbox:
        """A sandbox with these files, warm if there is one; who has it closes it.

        Raises what opening raises. Whoever comes while it is being opened waits for that.
        """
        if self._settings.place == "ray":
            return self._open_sandbox(project)
        layer = laid_out(project) if project else None
        key = layer.key if layer else ""
        with self._lock:
            if not self._is_open:
                raise SandboxUnavailable("the worker ends", remedy="start it again")
            kept = self._kept.setdefault(key, _Kept(key))
            kept.borrowers += 1
        try:
            with kept.opening:
                if kept.sandbox is None:
                    directory = layer.directory if layer else None
                    if directory is not None:
                        kept.files = rootfs.hold(directory)
                    # The files that the request brought are gone when it ends: those laid out stay.
                    own = Project((directory,)) if directory is not None else None
                    kept.sandbox = self._open_sandbox(own)
        except BaseException:
            self._spoil(kept)
            self._take_back(kept)
            raise
        return _Lent(kept.sandbox, kept, self)

    @property
    def warm(self) -> int:
        """How many sandboxes have run something and are there for the next request."""
        with self._lock:
            return sum(kept.is_warm for kept in self._kept.values())

    def tidy(self) -> None:
        """Close what nobody has used for `keep_warm_s`."""
        with self._lock:
            old = self._clock() - self._settings.keep_warm_s
            out = self._taken_out([kept for kept in self._idle() if kept.idle_since <= old])
        _close(out)

    def close(self) -> None:
        """Close every sandbox, lent ones too; nothing is lent any more."""
        with self._lock:
            self._is_open = False
            out = self._taken_out(self._kept.values())
        _close(out)

    def _take_back(self, kept: _Kept) -> None:
        with self._lock:
            kept.borrowers -= 1
            kept.idle_since = self._clock()
            idle = self._idle()
            out = self._taken_out(idle[: max(0, len(idle) - self._settings.keep_warm)])
            if not kept.borrowers and (kept.is_hurt or not kept.is_warm) and kept not in out:
                out += self._taken_out([kept])
        _close(out)

    def _spoil(self, kept: _Kept) -> None:
        """Its engine is away: the next request opens another, which may find another engine."""
        with self._lock:
            kept.is_hurt = True
            self._taken_out([kept])

    def _idle(self) -> list[_Kept]:
        """What nobody has, the least recently used first; what only confirmed is not worth a place."""
        idle = [kept for kept in self._kept.values() if not kept.borrowers and kept.is_warm]
        return sorted(idle, key=lambda kept: kept.idle_since)

    def _taken_out(self, which: Iterable[_Kept]) -> list[_Kept]:
        """`which`, no longer to be lent. Closing them takes time, and nobody is to wait for that."""
        out = list(which)
        for kept in out:
            if self._kept.get(kept.key) is kept:
                del self._kept[kept.key]
        return out


def _close(out: Iterable[_Kept]) -> None:
    for kept in out:
        kept.close()


class _Lent(Closing):
    """One borrower's hold on a sandbox: closing it ends the borrower's own runs, and no other's."""

    def __init__(self, sandbox: Sandbox, kept: _Kept, lender: SandboxLender) -> None:
        self._sandbox = sandbox
        self._kept = kept
        self._lender = lender
        self._closed = threading.Event()

    @property
    def description(self) -> str:
        return self._sandbox.description

    @property
    def warnings(self) -> tuple[str, ...]:
        return self._sandbox.warnings

    def run_pairs(
        self,
        codes: Mapping[str, str],
        tests: Mapping[str, str],
        *,
        entry_point: str,
        timeout_s: float = 10.0,
        pairs: Collection[tuple[str, str]] | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[PairResult]:
        self._require_open()
        self._kept.is_warm = True
        results = self._sandbox.run_pairs(
            codes,
            tests,
            entry_point=entry_point,
            timeout_s=timeout_s,
            pairs=pairs,
            cancel=_Either(self._closed, cancel),
        )
        return self._watched(results)

    def _watched(self, results: Iterator[PairResult]) -> Iterator[PairResult]:
        try:
            yield from results
        except SandboxUnavailable:
            self._lender._spoil(self._kept)
            raise

    def confirm(
        self,
        pair: tuple[str, str],
        code: str,
        test: str,
        *,
        entry_point: str,
        timeout_s: float = 10.0,
        cancel: threading.Event | None = None,
    ) -> PairResult:
        self._require_open()
        either = _Either(self._closed, cancel)
        try:
            return self._sandbox.confirm(
                pair, code, test, entry_point=entry_point, timeout_s=timeout_s, cancel=either
            )
        except SandboxUnavailable:
            self._lender._spoil(self._kept)
            raise

    def _require_open(self) -> None:
        if self._closed.is_set():
            raise SandboxUnavailable("the sandbox is closed", remedy="open a new one")

    def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._lender._take_back(self._kept)


class _Either(threading.Event):
    """Set when one of two is; asked, never waited for."""

    def __init__(self, own: threading.Event, other: threading.Event | None) -> None:
        super().__init__()
        self._both = (own, other) if other is not None else (own,)

    def is_set(self) -> bool:
        return any(event.is_set() for event in self._both)

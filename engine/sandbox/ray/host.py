"""The node's side: an actor with the node's own sandbox."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine.errors import Cancelled, SandboxUnavailable
from engine.sandbox import Project, Sandbox, SandboxSettings, open_sandbox
from engine.sandbox.project import files_of
from engine.verdicts import PairResult

_KEPT_CANCELS = 1024

Files = Mapping[str, bytes]
"""A project's files, each under its place, as they travel to a node."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A `SandboxUnavailable` as a value, since Ray changes the type of what is raised."""

    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What a node's sandbox says of itself."""

    description: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs for one node, with the sources that they need."""

    id: str
    codes: Mapping[str, str]
    tests: Mapping[str, str]
    pairs: tuple[tuple[str, str], ...]
    entry_point: str
    timeout_s: float


def packed(project: Project) -> Files:
    """The files that candidates can import."""
    return {place: path.read_bytes() for place, path in files_of(project).items()}


class SandboxHost:
    """One node's sandbox. It ends, with all that it started, when its actor does."""

    def __init__(self, settings: SandboxSettings, files: Files | None) -> None:
        self._settings = replace(settings, place="local")
        self._files = files
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._sandbox: Sandbox | None = None
        self._opening = threading.Lock()
        self._turn = threading.Lock()
        self._cancels: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def opened(self) -> Opened | Unavailable:
        """Open the sandbox if it is not open, and describe it."""
        try:
            sandbox = self._opened()
        except SandboxUnavailable as error:
            return Unavailable(str(error), error.remedy)
        return Opened(sandbox.description, sandbox.warnings)

    def run_pairs(self, batch: Batch) -> Iterator[PairResult | Unavailable]:
        """The batch's results as they are known; an `Unavailable` is the last item."""
        cancel = self._cancel_of(batch.id)
        try:
            with self._turn:
                yield from self._opened().run_pairs(
                    batch.codes,
                    batch.tests,
                    entry_point=batch.entry_point,
                    timeout_s=batch.timeout_s,
                    pairs=batch.pairs,
                    cancel=cancel,
                )
        except SandboxUnavailable as error:
            yield Unavailable(str(error), error.remedy)
        finally:
            with self._lock:
                self._cancels.pop(batch.id, None)

    def confirm(self, batch: Batch) -> PairResult | Unavailable | None:
        """The batch's one pair by a cold pytest; None when it was cancelled."""
        cancel = self._cancel_of(batch.id)
        [pair] = batch.pairs
        try:
            with self._turn:
                return self._opened().confirm(
                    pair,
                    batch.codes[pair[0]],
                    batch.tests[pair[1]],
                    entry_point=batch.entry_point,
                    timeout_s=batch.timeout_s,
                    cancel=cancel,
                )
        except SandboxUnavailable as error:
            return Unavailable(str(error), error.remedy)
        except Cancelled:
            return None
        finally:
            with self._lock:
                self._cancels.pop(batch.id, None)

    def cancel(self, batch_id: str) -> None:
        """End a batch, also one that has not arrived yet."""
        self._cancel_of(batch_id).set()

    def close(self) -> None:
        """Stop what the sandbox started."""
        with self._opening:
            if self._sandbox is not None:
                self._sandbox.close()
            if self._folder is not None:
                self._folder.cleanup()

    def _opened(self) -> Sandbox:
        with self._opening:
            if self._sandbox is None:
                self._sandbox = open_sandbox(self._settings, project=self._project())
            return self._sandbox

    def _project(self) -> Project | None:
        if self._files is None:
            return None
        self._folder = tempfile.TemporaryDirectory(prefix="supercharge-project-")
        root = Path(self._folder.name)
        for place, content in self._files.items():
            path = root / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return Project((root,))

    def _cancel_of(self, batch_id: str) -> threading.Event:
        with self._lock:
            if (
                len(self._cancels) > _KEPT_CANCELS
            ):  # of batches that were over when they were cancelled
                del self._cancels[next(iter(self._cancels))]
            return self._cancels.setdefault(batch_id, threading.Event())

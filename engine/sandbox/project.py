"""A project's own code, where candidates can import it and nobody can change it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from engine.errors import SandboxUnavailable
from engine.sandbox import rootfs
from engine.sandbox.base import Project
from engine.sandbox.requirements import Layer

MOST_BYTES = 64 << 20
"""A file that would make the project larger than this is left out, the largest first."""
_LEFT_OUT = frozenset({".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".tox"})
_KEEP_S = 24 * 3600.0


def laid_out(project: Project) -> Layer:
    """The project's files alone, kept for the next time; the key names their content.

    Raises SandboxUnavailable where they cannot be written.
    """
    return with_project(None, project)


def with_project(layer: Layer | None, project: Project) -> Layer:
    """A layer with the packages of `layer` and the project's files, kept for the next time.

    Links are left out: they could lead to files of the host. Raises SandboxUnavailable where it cannot
    be written.
    """
    files = files_of(project)
    key = _key(layer, files)
    target = rootfs.cache_dir() / f"project-{key}"
    try:
        with rootfs.locked(target.name):
            if target.is_dir():
                os.utime(target)
            else:
                _prune(target.parent)
                _make(target, layer, files)
    except OSError as error:
        raise SandboxUnavailable(
            f"the project's files cannot be laid out for the sandbox: {error}",
            remedy=f"free some room in {rootfs.cache_dir()}",
        ) from error
    return Layer(key, target, layer.problem if layer else "")


def files_of(project: Project) -> dict[str, Path]:
    """What is copied, by its place, sorted."""
    found: dict[str, Path] = {}
    for root in project.roots:
        for path in _walk(root):
            found.setdefault(path.relative_to(root).as_posix(), path)
    room = MOST_BYTES
    kept: dict[str, Path] = {}
    for place, path in sorted(found.items(), key=lambda item: item[1].stat().st_size):
        room -= path.stat().st_size
        if room < 0:
            break
        kept[place] = path
    return dict(sorted(kept.items()))


def _walk(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        names[:] = [n for n in names if n not in _LEFT_OUT and not Path(folder, n).is_symlink()]
        for name in files:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _key(layer: Layer | None, files: dict[str, Path]) -> str:
    digest = hashlib.sha256((layer.key if layer else "").encode())
    for place, path in files.items():
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(place.encode("utf-8", "surrogateescape") + b"\0" + content)
    return digest.hexdigest()[:16]


def _make(target: Path, layer: Layer | None, files: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="making-") as making:
        made = Path(making) / "project"
        made.mkdir()
        for place, path in files.items():
            copy = made / place
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o644)
        if layer is not None and layer.directory is not None:
            shutil.copytree(layer.directory, made, dirs_exist_ok=True, symlinks=True)
        for folder, _, _ in os.walk(made):
            os.chmod(folder, 0o755)
        made.rename(target)


def _prune(cache: Path) -> None:
    """Remove what nobody holds and what was not used for a day."""
    for directory in cache.glob("project-*/"):
        if time.time() - directory.stat().st_mtime > _KEEP_S:
            rootfs.remove_unless_held(directory)

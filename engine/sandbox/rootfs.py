"""The file system that candidates see: the running interpreter, pytest, and nothing else.

Made without a registry, from what runs this process: the standard library, pytest and what it
needs, the shared libraries, and the runner. Docker imports it as an image, bubblewrap binds it
read-only, so both run candidates on the same files. It is kept in the user's cache under a name
made from its content, and made again when Python, pytest or the runner changes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from packaging.requirements import Requirement

from engine.errors import SandboxUnavailable

PYTHON = "/usr/local/bin/python3"
PACKAGES_DIR = "/packages"
SLOTS_DIR = "/slots"
LINKS_DIR = "/links"
"""What `/tmp` leads to; see `engine.sandbox.inside`."""
INI_FILE = "/usr/local/etc/sandbox-pytest.ini"
MAX_SLOTS = 64
ENVIRONMENT = {
    "PATH": "/usr/local/bin",
    "LANG": "C.UTF-8",
    "LD_LIBRARY_PATH": "/usr/local/lib",
    "TERM": "dumb",
    "PYTHONPATH": PACKAGES_DIR,
    # Libraries that start a thread per core would meet the limits of a pair.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

# Raise it when the layout below changes.
_LAYOUT = 5
_WHEEL_LIBRARIES = (
    r"^\s+(lib(?:gcc_s|stdc\+\+|m|dl|rt|util|pthread|resolv|nsl)\.so\.\d+) .*=> (/\S+)$"
)
_KEEP_S = 24 * 3600.0
_RUNNER_FILES = (
    "frames.py",
    "inside.py",
    "rights.py",
    "codec.py",
    "exceptions.py",
    "codeserver.py",
    "plain.py",
    "jobs.py",
    "running.py",
    "calls.py",
    "row.py",
    "expected.py",
    "recorder.py",
    "warm.py",
    "child.py",
    "cold.py",
    "cleaning.py",
    "slots.py",
    "runner.py",
)
_LIBRARY = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LEFT_OUT = (
    *("__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib"),
    *("tkinter", "turtledemo", "ensurepip", "lib2to3", "config-*"),
)
_REMEDY = "set sandbox.image to an image of the official Python with pytest installed"


def key() -> str:
    """A short name for the content: equal keys mean equal files. 16 hexadecimal digits."""
    digest = hashlib.sha256()
    interpreter = _interpreter()
    facts = [str(_LAYOUT), sys.version, sys.implementation.cache_tag or "", str(interpreter)]
    facts.append(str(interpreter.stat().st_size))
    facts += sorted(f"{dist.name}={dist.version}" for dist in _pytest_distributions())
    facts += [f"{path}={path.stat().st_size}" for path in _shared_libraries([interpreter])]
    for fact in facts:
        digest.update(fact.encode() + b"\0")
    for name in _RUNNER_FILES:
        digest.update((Path(__file__).parent / name).read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def cache_dir() -> Path:
    """Where the sandbox keeps what it made; not created here."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "supercharge" / "sandbox"


def tree() -> Path:
    """The directory with the files, made if it is not there (5 to 10 s).

    Raises SandboxUnavailable when it cannot be made on this system.
    """
    name = f"rootfs-{key()}"
    target = cache_dir() / name
    with locked(name):
        if target.is_dir():
            os.utime(target)
            return target
        _prune(target.parent)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="making-") as making:
            root = Path(making) / "root"
            try:
                _make(root)
            except (OSError, subprocess.CalledProcessError) as error:
                raise SandboxUnavailable(
                    f"the sandbox's files cannot be made from this interpreter: {error}",
                    remedy=_REMEDY,
                ) from error
            root.rename(target)
    return target


def hold(directory: Path) -> IO[str]:
    """Keep `directory` from being pruned until the file that this returns is closed."""
    lock = open(f"{directory}.held", "w", encoding="ascii")  # noqa: SIM115 - the caller closes it
    fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def _prune(cache: Path) -> None:
    """Remove files of other versions that nobody holds and that were not used for a day."""
    for directory in cache.glob("rootfs-*/"):
        if time.time() - directory.stat().st_mtime >= _KEEP_S:
            remove_unless_held(directory)


def remove_unless_held(directory: Path) -> None:
    """Remove `directory`, unless some process holds it."""
    with open(f"{directory}.held", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock `name` among all processes of this user, so that a thing is made once."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with open(cache_dir() / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_tar(
    root: Path, out: IO[bytes], *, prefix: str = ".", texts: Mapping[str, str] | None = None
) -> None:
    """Write the files below `root` as a tar archive owned by root, below `prefix`.

    `texts` are further files at the top, by name.
    """

    def owned_by_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        return info

    with tarfile.open(fileobj=out, mode="w|") as archive:
        archive.add(root, arcname=prefix, filter=owned_by_root)
        for name, text in (texts or {}).items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))


def _make(root: Path) -> None:
    library = root / "usr/local/lib" / _LIBRARY
    packages = library / "site-packages"
    interpreter = _interpreter()
    shutil.copytree(
        sysconfig.get_path("stdlib"),
        library,
        ignore=shutil.ignore_patterns(*_LEFT_OUT),
        symlinks=False,
        ignore_dangling_symlinks=True,
    )
    for dist in _pytest_distributions():
        _copy_distribution(dist, packages)
    # Where Debian's own interpreter looks.
    (library / "dist-packages").symlink_to("site-packages")
    sandbox = packages / "engine/sandbox"
    sandbox.mkdir(parents=True)
    for empty in (packages / "engine/__init__.py", sandbox / "__init__.py"):
        empty.write_text("", encoding="ascii")
    for name in _RUNNER_FILES:
        shutil.copyfile(Path(__file__).parent / name, sandbox / name)
    (root / "usr/local/bin").mkdir(parents=True)
    shutil.copy2(interpreter, root / PYTHON.lstrip("/"))
    extensions = sorted((library / "lib-dynload").glob("*.so"))
    for path in [*_shared_libraries([interpreter, *extensions]), *_expected_by_wheels()]:
        # The loader is found by its full path, every library by LD_LIBRARY_PATH.
        place = path if path.name.startswith("ld-") else Path("/usr/local/lib") / path.name
        copy = root / str(place).lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path.resolve(), copy)
    _make_rest(root)
    # Unchecked pycs are valid without a look at the source, so a read-only root is no slower.
    options = ("-q", "-j0", "--invalidation-mode=unchecked-hash", "-s", str(root), "-p", "/")
    subprocess.run(
        [sys.executable, "-m", "compileall", *options, str(library)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    for directory, _, _ in os.walk(root):
        os.chmod(directory, 0o755)


def _make_rest(root: Path) -> None:
    for name in ("proc", "dev", "sys", "etc", "usr/local/etc", PACKAGES_DIR.lstrip("/")):
        (root / name).mkdir(parents=True, exist_ok=True)
    for index in range(MAX_SLOTS):
        (root / SLOTS_DIR.lstrip("/") / str(index)).mkdir(parents=True)
    (root / INI_FILE.lstrip("/")).write_text("[pytest]\n", encoding="ascii")
    (root / "etc/passwd").write_text("root:x:0:0:::\n", encoding="ascii")
    # Pairs run side by side, so a fixed name in /tmp must be a different file for each of them.
    (root / LINKS_DIR.lstrip("/")).mkdir()
    (root / LINKS_DIR.lstrip("/") / "tmp").symlink_to("/proc/self/cwd")
    (root / "tmp").symlink_to(LINKS_DIR.lstrip("/") + "/tmp")


def _interpreter() -> Path:
    return Path(sys.executable).resolve()


def _pytest_distributions() -> list[importlib.metadata.Distribution]:
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = ["pytest"]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = importlib.metadata.distribution(name)
        for text in found[name].requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return list(found.values())


def _copy_distribution(dist: importlib.metadata.Distribution, packages: Path) -> None:
    for file in dist.files or ():
        if ".." in file.parts or "__pycache__" in file.parts:
            continue
        target = packages / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), target)


def _shared_libraries(programs: list[Path]) -> list[Path]:
    """The files of all libraries that `programs` load, and their loader."""
    listing = subprocess.run(
        ["ldd", *map(str, programs)], check=False, capture_output=True, text=True, timeout=60
    ).stdout
    found = re.findall(r"^\s+(?:\S+ => )?(/\S+) \(0x", listing, flags=re.MULTILINE)
    return sorted({Path(path) for path in found})


def _expected_by_wheels() -> list[Path]:
    """Libraries that compiled wheels take for granted, as far as this system has them."""
    program = shutil.which("ldconfig", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    if program is None:
        return []
    listing = subprocess.run(
        [program, "-p"], check=False, capture_output=True, text=True, timeout=60
    ).stdout
    found = re.findall(_WHEEL_LIBRARIES, listing, re.MULTILINE)
    return [Path(path) for path in dict(reversed(found)).values()]

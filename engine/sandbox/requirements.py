"""The packages that candidates import: which are allowed, and where they are installed.

pipreqs finds the imports and names their distributions, without asking the network. Only what is on
the allow-list is ever installed, and only as wheels, which run nothing while they are installed:
a model may invent a package's name, and somebody may have registered it. Installing is a phase of
its own, outside the sandbox, into a directory that candidates see read-only.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pipreqs import pipreqs

from engine.errors import BadInput, Cancelled
from engine.sandbox import rootfs

MAX_SOURCE = 512 * 1024
_PIP_S = 600.0
_POLL_S = 0.1
_ALWAYS_THERE = frozenset({"pytest", "_pytest"}) | sys.stdlib_module_names
_MISSING = re.compile(r"No module named '(\w+)")


@dataclass(frozen=True, slots=True)
class RequirementSet:
    """Distributions for some sources.

    `wanted` are allowed, as requirements in the allow-list's own words, sorted. `refused` maps an
    imported name to the distribution that provides it and is not allowed.
    """

    wanted: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """Installed distributions, in `directory` (None if there are none).

    `problem` is one line when some could not be installed; the others are there all the same.
    """

    key: str
    directory: Path | None
    problem: str = ""


def requirements_for(
    sources: Iterable[str], *, allowed: Iterable[str] = (), entry_point: str = ""
) -> RequirementSet:
    """What the sources import from outside the standard library, held against the allow-list.

    Sources that do not parse import nothing. `allowed` are requirements such as `numpy` or
    `numpy>=2`. Raises BadInput when one of them is none.
    """
    permitted = _by_name(allowed)
    wanted, refused = set(), {}
    for name in _imports(sources):
        if name in _ALWAYS_THERE or name == entry_point:
            continue
        distribution = distribution_of(name)
        requirement = permitted.get(canonicalize_name(distribution))
        if requirement is None:
            refused[name] = distribution
        else:
            wanted.add(requirement)
    return RequirementSet(tuple(sorted(wanted)), refused)


def distribution_of(module: str) -> str:
    """The distribution that most likely provides the top-level module `module`."""
    return str(pipreqs.get_pkg_names([module])[0])


def explain_missing(message: str, allowed: Iterable[str], layer: Layer | None) -> str:
    """A ModuleNotFoundError's message, with the reason why the package is not there."""
    found = _MISSING.search(message)
    if found is None or found[1] in _ALWAYS_THERE:
        return message
    distribution = distribution_of(found[1])
    if canonicalize_name(distribution) not in _by_name(allowed):
        return f"{message}: the package {distribution} is not on the allow-list"
    if layer is not None and layer.problem:
        return f"{message}: {layer.problem}"
    return message


def install(
    wanted: Iterable[str], *, allowed: Iterable[str], cancel: threading.Event | None = None
) -> Layer:
    """Install requirements and what they need, if all of it is allowed; at once when cached.

    Takes the network, seconds to minutes, and no longer than pip's patience. A failure is a layer
    with a `problem`, not an exception. Raises Cancelled when `cancel` is set.
    """
    wanted, allowed = sorted(set(wanted)), tuple(allowed)
    layer = _install(wanted, allowed, cancel)
    if not layer.problem or len(wanted) < 2:
        return layer
    # One that cannot be had must not take the others along.
    good = [one for one in wanted if not _install([one], allowed, cancel).problem]
    return replace(_install(good, allowed, cancel), problem=layer.problem) if good else layer


def _install(
    wanted: Sequence[str], allowed: Sequence[str], cancel: threading.Event | None
) -> Layer:
    permitted = _by_name(allowed)
    facts = [sys.version, *wanted, "/", *sorted(permitted)]
    key = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
    target = rootfs.cache_dir() / f"packages-{key}"
    with rootfs.locked(target.name):
        if target.is_dir():
            return Layer(key, target)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="making-") as making:
            try:
                versions = _resolve(wanted, Path(making), cancel)
                for name in versions:
                    if canonicalize_name(name) not in permitted:
                        problem = f"it needs the package {name}, which is not on the allow-list"
                        return Layer(key, None, problem)
                exact = [f"{name}=={version}" for name, version in sorted(versions.items())]
                made = Path(making) / "packages"
                _pip(["--no-deps", f"--target={made}", *exact], cancel)
            except _PipFailed as error:
                return Layer(key, None, f"it could not be installed: {error}")
            made.chmod(0o755)
            made.rename(target)
    return Layer(key, target)


class _PipFailed(Exception):
    """What pip had to say last, in one line."""


def _resolve(
    wanted: Sequence[str], directory: Path, cancel: threading.Event | None
) -> dict[str, str]:
    """Versions of all distributions that pip would install for `wanted`."""
    report = directory / "report.json"
    options = ["--dry-run", "--ignore-installed", f"--report={report}"]
    _pip([*options, f"--target={directory / 'none'}", *wanted], cancel)
    installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {item["metadata"]["name"]: item["metadata"]["version"] for item in installs}


def _pip(arguments: list[str], cancel: threading.Event | None) -> None:
    command = [sys.executable, "-m", "pip", "install", "--only-binary=:all:", "--no-input"]
    command += ["--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        try:
            _wait(process, cancel)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode:
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").strip().splitlines()
            said = [line for line in lines if line.startswith("ERROR")] or lines or ["no reason"]
            raise _PipFailed(said[-1].removeprefix("ERROR: ")[:300])


def _wait(process: subprocess.Popen[bytes], cancel: threading.Event | None) -> None:
    deadline = time.monotonic() + _PIP_S
    while time.monotonic() < deadline:
        try:
            process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            if cancel is not None and cancel.is_set():
                raise Cancelled("stopped while packages were installed") from None
        else:
            return
    raise _PipFailed(f"no end within {_PIP_S:.0f} s")


def _by_name(allowed: Iterable[str]) -> dict[str, str]:
    found = {}
    for text in allowed:
        try:
            found[str(canonicalize_name(Requirement(text).name))] = text
        except InvalidRequirement as error:
            raise BadInput(f"allowed_packages: {text!r} is no requirement") from error
    return found


def _imports(sources: Iterable[str]) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="supercharge-") as directory:
        for number, source in enumerate(dict.fromkeys(sources)):
            if _parses(source):
                # A name that no source imports: pipreqs leaves out what looks local.
                path = Path(directory) / f"source{number}_of_pair.py"
                path.write_text(source, encoding="utf-8")
        return sorted(pipreqs.get_all_imports(directory, encoding="utf-8"))


def _parses(source: str) -> bool:
    if len(source) > MAX_SOURCE:
        return False
    try:
        ast.parse(source.encode())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True

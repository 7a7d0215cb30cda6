"""Puts a solution into a working tree: the body into the stub, the test where tests live."""

from __future__ import annotations

import configparser
import re
import tomllib
from keyword import iskeyword
from pathlib import Path

from bot.stubs import spec_from_source
from bot.textfile import TextFile
from engine.errors import BadInput
from engine.search import Solution
from engine.spec import FunctionSpec
from engine.splice import SpliceError, splice

_ROOT_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini")
_INSTALLED_MARKS = ("pyproject.toml", "setup.py", "setup.cfg")
_PYTEST_FILES = (
    ("pytest.ini", "pytest"),
    ("pyproject.toml", ""),
    ("tox.ini", "pytest"),
    ("setup.cfg", "tool:pytest"),
)


def land(spec: FunctionSpec, solution: Solution) -> tuple[Path, Path]:
    """Write code and test; returns the two paths.

    The file is read again: when it changed meanwhile and the stub is as it was, the new body goes
    into the file as it is now. Raises BadInput when the stub itself changed, or a file cannot be
    written; nothing is written then. An existing test file is never overwritten.
    """
    path = Path(spec.path)
    file = TextFile.read(path)
    now = spec_from_source(file.text, spec.qualname, path=spec.path)
    if (now.prototype, now.description) != (spec.prototype, spec.description):
        raise BadInput(
            f"{path}::{spec.qualname} changed while its body was written; nothing written"
        )
    try:
        filled = splice(file.text, spec.qualname, solution.code)
    except SpliceError as error:
        raise BadInput(f"the new body does not fit into {path}: {error}") from error
    test_path, module = place_of_test(path, spec.entry_point)
    test = with_import(solution.test, spec.import_name, module)
    _create(test_path, test)
    try:
        file.write(filled)
    except BadInput:
        test_path.unlink()
        raise
    return path, test_path


def _create(path: Path, text: str) -> None:
    try:
        file = path.open("x", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error
    try:
        with file:
            file.write(text)
    except OSError as error:
        path.unlink()
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error


def place_of_test(path: Path, function: str, *, folder: Path | None = None) -> tuple[Path, str]:
    """A new test file for a function in `path`, and the module name that it imports from.

    In `folder` where one is given. Else the nearest `tests` or `test` folder between the file and the
    project's root, when a test there can import the module: pytest finds it, the project is one
    that gets installed, or a test there imports it already. Else beside the file, where it always can.
    """
    resolved = path.resolve()
    root = project_root(resolved.parent)
    stem = f"test_{function}"
    if folder is not None:
        module = _importable_name(resolved, folder.resolve(), root)
        return _unused(folder, stem), module or _dotted(resolved, root)
    for place in (resolved.parent, *resolved.parent.parents):
        for tests in (place / "tests", place / "test"):
            module = _importable_name(resolved, tests, root) if tests.is_dir() else None
            if module is not None:
                return _unused(tests, stem), module
        if place == root:
            break
    return _unused(path.parent, stem), _dotted(resolved, above_packages(resolved.parent))


def project_root(folder: Path) -> Path:
    """The nearest folder that looks like a project's; the file's own where none does."""
    for place in (folder, *folder.parents):
        if any((place / mark).exists() for mark in _ROOT_MARKS):
            return place
    return above_packages(folder)


def _importable_name(module: Path, tests: Path, root: Path) -> str | None:
    """The name under which a test in `tests` imports `module`; None where it could not."""
    sources = [above_packages(tests), *(root / path for path in python_path(root))]
    # pytest also puts the folder of every conftest.py between the root and the test on its path.
    sources += [
        above_packages(place)
        for place in (tests, *tests.parents)
        if place.is_relative_to(root) and (place / "conftest.py").exists()
    ]
    within = [source for source in sources if module.is_relative_to(source)]
    if within:
        return _dotted(module, max(within, key=lambda source: len(source.parts)))
    if any((root / mark).exists() for mark in _INSTALLED_MARKS):
        source = root / "src"
        return _dotted(module, source if module.is_relative_to(source) else root)
    name = _dotted(module, root)
    return name if _is_imported_in(tests, name) else None


def _is_imported_in(tests: Path, module: str) -> bool:
    """Whether a test there imports it already: then the project has a way to make that work."""
    top = re.escape(module.partition(".")[0])
    line = re.compile(rf"^\s*(?:from|import)\s+{top}\b", re.MULTILINE)
    return any(line.search(f.read_text("utf-8", "replace")) for f in sorted(tests.rglob("*.py")))


def python_path(root: Path) -> list[str]:
    """What the project's own configuration adds to pytest's path."""
    for name, section in _PYTEST_FILES:
        file = root / name
        if not file.is_file():
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        found: object = None
        try:
            if name.endswith(".toml"):
                tool = tomllib.loads(text).get("tool", {})
                found = tool.get("pytest", {}).get("ini_options", {}).get("pythonpath")
            else:
                parser = configparser.RawConfigParser()
                parser.read_string(text)
                found = parser.get(section, "pythonpath", fallback=None)
        except (tomllib.TOMLDecodeError, configparser.Error, AttributeError):
            continue  # pytest will say what is wrong with it
        if isinstance(found, str):
            return found.split()
        if isinstance(found, list):
            return [str(part) for part in found]
    return []


def above_packages(folder: Path) -> Path:
    """The nearest folder that is no package: what pytest puts on its path for a file in `folder`."""
    while (folder / "__init__.py").exists():
        folder = folder.parent
    return folder


def _dotted(module: Path, source: Path) -> str:
    parts = module.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def with_import(test: str, name: str, module: str) -> str:
    """The test with `name` imported from `module` instead of from the module that the sandbox uses."""
    line = f"from {module} import {name}"
    if not all(part.isidentifier() and not iskeyword(part) for part in module.split(".")):
        # A file like `my-script.py` can be imported, but not named in an import statement.
        line = f'import importlib\n\n{name} = importlib.import_module("{module}").{name}'
    there = rf"^from {re.escape(name)} import {re.escape(name)}$"
    return re.sub(there, lambda match: line, test, flags=re.MULTILINE)


def module_name(path: Path) -> str:
    """The name under which a project's own code imports `path`."""
    resolved = path.resolve()
    root = project_root(resolved.parent)
    sources = [root / "src", *(root / folder for folder in python_path(root))]
    within = [source for source in sources if resolved.is_relative_to(source)]
    return _dotted(resolved, max(within, key=lambda source: len(source.parts), default=root))


def _unused(folder: Path, stem: str) -> Path:
    path, number = folder / f"{stem}.py", 2
    while path.exists():
        path, number = folder / f"{stem}_{number}.py", number + 1
    return path

"""A repository's files on disk: what of them can be imported, and under which name.

The sandbox runs a stub's module on its own, with the rest of its repository beside it. So what it
imports by a relative import must be named in full there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bot.callers import callers_in
from bot.forge.base import Forge
from bot.landing import above_packages, module_name, project_root, python_path
from bot.scratch import scratch_folder
from engine.cleanup.syntax import Fault, parse
from engine.sandbox import Project
from engine.sourcetext import SourceText
from engine.spec import FunctionSpec


@contextmanager
def checked_out(forge: Forge, repository: str, sha: str) -> Iterator[Path]:
    """A folder with the files of a commit, for as long as the block lasts. Raises ForgeError."""
    with scratch_folder() as root:
        forge.checkout(repository, sha, root)
        # A checkout has none, and this is where a project ends.
        (root / ".git").mkdir(exist_ok=True)
        yield root


def project_of(root: Path, path: str) -> Project:
    """What a test of the file `path` can import, nearest first."""
    file = root / path
    top = project_root(file.parent)
    named = [top / folder for folder in python_path(top)]
    folders = [above_packages(file.parent), *named, top / "src", top]
    inside = [f.resolve() for f in folders if f.is_dir() and f.resolve().is_relative_to(root)]
    return Project(tuple(dict.fromkeys(inside)))


def in_sandbox(spec: FunctionSpec, root: Path) -> FunctionSpec:
    """The spec as it is searched for: every import of its module named in full, and who calls it."""
    package = module_name(root / spec.path).rpartition(".")[0]
    module = with_absolute_imports(spec.module, package)
    return replace(spec, module=module, callers=callers_in(root, spec.entry_point))


_SPACE = r"(?:\s|\\\n)*"


def with_absolute_imports(source: str, package: str) -> str:
    """The module with `from . import x` and its like naming `package` in full. Pure.

    One that leads out of the package stays, and so does a source that does not parse.
    """
    tree = parse(source)
    if isinstance(tree, Fault):
        return source
    text, edits = SourceText(source), []
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        parts = package.split(".") if package else []
        kept = len(parts) - node.level + 1
        name = ".".join([*parts[: max(kept, 0)], *([node.module] if node.module else [])])
        column = len(text.line(node.lineno).encode()[: node.col_offset].decode())
        written = rf"from{_SPACE}\.+{_SPACE + re.escape(node.module) if node.module else ''}"
        match = re.compile(written).match(source, text.offset((node.lineno, column)))
        if kept > 0 and match is not None:
            edits.append((match.start(), match.end(), f"from {name}"))
    for start, end, words in sorted(edits, reverse=True):
        source = source[:start] + words + source[end:]
    return source

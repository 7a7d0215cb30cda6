"""Where a repository calls a function: a few calls say more than most docstrings."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

from engine.cleanup.syntax import Fault, is_shallow, parse

FEW = 5
"""With more calls than these the function is a commonplace, and none of them is shown."""
MOST_FILES = 5_000
MOST_BYTES = 200_000
MOST_LENGTH = 100
_LEFT_OUT = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__", "build", "dist"})


def callers_in(root: Path, name: str) -> tuple[str, ...]:
    """The statements below `root` that call `name`, each on one line, in the order of their files.

    None where there are more than a few. Files that do not parse, and very large ones, are passed over.
    """
    found: dict[str, None] = {}
    mention = re.compile(rf"\b{re.escape(name)}\s*\(")
    for path in _python_files(root):
        source = path.read_text(encoding="utf-8", errors="replace")
        if not mention.search(source):
            continue
        for statement in calls_in(source, name):
            found.setdefault(statement)
            if len(found) > FEW:
                return ()
    return tuple(found)


def calls_in(source: str, name: str) -> Iterator[str]:
    """The innermost statements of a source that call `name`, as a function or a method. Pure."""
    tree = parse(source)
    if isinstance(tree, Fault) or not is_shallow(tree):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt) or hasattr(node, "body"):
            continue  # what has a body is not shown; the statements in it are
        if any(_calls(part, name) for part in ast.walk(node)):
            text = ast.unparse(node)
            if "\n" not in text and len(text) <= MOST_LENGTH:
                yield text


def _calls(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=called)) | ast.Call(func=ast.Attribute(attr=called)):
            return called == name
    return False


def _python_files(root: Path) -> Iterator[Path]:
    seen = 0
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in _LEFT_OUT)
        for file in sorted(files):
            path = Path(folder, file)
            if not file.endswith(".py") or path.is_symlink() or path.stat().st_size > MOST_BYTES:
                continue
            seen += 1
            if seen > MOST_FILES:
                return
            yield path

"""Generated tests: cleaned, split into single asserts, and composed again from those that survive."""

from __future__ import annotations

import ast

from engine.cleanup.bidi import without_controls
from engine.cleanup.cleaned import Cleaned
from engine.cleanup.compose import compose
from engine.cleanup.copies import FunctionNode
from engine.cleanup.doctests import with_asserts
from engine.cleanup.extract import extract
from engine.cleanup.futile import futility
from engine.cleanup.imports import with_imports
from engine.cleanup.pipeline import MAX_TEXT
from engine.cleanup.prune import without_unused_imports
from engine.cleanup.regions import without_cut_line
from engine.cleanup.repair import mend
from engine.cleanup.split import split_asserts
from engine.cleanup.stable import settled
from engine.cleanup.style import format_code
from engine.cleanup.syntax import compiles, is_shallow, parse
from engine.cleanup.testfile import import_line, normalise

__all__ = ["clean_test", "compose", "import_line", "split_asserts"]


def clean_test(text: str, *, entry_point: str, import_name: str | None = None) -> Cleaned:
    """A model's reply with tests as a formatted module of pytest functions.

    `import_name` is what the tests import to reach `entry_point`: itself, or for a method its
    class. `ok` is True iff the module is a program and has a test function; tests that cannot fail
    stay, and are named in `warnings`.
    """
    name = import_name or entry_point
    return settled(lambda reply: _once(reply, entry_point, name), text[:MAX_TEXT])


def _once(text: str, entry_point: str, import_name: str) -> Cleaned:
    edits: list[str] = []
    code = extract(with_asserts(text, entry_point))
    if code != text:
        edits.append("extracted the code from the reply")
    result = mend(without_cut_line(code))
    mended = result.code
    edits.extend(result.edits)
    visible = without_controls(mended)
    if visible != mended:
        edits.append("took out controls of writing direction")
        mended = visible
    tree = parse(mended)
    if not isinstance(tree, ast.Module) or not is_shallow(tree):
        return Cleaned(mended, ok=False, edits=tuple(edits))
    module, changes = normalise(tree, entry_point=entry_point, import_name=import_name)
    edits.extend(changes)
    source = without_unused_imports(ast.unparse(module) + "\n")
    source, added, warnings = with_imports(source)
    edits.extend(added)
    source = format_code(source)
    tests = [
        node
        for node in module.body
        if isinstance(node, FunctionNode) and node.name.startswith("test")
    ]
    for test in tests:
        reason = futility(test, entry_point=entry_point, import_name=import_name)
        if reason:
            warnings.append(f"{test.name} cannot fail: it {reason}")
    return Cleaned(source, bool(tests) and compiles(source) is None, tuple(edits), tuple(warnings))

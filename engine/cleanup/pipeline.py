"""The stages of cleaning, one after the other."""

from __future__ import annotations

import ast
import dataclasses

from engine.cleanup.bidi import without_controls
from engine.cleanup.cleaned import Cleaned
from engine.cleanup.cuts import complete_last_name
from engine.cleanup.extract import extract
from engine.cleanup.imports import with_imports
from engine.cleanup.prune import prune
from engine.cleanup.regions import without_cut_copy
from engine.cleanup.repair import mend
from engine.cleanup.stable import settled
from engine.cleanup.style import format_code
from engine.cleanup.syntax import compiles, defined_names, is_shallow, parse

MAX_TEXT = 100_000
"""Of a longer text only so much is read: no reply is that long."""


def clean(text: str, *, entry_point: str | None = None) -> Cleaned:
    """A model's raw reply as a formatted module of imports and functions.

    Never raises on any text, always ends, and does no more than it needs to: a reply that is Python
    already is pruned and formatted, its behaviour kept.
    """
    result = settled(lambda reply: _once(reply, entry_point), text[:MAX_TEXT])
    if len(text) <= MAX_TEXT:
        return result
    edits = (f"read only the first {MAX_TEXT} characters", *result.edits)
    return dataclasses.replace(result, edits=edits)


def _once(text: str, entry_point: str | None) -> Cleaned:
    edits: list[str] = []
    code = extract(text, entry_point=entry_point)
    if code != text:
        edits.append("extracted the code from the reply")
    shorter = without_cut_copy(code)
    if shorter != code:
        edits.append("dropped a cut copy")
    result = mend(shorter)
    mended = result.code
    if text[-1:].isidentifier():
        completed = complete_last_name(mended)
        if completed != mended:
            edits.append("completed the last name")
            mended = completed
    edits.extend(result.edits)
    visible = without_controls(mended)
    if visible != mended:
        edits.append("took out controls of writing direction")
        mended = visible
    tree = parse(mended)
    if not isinstance(tree, ast.Module) or not is_shallow(tree):
        return Cleaned(mended, ok=False, edits=tuple(edits))
    pruned = prune(mended, tree, entry_point=entry_point)
    edits.extend(pruned.edits)
    source, added, warnings = with_imports(pruned.source)
    edits.extend(added)
    source = format_code(source)
    return Cleaned(source, is_ok(source, entry_point), tuple(edits), tuple(warnings))


def is_ok(source: str, entry_point: str | None) -> bool:
    """Whether `source` is a program, not an empty one, and, if one is named, defines `entry_point`."""
    tree = parse(source)
    if not isinstance(tree, ast.Module) or not tree.body or compiles(source) is not None:
        return False
    return entry_point is None or entry_point in defined_names(tree)

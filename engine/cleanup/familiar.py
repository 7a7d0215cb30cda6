"""What the text itself says about a repair: the writer's own habits, and brackets without a use."""

from __future__ import annotations

import ast
import re

from engine.cleanup.syntax import walk

_NEAR = ((2, 2, 0.16), (1, 2, 0.08), (2, 1, 0.08))


def familiarity(before: tuple[str, ...], after: tuple[str, ...]) -> float:
    """How well one inserted character fits in with the rest of the text.

    Its neighbourhood, letters and digits made alike, is looked up in all that was written elsewhere:
    who wrote `"a", "e",` went on with `"i",`.
    """
    row = _changed_row(before, after)
    if row is None:
        return 0.0
    old, new = before[row], after[row]
    column = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    if old[column:] != new[column + 1 :]:
        return 0.0
    elsewhere = _shape("\n".join((*before[:row], *before[row + 1 :])))
    line = _shape(new)
    column = min(column, len(line) - 1)
    total = 0.0
    for left, right, worth in _NEAR:
        near = line[max(0, column - left) : column + 1 + right]
        others = line[: max(0, column - left)], line[column + right + 1 :]
        if any(near in text for text in (elsewhere, *others)):
            total += worth
    return total


def _changed_row(before: tuple[str, ...], after: tuple[str, ...]) -> int | None:
    if len(before) != len(after):
        return None
    rows = [row for row, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    if len(rows) != 1 or len(after[rows[0]]) != len(before[rows[0]]) + 1:
        return None
    return rows[0]


def _shape(text: str) -> str:
    return re.sub(r"[^\W\d]", "a", re.sub(r"\d", "0", text))


def needless_brackets(tree: ast.Module, lines: tuple[str, ...]) -> float:
    """Brackets around the whole of a value that is returned, assigned or an index: few write them."""
    total = 0.0
    for node in walk(tree):
        value: ast.expr | None = None
        if isinstance(node, ast.Return | ast.Assign):
            value = node.value
        elif isinstance(node, ast.Subscript):
            value = node.slice
        if value is None or value.lineno != value.end_lineno or isinstance(value, ast.Tuple):
            continue
        line = lines[value.lineno - 1].encode()
        start, end = value.col_offset, value.end_col_offset or 0
        inner = isinstance(value, ast.GeneratorExp)
        if (
            not inner
            and line[:start].rstrip().endswith(b"(")
            and line[end:].lstrip().startswith(b")")
        ):
            total += 0.5
    return total

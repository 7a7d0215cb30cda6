"""What the text itself says about a repair: the writer's own habits, and brackets without a use."""

from __future__ import annotations

import ast
import functools
import keyword
import re
from collections.abc import Iterator

from engine.cleanup.characters import plain_punctuation
from engine.cleanup.layout import statement_of
from engine.cleanup.lexer import scan
from engine.cleanup.syntax import parse, same_meaning, walk

_SHORTEST = 8
_ALIKE = 0.4
_FEW = 3
_USELESS = 0.4
_NEAR = ((2, 2, 0.16), (1, 2, 0.08), (2, 1, 0.08))


def familiarity(before: tuple[str, ...], after: tuple[str, ...]) -> float:
    """How well inserted characters fit in with the rest of the text.

    The neighbourhood of each, letters and digits made alike, is looked up in all that was written
    elsewhere: who wrote `"a", "e",` went on with `"i",`. A line that is now built like another one,
    `low = int(a) * int(b)` like `high = int(c) * int(d)`, fits in best.
    """
    return sum(
        _fit((*before[:row], *before[row + 1 :]), new, column)
        for row, new, column in _insertions(before, after)
    )


def _fit(others: tuple[str, ...], new: str, column: int) -> float:
    elsewhere = _shape("\n".join(others))
    line = _shape(new)
    column = min(column, len(line) - 1)
    total = 0.0
    for left, right, worth in _NEAR:
        near = line[max(0, column - left) : column + 1 + right]
        rest = line[: max(0, column - left)], line[column + right + 1 :]
        if any(near in text for text in (elsewhere, *rest)):
            total += worth
    outline = _outline(new)
    if len(outline) > _SHORTEST and any(_outline(other) == outline for other in others):
        total += _ALIKE
    return total


def _insertions(before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[tuple[int, str, int]]:
    """(row, line, column) of the single characters that were put in, in a few lines at most.

    Margins and typographic punctuation are looked past: they are replaced in the whole text.
    """
    if len(before) != len(after):
        return
    plain = [(_plain(a), _plain(b)) for a, b in zip(before, after, strict=True)]
    rows = [row for row, (old, new) in enumerate(plain) if old != new]
    for row in rows if len(rows) <= _FEW else ():
        old, new = plain[row]
        column = next(
            (i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old)
        )
        if len(new) == len(old) + 1 and old[column:] == new[column + 1 :]:
            yield row, new, column


@functools.lru_cache(maxsize=1024)
def _plain(line: str) -> str:
    return plain_punctuation(line).strip()


@functools.lru_cache(maxsize=1024)
def _outline(line: str) -> str:
    """`line` with all its names, texts and numbers made alike: `total = int(a) * int(c)`."""
    line = re.sub(r"\"[^\"]*\"|'[^']*'", "'", line.strip())
    return re.sub(r"\s+", "", re.sub(r"\d+", "0", re.sub(r"[^\W\d]\w*", "a", line)))


def needless_pairs(before: tuple[str, ...], after: tuple[str, ...]) -> float:
    """What inserted brackets that only close a group without a use cost: `(a) * b`."""
    return _USELESS * sum(
        line[column] == ")" and _is_needless(line, column)
        for _, line, column in _insertions(before, after)
    )


def _is_needless(line: str, column: int) -> bool:
    opened = _opener(line, column)
    rest = line[column + 1 :]
    if opened is None or (rest in {"", "]"} and re.search(r"(?:return|=|\[)\s*$", line[:opened])):
        # The whole of a value: `needless_brackets` has seen it.
        return False
    bare = f"{line[:opened]} {line[opened + 1 : column]} {rest}"
    return _same_statement(line, bare)


def _opener(line: str, column: int) -> int | None:
    """The column of the bracket that the one at `column` closes, where it opens a group, not a call."""
    open_at: list[int] = []
    tokens = scan([line]).tokens[0]
    for i, token in enumerate(tokens):
        if token.kind == "open":
            open_at.append(i)
        elif token.kind == "close":
            begun = open_at.pop() if open_at else None
            if token.start == column:
                if begun is None:
                    return None
                left = tokens[begun - 1] if begun else None
                is_call = left is not None and (
                    left.kind in {"close", "string"}
                    or (left.kind == "name" and not keyword.iskeyword(left.text))
                )
                return None if is_call else tokens[begun].start
    return None


def _same_statement(one: str, other: str) -> bool:
    left, right = parse(statement_of(one)), parse(statement_of(other))
    return (
        isinstance(left, ast.Module) and isinstance(right, ast.Module) and same_meaning(left, right)
    )


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

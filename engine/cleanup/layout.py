"""Edits of lines: their indentation, their colons, their bodies, their being there at all."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.cleanup.lexer import Scan, indent_of
from engine.cleanup.prose import is_prose
from engine.cleanup.syntax import parses

STEP = 4
COMPOUND = re.compile(
    r"\s*(?:async\s+)?(?:def|class|if|elif|else|for|while|with|try|except|finally|match|case)\b"
)
_FUNCTION = re.compile(r"\s*(?:async\s+)?def\s+\w")
_CONTINUES = re.compile(r"\s*(?:else|elif|except|finally|case)\b")


@dataclass(frozen=True, slots=True)
class Edit:
    """One small change of a text: the new lines, what it costs, and what it is."""

    lines: tuple[str, ...]
    cost: float
    label: str


def layout_edits(lines: list[str], at: int, scanned: Scan) -> Iterator[Edit]:
    """Edits of whole lines near line index `at`, where the parser stopped."""
    yield from _colons(lines, at, scanned)
    yield from _deletions(lines, at)
    yield from _twice_opened(lines)
    yield from _bodies(lines, at)
    yield from _single_indents(lines, at, scanned)
    yield from _block_indents(lines, at, scanned)
    yield from _lost_body_edits(lines)
    yield from _narrower_rests(lines, at, scanned)


def opens_block(line: str) -> bool:
    """Whether the next line has to be indented deeper."""
    return line.partition("#")[0].rstrip().endswith(":") and COMPOUND.match(line) is not None


def _with_line(lines: list[str], row: int, line: str) -> tuple[str, ...]:
    return (*lines[:row], line, *lines[row + 1 :])


def _colons(lines: list[str], at: int, scanned: Scan) -> Iterator[Edit]:
    for row in range(max(0, at - 1), min(len(lines), at + 2)):
        line = lines[row]
        if not COMPOUND.match(line) or scanned.inside[row]:
            continue
        code = line.rstrip()
        tokens = scanned.tokens[row]
        if tokens:
            end = tokens[-1].end if tokens[-1].text not in {";", ","} else tokens[-1].start
            if not code.endswith(":"):
                yield Edit(
                    _with_line(lines, row, line[:end] + ":" + line[tokens[-1].end :]),
                    0.6,
                    "added a colon",
                )
        for token in tokens[1:-1]:
            if token.kind in {"name", "close", "number", "string"}:
                text = line[: token.end] + ":" + line[token.end :]
                yield Edit(_with_line(lines, row, text), 1.0, "added a colon")


def _deletions(lines: list[str], at: int) -> Iterator[Edit]:
    for row in range(max(0, at - 2), min(len(lines), at + 2)):
        line = lines[row]
        if not line.strip():
            continue
        cost = 2.8
        if is_prose(line):
            cost = 0.4
        elif row and line.strip() == lines[row - 1].strip():
            cost = 0.5
        elif not stands_alone(line):
            cost = 2.3
        yield Edit((*lines[:row], *lines[row + 1 :]), cost + 0.05 * abs(row - at), "dropped a line")
    if at < len(lines):
        rest = sum(1 for line in lines[at:] if line.strip())
        yield Edit(tuple(lines[:at]), 2.4 + 0.5 * rest, "dropped the end")


def _twice_opened(lines: list[str]) -> Iterator[Edit]:
    """A line that opens or closes a docstring and stands there twice; the fault shows far behind it."""
    for row in range(1, len(lines)):
        line = lines[row].strip()
        if line == lines[row - 1].strip() and (line.count('"""') + line.count("'''")) % 2:
            yield Edit((*lines[:row], *lines[row + 1 :]), 0.5, "dropped a line")


@functools.lru_cache(maxsize=1024)
def stands_alone(line: str) -> bool:
    """Whether a line is a statement, or the header of one, in itself."""
    return parses(statement_of(line))


def statement_of(line: str) -> str:
    """`line` as a text of its own: a header gets a body, and the one before it that it needs."""
    text = line.strip()
    if opens_block(text):
        text = ("if 0: pass\n" if _CONTINUES.match(text) else "") + text + " pass"
        text = text.replace("if 0: pass\nexcept", "try: pass\nexcept")
    return text


def lost_bodies(lines: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """(header, first, indent) of functions whose body stands at the header's own margin.

    `first` is the line behind the header, or behind the docstring where that kept its indent.
    """
    for row, line in enumerate(lines):
        if not _FUNCTION.match(line):
            continue
        margin = indent_of(line)
        head = row
        while head < len(lines) and not lines[head].partition("#")[0].rstrip().endswith(":"):
            head += 1
            if head > row + 12:
                break
        first, indent, has_docstring = _behind_docstring(lines, head + 1, margin)
        if first >= len(lines) or indent_of(lines[first]) > margin:
            continue
        # A header alone, with another function behind it, has no body to find.
        if has_docstring or not _FUNCTION.match(lines[first]):
            yield row, first, indent - indent_of(lines[first])


def _behind_docstring(lines: Sequence[str], row: int, margin: int) -> tuple[int, int, bool]:
    """The first line of a body behind its docstring, its indent, and whether there is a docstring."""
    row = _next_filled(lines, row)
    match = re.match(r"\s*[rRuU]?(\"{3}|'{3})", lines[row]) if row < len(lines) else None
    if match is None:
        return row, margin + STEP, False
    indent = max(indent_of(lines[row]), margin + 1)
    rest = lines[row][match.end() :]
    while match[1] not in rest and row + 1 < len(lines):
        row += 1
        rest = lines[row]
    return _next_filled(lines, row + 1), indent, True


def _next_filled(lines: Sequence[str], row: int) -> int:
    while row < len(lines) and not lines[row].strip():
        row += 1
    return row


def _lost_body_edits(lines: list[str]) -> Iterator[Edit]:
    for _, first, delta in itertools.islice(lost_bodies(lines), 3):
        for end in _block_ends(lines, first):
            if end == len(lines) or indent_of(lines[end]) <= indent_of(lines[first]):
                moved = [_shift(line, delta) for line in lines[first:end]]
                cost = 0.7 + (0.0 if end == len(lines) else 0.1)
                yield Edit((*lines[:first], *moved, *lines[end:]), cost, "indented a body")


def _bodies(lines: list[str], at: int) -> Iterator[Edit]:
    """`pass` where a block has no body."""
    before = next((row for row in range(min(at, len(lines)) - 1, -1, -1) if lines[row].strip()), at)
    for row in sorted({before, at}):
        if row >= len(lines) or not opens_block(lines[row]):
            continue
        following = next((line for line in lines[row + 1 :] if line.strip()), "")
        if indent_of(following) <= indent_of(lines[row]) or not following:
            body = " " * (indent_of(lines[row]) + STEP) + "pass"
            at_end = not following or re.match(
                r"(?:async\s+)?(?:def|class|@|import|from)\b", following
            )
            cost = 0.7 if at_end else 1.8
            yield Edit((*lines[: row + 1], body, *lines[row + 1 :]), cost, "added a missing body")


def _narrower_rests(lines: list[str], at: int, scanned: Scan) -> Iterator[Edit]:
    """All lines from one on with their indents widened, where they keep to a narrower grid.

    A writer who changes from four columns to two, or to one, does so for the rest of the text.
    """
    free = [
        row
        for row, line in enumerate(lines)
        if line.strip() and not scanned.inside[row] and not scanned.depth[row]
    ]
    first = next((row for row in free if indent_of(lines[row]) % STEP), None)
    if first is None or first > at + 1:
        return
    for row in [row for row in free if row <= first][-6:]:
        for factor in (2, STEP):
            rest = lines[row:]
            moved = [_shift(line, (factor - 1) * indent_of(line)) for line in rest]
            if all(indent_of(moved[i - row]) % STEP == 0 for i in free if i >= row):
                yield Edit((*lines[:row], *moved), 0.85, "widened the indents of the rest")


def _levels(lines: list[str], row: int, scanned: Scan) -> set[int]:
    """Indents that line `row` might have had: those in use, and those that its neighbours ask for."""
    levels = {
        indent_of(line)
        for i, line in enumerate(lines)
        if line.strip() and i != row and not scanned.inside[i] and not scanned.depth[i]
    }
    before = next((line for line in reversed(lines[:row]) if line.strip()), "")
    after = next((line for line in lines[row + 1 :] if line.strip()), "")
    if opens_block(before):
        levels = {level for level in levels if level > indent_of(before)} | {
            indent_of(before) + STEP
        }
    else:
        levels = {level for level in levels if level <= indent_of(before)}
    if opens_block(lines[row]) and after:
        # The body that follows says how deep its header is.
        levels |= {max(0, indent_of(after) - STEP)}
    return levels


def _single_indents(lines: list[str], at: int, scanned: Scan) -> Iterator[Edit]:
    first = max(0, at - 40)
    for row in range(first, min(len(lines), at + 2)):
        line = lines[row]
        if not line.strip() or scanned.inside[row]:
            continue
        now = indent_of(line)
        for level in _levels(lines, row, scanned):
            if level != now:
                cost = 1.0 + 0.02 * abs(at - row) + 0.01 * abs(level - now)
                if level > now and not opens_block(line):
                    cost += _unnatural_end(lines, row, row + 1)
                yield Edit(
                    _with_line(lines, row, " " * level + line.lstrip()), cost, "shifted a line"
                )


def _block_indents(lines: list[str], at: int, scanned: Scan) -> Iterator[Edit]:
    """Shift several lines together: a body that lost its indent, a block that got one too many."""
    for row in range(max(0, at - 1), min(len(lines), at + 2)):
        if not lines[row].strip() or scanned.inside[row]:
            continue
        for delta in _deltas(lines, row):
            for end in _block_ends(lines, row):
                moved = [_shift(line, delta) for line in lines[row:end]]
                cost = 1.05 + 0.03 * abs(at - row) + _unnatural_end(lines, row, end)
                if end - row > 1:
                    yield Edit((*lines[:row], *moved, *lines[end:]), cost, "shifted a block")


def _unnatural_end(lines: list[str], row: int, end: int) -> float:
    """Blocks end before a blank line, before what is less deep, or with the text."""
    if end >= len(lines) or not lines[end].strip() or indent_of(lines[end]) < indent_of(lines[row]):
        return 0.0
    if not lines[end - 1].strip():
        return 0.0
    return 0.15 if indent_of(lines[end]) == indent_of(lines[row]) else 0.05


def _deltas(lines: list[str], row: int) -> set[int]:
    before = next((line for line in reversed(lines[:row]) if line.strip()), "")
    now = indent_of(lines[row])
    wanted = {indent_of(before)}
    if opens_block(before):
        wanted = {indent_of(before) + STEP}
    elif before.rstrip().endswith(('"""', "'''")) and now == 0:
        wanted.add(_docstring_indent(lines, row))
    else:
        wanted |= {
            level
            for level in (indent_of(line) for line in lines[:row] if line.strip())
            if level < now
        }
    return {level - now for level in wanted if level != now}


def _docstring_indent(lines: list[str], row: int) -> int:
    for line in reversed(lines[:row]):
        if line.lstrip().startswith(('"""', "'''", 'r"""')):
            return indent_of(line)
    return STEP


def _block_ends(lines: list[str], row: int) -> Iterator[int]:
    ends = [len(lines)]
    for end in range(row + 1, min(len(lines), row + 40)):
        if lines[end].strip() and not _CONTINUES.match(lines[end]):
            ends.append(end)
    yield from ends


def _shift(line: str, delta: int) -> str:
    if not line.strip():
        return line
    return " " * max(0, indent_of(line) + delta) + line.lstrip()

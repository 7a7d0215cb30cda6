"""Edits inside a line: brackets, quotes, commas, lost line feeds."""

from __future__ import annotations

import builtins
import itertools
import re
from collections.abc import Iterator

from engine.cleanup.foreign import foreign_edits
from engine.cleanup.layout import STEP, Edit, opens_block
from engine.cleanup.lexer import CLOSER, OPENER, Scan, Token, indent_of

MAX_LINE = 1_000
"""Texts with longer lines are data, not code: their lines are not edited inside."""

_MAX_COLUMNS = 160
_INNER = 0.35
_WORD = re.compile(r"[^\W\d]\w*")
_BUILT_IN = frozenset(dir(builtins))
_CODE = re.compile(
    r"\s*(?:(?:if|for|while|elif)\b.*:$|return\b(?!s)|else:$|try:$|def \w+\("
    r"|[a-z_]\w*(?:\[.*\])?\s?[-+*/]?=\s?[^=>])"
)
"""Lines that are rather code than an example in a docstring."""
_BEGINS = re.compile(
    r"(?:(?<=[\s\d)\]}'\";:])|(?<=[a-z])(?=(?:def|return)\b))"
    r"(?:(?:async def|def|class|return|raise|if|for|while|with|try|import|from|elif|else|print)\b"
    r"|[a-z_]\w* ?[-+*/]?= ?(?!=)|[a-z_][\w.]*\.\w+\()"
)
"""Where a statement may begin inside a line."""


def token_edits(lines: list[str], at: int, scanned: Scan) -> Iterator[Edit]:
    """Edits of characters near line index `at`, and where brackets or quotes do not close."""
    if any(len(line) > MAX_LINE for line in lines):
        return
    yield from foreign_edits(lines, at)
    yield from _glued_edits(lines, at, scanned)
    if scanned.open_triple:
        yield from _triple_edits(lines, scanned.open_triple)
    for row in dict.fromkeys(scanned.stray[:2]):
        yield from _quote_edits(lines, row, scanned)
    yield from _closing_edits(lines, scanned)
    yield from _surplus_edits(lines, scanned)
    if scanned.balanced:
        yield from _comma_edits(lines, at, scanned)


def _with(lines: list[str], row: int, line: str) -> tuple[str, ...]:
    return (*lines[:row], line, *lines[row + 1 :])


def _glued_edits(lines: list[str], at: int, scanned: Scan) -> Iterator[Edit]:
    """A line broken in two before what begins a statement: a line feed was lost."""
    for row in range(max(0, at - 1), min(len(lines), at + 1)):
        line = lines[row]
        if scanned.inside[row]:
            continue
        for match in itertools.islice(_BEGINS.finditer(line), 6):
            left, right = line[: match.start()].rstrip(), line[match.start() :]
            if not left or left[-1] in ",.=+-*/%(<>[{&|":
                continue
            for level, cost in _levels_behind(lines, row, left, right).items():
                parts = (*lines[:row], left, " " * level + right, *lines[row + 1 :])
                yield Edit(parts, cost, "parted two lines")


def _levels_behind(lines: list[str], row: int, left: str, right: str) -> dict[int, float]:
    """The indents that `right` may have on a line of its own behind `left`, each with its cost."""
    indent = indent_of(left)
    if opens_block(left):
        following = indent_of(lines[row + 1]) if row + 1 < len(lines) else 0
        # What follows deeper than a header goes on with the body that stands on its line.
        return {indent + STEP: 1.0} | ({following: 0.8} if following > indent else {})
    outer = {indent_of(other) for other in lines[max(0, row - 20) : row] if other.strip()}
    levels = {level: 1.1 + 0.02 * (indent - level) for level in outer if level < indent}
    if right.startswith(("def", "class", "async", "import", "from")):
        levels[0] = 1.1
    return {indent: 1.1} | levels


def _closing_edits(lines: list[str], scanned: Scan) -> Iterator[Edit]:
    """The missing closer at the end of every token that follows its opener.

    Most closers stand at the end of their line, so that is where a lost one is looked for first.
    """
    for row, bracket in dict.fromkeys(scanned.unclosed[-3:]):
        for i in range(row, min(len(lines), row + 30)):
            if i > row and (scanned.depth[i] == 0 or scanned.inside[i]):
                break
            line, tokens = lines[i], scanned.tokens[i]
            for token in tokens if i < row + 5 else tokens[-1:]:
                if token.kind == "operator" and token.text not in {",", ":"}:
                    continue
                text = line[: token.end] + CLOSER[bracket] + line[token.end :]
                cost = 1.0 + 0.05 * (i - row) + (0.0 if _ends_line(line, token.end) else _INNER)
                if token.kind == "name" and line[token.end : token.end + 1] in {"(", "["}:
                    cost += 0.6 if line[token.end] == "(" else 0.2
                yield Edit(_with(lines, i, text), cost, f"added {CLOSER[bracket]}")
            if not tokens and i > row:
                text = lines[row][: len(lines[row]) - len(lines[row].lstrip())] + CLOSER[bracket]
                yield Edit(_with(lines, i, text), 1.0, f"added {CLOSER[bracket]}")
            if tokens and tokens[-1].text in {",", ".", "+", "-", "*", "/", "=="}:
                text = line[: tokens[-1].start].rstrip() + CLOSER[bracket]
                yield Edit(_with(lines, i, text), 1.8, "closed a line that was cut")


def _ends_line(line: str, column: int) -> bool:
    return not line[column:].partition("#")[0].strip(" \t)]}:,")


def _surplus_edits(lines: list[str], scanned: Scan) -> Iterator[Edit]:
    """A closer too many goes, a wrong one is exchanged, a missing opener is put in."""
    for row, column, bracket in scanned.unopened[:2]:
        line = lines[row]
        for token in scanned.tokens[row]:
            if token.kind == "close":
                if token.text == bracket:
                    text = line[: token.start] + line[token.end :]
                    cost = 0.8 if token.start == column else 1.0
                    yield Edit(_with(lines, row, text), cost, f"dropped {token.text}")
                for other in OPENER:
                    if other != token.text:
                        text = line[: token.start] + other + line[token.end :]
                        yield Edit(_with(lines, row, text), 0.9, f"changed {token.text} to {other}")
            if token.kind == "open" and CLOSER[token.text] != bracket:
                text = line[: token.start] + OPENER[bracket] + line[token.end :]
                yield Edit(_with(lines, row, text), 1.1, f"changed {token.text}")
            if token.start <= column and token.kind == "name":
                yield from _parted_name(lines, row, token, OPENER[bracket])
            if token.start <= column and token.kind in {"name", "number", "string", "open"}:
                text = line[: token.start] + OPENER[bracket] + line[token.start :]
                yield Edit(_with(lines, row, text), 1.3, f"added {OPENER[bracket]}")


def _parted_name(lines: list[str], row: int, token: Token, opener: str) -> Iterator[Edit]:
    """`lennumbers)` as `len(numbers)`: with its opener a call lost the border of two names."""
    line = lines[row]
    words = set(_WORD.findall("\n".join((*lines[:row], *lines[row + 1 :])))) | _BUILT_IN
    for end in range(2, len(token.text)):
        left, right = token.text[:end], token.text[end:]
        is_likely = left in words or len(right) > 1
        if right in words and is_likely and not right.isdigit():
            at = token.start + end
            cost = 0.6 if left in words else 0.9
            text = line[:at] + opener + line[at:]
            yield Edit(_with(lines, row, text), cost, f"added {opener}")


def _quote_edits(lines: list[str], row: int, scanned: Scan) -> Iterator[Edit]:
    line = lines[row]
    marks = {mark for mark in "\"'" if mark in line}
    columns = range(len(line) - len(line.lstrip()), min(len(line), _MAX_COLUMNS) + 1)
    for mark in sorted(marks):
        for column in columns:
            cost = 1.0 + _quote_oddity(line, column)
            yield Edit(
                _with(lines, row, line[:column] + mark + line[column:]), cost, f"added {mark}"
            )
        if scanned.unclosed and scanned.unclosed[-1][0] == row:
            start = line.rfind(mark)
            closing = mark + CLOSER[scanned.unclosed[-1][1]]
            for column in range(start + 1, min(len(line), _MAX_COLUMNS) + 1):
                text = line[:column] + closing + line[column:]
                cost = 1.4 + _quote_oddity(line, column) + 0.01 * (column - start)
                yield Edit(_with(lines, row, text), cost, f"added {closing}")
        for column, character in enumerate(line[:_MAX_COLUMNS]):
            if character == mark:
                yield Edit(
                    _with(lines, row, line[:column] + line[column + 1 :]), 1.3, f"dropped {mark}"
                )


def _quote_oddity(line: str, column: int) -> float:
    """How unlikely a quote is to have stood at `column`, by its neighbours."""
    before, after = line[column - 1 : column], line[column : column + 1]
    total = 0.0
    if before in set("=<>+-*/%,:") and before and after == " ":
        # Where operators have a space on their left, they have one on their right.
        total += 0.4
    if not after.isalnum() and re.search(r"(?<!\w)[rfbRFB]$", line[:column]):
        # A lone letter before a quote is the string's prefix.
        total -= 0.2
    elif before.isalnum() and after.isalnum():
        total += 0.3
    if re.match(r" [.)\],:]|  ", line[column:].lstrip("'\"")):
        total += 0.4
    if re.search(r"\b(?:return|in|and|or|not|if|else|elif)$", line[:column]):
        total += 0.6
    return total


def _triple_edits(lines: list[str], opened: tuple[int, str]) -> Iterator[Edit]:
    """The triple quote closed at the end of a line or on a line of its own."""
    row, mark = opened
    margin = lines[row][: len(lines[row]) - len(lines[row].lstrip())]
    header = next((i for i in range(row, -1, -1) if opens_block(lines[i])), None)
    first = next((i for i in range((header or 0) + 1, row) if lines[i].strip()), None)
    if header is not None and first is not None:
        text = lines[first].lstrip()
        begun = lines[first][: len(lines[first]) - len(text)] + mark + text
        yield Edit(_with(lines, first, begun), 0.9, "opened the docstring")
    swallowed = 0
    for i in range(row, min(len(lines), row + 80)):
        text = lines[i].rstrip()
        swallowed += i > row and _CODE.match(text) is not None
        cost = 1.0 + 0.002 * (i - row) + min(0.4 * swallowed, 2.0)
        if i > row or not text.endswith(mark):
            if text.endswith(mark[:2]):
                yield Edit(
                    _with(lines, i, text.rstrip(mark[0]) + mark), cost, "closed the docstring"
                )
            if text.endswith(mark[0]):
                # Behind a quote the mark would close one character too early.
                own = (*lines[: i + 1], margin + mark, *lines[i + 1 :])
                yield Edit(own, cost, "closed the docstring")
            yield Edit(_with(lines, i, text + mark), cost, "closed the docstring")
        if i > row and not text:
            yield Edit(_with(lines, i, margin + mark), cost - 0.15, "closed the docstring")
    text = lines[row].replace(mark, "", 1)
    yield Edit(_with(lines, row, text), 1.6, f"dropped {mark}")


_ENDS_VALUE = frozenset({"name", "number", "string", "close"})
_STARTS_VALUE = frozenset({"name", "number", "string", "open"})
_JOINS = frozenset({"and", "or", "not", "in", "is", "else", "if"})
_FOLLOWS = re.compile(r"\s*(?:and|or|in|is|[-+*/%.,=<>&|])(?!\w)")
"""Words that an expression does not end with, and what no line begins with."""


def _comma_edits(lines: list[str], at: int, scanned: Scan) -> Iterator[Edit]:
    """A comma, an operator or a joined line where two values stand side by side."""
    for row in range(max(0, at - 1), min(len(lines), at + 1)):
        line = lines[row]
        tokens = scanned.tokens[row]
        for match in itertools.islice(re.finditer(r"(?<=\d)(?=[a-zA-Z_])", line), 4):
            text = f"{line[: match.start()]}, {line[match.start() :]}"
            yield Edit(_with(lines, row, text), 1.2, "added ,")
        following = scanned.tokens[row + 1] if row + 1 < len(lines) else []
        if tokens and following and scanned.depth[row + 1]:
            left, right = tokens[-1], following[0]
            if left.kind in _ENDS_VALUE and right.kind in _STARTS_VALUE:
                text = line[: left.end] + "," + line[left.end :]
                yield Edit(_with(lines, row, text), 1.0, "added ,")
        for left, right in itertools.pairwise(tokens):
            if left.kind in _ENDS_VALUE and right.kind in _STARTS_VALUE:
                for mark, cost in (
                    (", ", 1.3),
                    (".", 1.7),
                    (" == ", 1.9),
                    (" = ", 1.9),
                    (" in ", 1.9),
                ):
                    text = line[: left.end] + mark + line[right.start :]
                    yield Edit(_with(lines, row, text), cost, f"added {mark.strip()}")
        if not tokens:
            continue
        goes_on = tokens[-1].kind == "operator" and tokens[-1].text not in {":", ";"}
        if row + 1 < len(lines) and (
            goes_on or tokens[-1].text in _JOINS or _FOLLOWS.match(lines[row + 1])
        ):
            joined = line.rstrip() + " " + lines[row + 1].strip()
            yield Edit((*lines[:row], joined, *lines[row + 2 :]), 1.2, "joined two lines")
        if goes_on:
            cut = line[: tokens[-1].start].rstrip()
            yield Edit(_with(lines, row, cut), 1.5, "dropped a cut end")

"""Which part of a module to mend: one broken function does not concern its neighbours."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.cleanup.layout import lost_bodies
from engine.cleanup.lexer import scan
from engine.cleanup.syntax import Fault, compiles, parse

_BOUNDARY = re.compile(r"(?:@\w|(?:async\s+)?def\s+\w|class\s+\w|if\s+__name__)")
_WORD = re.compile(r"[^\W\d]\w*")
_NAMED = re.compile(r"^(?:async\s+def|def|class)\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Region:
    """Lines to be mended, with those before and after that stay as they are."""

    before: tuple[str, ...]
    lines: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def known(self) -> frozenset[str]:
        """Names that the rest of the module may define."""
        return frozenset(_WORD.findall("\n".join((*self.before, *self.after))))

    def joined(self, lines: tuple[str, ...]) -> str:
        return "\n".join((*self.before, *lines, *self.after))


def regions(code: str, fault: Fault) -> Iterator[Region]:
    """The regions in which `code`, stopped by `fault`, may be mended; the likeliest first.

    A function whose body stands at the margin reaches to the end of the text. Else each function
    that does not compile by itself is a region, and the whole text is the last.
    """
    lines = tuple(code.split("\n"))
    starts = _starts(lines)
    at = fault.line - 1
    lost = [row for row, start, _ in lost_bodies(lines) if start <= at]
    if lost and ("outside" in fault.message or not lines[at][:1].isspace()):
        yield Region(lines[: lost[-1]], lines[lost[-1] :], ())
    bounds = [0, *(row for row in starts if row > 0), len(lines)]
    for start, end in itertools.pairwise(bounds):
        if end - start < len(lines) and compiles("\n".join(lines[start:end])) is not None:
            yield Region(lines[:start], lines[start:end], lines[end:])
    yield Region((), lines, ())


def _starts(lines: tuple[str, ...]) -> list[int]:
    """Rows at the margin where a definition, its decorators included, begins."""
    scanned = scan(list(lines))
    rows = [
        row
        for row, line in enumerate(lines)
        if _BOUNDARY.match(line) and not (scanned.inside[row] and not scanned.open_triple)
    ]
    return [row for row in rows if row == 0 or not lines[row - 1].startswith("@")]


def top_names(lines: tuple[str, ...]) -> set[str]:
    """Functions and classes that begin at the margin, as far as lines alone tell."""
    scanned = scan(list(lines))
    found = (
        re.match(r"(?:async\s+def|def|class)\s+(\w+)", line)
        for row, line in enumerate(lines)
        if not scanned.inside[row]
    )
    return {match[1] for match in found if match}


def without_cut_tail(code: str) -> str:
    """`code` without a last statement at the margin that the token limit cut off.

    Only behind a function that has its body: what stands at the margin before that may be the body.
    """
    lines = code.split("\n")
    starts = _starts(tuple(lines))
    if not starts:
        return code
    scanned = scan(lines)
    tail = None
    for row in range(starts[-1] + 1, len(lines)):
        line = lines[row]
        if (
            line.strip()
            and not line[0].isspace()
            and not scanned.inside[row]
            and line[0] not in ")]}#"
        ):
            tail = row
            break
    if tail is None or any(True for _ in lost_bodies(lines)):
        return code
    fault = compiles("\n".join(lines[tail:]))
    if fault is None or re.search("outside|indent|tab", fault.message):
        return code
    for end in range(len(lines), max(tail, len(lines) - 6) - 1, -1):
        if compiles("\n".join(lines[tail:end])) is None:
            dropped = [line for line in lines[end:] if line.strip()]
            if len(dropped) > 2 or any(line[0].isspace() for line in dropped):
                return code
            return "\n".join(lines[:end])
    return code


def without_cut_copy(code: str) -> str:
    """`code` without a last function that only begins again what stands there whole before it.

    A model that repeats itself until the token limit ends like this, also where the piece parses.
    """
    lines = code.rstrip().split("\n")
    starts = _starts(tuple(lines))
    if len(starts) < 2 or not lines[starts[-1]].startswith(("def", "async", "class", "@")):
        return code
    piece = "\n".join(lines[starts[-1] :])
    for begin, end in itertools.pairwise(starts):
        whole = "\n".join(lines[begin:end]).rstrip()
        if whole.startswith(piece) and len(whole) > len(piece) and compiles(whole) is None:
            return "\n".join(lines[: starts[-1]]).rstrip() + "\n"
    return code


def without_broken_twins(code: str) -> str:
    """`code` without broken copies of functions that it has whole: models repeat themselves."""
    lines = code.split("\n")
    starts = _starts(tuple(lines))
    parts = ["\n".join(lines[a:b]) for a, b in itertools.pairwise([*starts, len(lines)])]
    names = [match[1] if (match := _NAMED.search(part)) else "" for part in parts]
    if len(set(names)) == len(names):
        return code
    sound = [compiles(part) is None for part in parts]
    whole = {
        name for name, part, good in zip(names, parts, sound, strict=True) if good and _acts(part)
    }
    kept = [
        part
        for name, part, good in zip(names, parts, sound, strict=True)
        if good or not name or name not in whole
    ]
    if len(kept) == len(parts):
        return code
    return "\n".join([*lines[: starts[0]], *kept])


def _acts(part: str) -> bool:
    """Whether the first definition in `part`, which compiles, has more than a docstring."""
    tree = parse(part)
    body = getattr(tree.body[0], "body", []) if isinstance(tree, ast.Module) else []
    return any(not isinstance(node, ast.Pass | ast.Expr) for node in body)


def without_cut_line(code: str) -> str:
    """`code` without its last line, where that is all that keeps it from compiling.

    For tests: an assert that the token limit cut would be completed to another assert.
    """
    if compiles(code) is None:
        return code
    lines = code.rstrip().split("\n")
    shorter = "\n".join(lines[:-1]) + "\n"
    return shorter if len(lines) > 1 and compiles(shorter) is None else code

"""Which stubs a pull request is about: from a file's patch and its new source. Pure.

A patch is what GitHub gives for one file of a pull request: hunks of a unified diff, without the lines
that name the files. GitHub leaves it out where a file is large, binary or only renamed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.stubs import Stub, find_stubs, parse
from engine.errors import BadInput
from engine.functions import find_function, first_line
from engine.sourcetext import SourceText

_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d{1,9})(?:,\d+)? @@")


@dataclass(frozen=True, slots=True)
class Removal:
    """A line that is taken out; it stood in front of line `before` of the new file."""

    before: int
    text: str


@dataclass(frozen=True, slots=True)
class Patch:
    """What a patch does to a file: the lines of the new file that it adds or rewrites, and removals."""

    added: frozenset[int]
    removed: tuple[Removal, ...]

    @classmethod
    def read(cls, text: str) -> Patch:
        """Lines that belong to no hunk are passed over, so any text is read."""
        added: set[int] = set()
        removed: list[Removal] = []
        at: int | None = None
        for line in text.split("\n"):
            if (hunk := _HUNK.match(line)) is not None:
                at = int(hunk[1])
            elif at is None:
                continue
            elif line.startswith("+"):
                added.add(at)
                at += 1
            elif line.startswith("-"):
                removed.append(Removal(at, line[1:]))
            elif not line.startswith("\\"):
                at += 1
        return cls(frozenset(added), tuple(removed))


@dataclass(frozen=True, slots=True)
class _Extent:
    """The lines of a stub: its decorators and the comments that stand for its body included."""

    first: int
    last: int
    indent: str

    def is_touched_by(self, patch: Patch) -> bool:
        if any(self.first <= line <= self.last for line in patch.added):
            return True
        return any(self._lost(removal) for removal in patch.removed)

    def _lost(self, removal: Removal) -> bool:
        """Whether the removed line was one of the stub's, also the last lines of what its body was."""
        if self.first < removal.before <= self.last:
            return True
        text = removal.text.rstrip()
        indent = text[: len(text) - len(text.lstrip(" \t"))]
        if removal.before == self.first:
            return text.startswith(
                f"{self.indent}@"
            )  # a decorator; anything else was not the stub's
        deeper = indent.startswith(self.indent) and len(indent) > len(self.indent)
        return removal.before == self.last + 1 and bool(text) and deeper


def touched_stubs(
    path: str, source: str, *, patch: str | None, before: str | None = None
) -> list[Stub]:
    """The stubs in the new `source` of a file that its patch adds or touches, in the file's order.

    Without a patch those that are not, letter for letter, in the source `before`; and where that is not
    known either (a new file has none), all. Raises BadInput when the new source does not parse.
    """
    stubs = find_stubs(source, path=path)
    if not stubs:
        return []
    extents = _extents(source, path, stubs)
    if patch is not None:
        read = Patch.read(patch)
        return [s for s, e in zip(stubs, extents, strict=True) if e.is_touched_by(read)]
    if before is None:
        return stubs
    old = _texts_before(before, path)
    text = SourceText(source)
    new = [_text_of(text, extent) for extent in extents]
    return [s for s, t in zip(stubs, new, strict=True) if old.get(s.qualname) != t]


def stub_at(path: str, source: str, line: int) -> Stub | None:
    """The stub at a line (1-based), from its first decorator to the last comment in its body.

    Raises BadInput when the source does not parse.
    """
    stubs = find_stubs(source, path=path)
    extents = _extents(source, path, stubs)
    found = [s for s, e in zip(stubs, extents, strict=True) if e.first <= line <= e.last]
    # A stub has no function inside it, so two can only meet where one ends on the other's line.
    return found[-1] if found else None


def _texts_before(source: str, path: str) -> dict[str, str]:
    try:
        stubs = find_stubs(source, path=path)
    except BadInput:
        return {}  # nobody could have asked for a stub of what did not parse
    text = SourceText(source)
    extents = _extents(source, path, stubs)
    return {s.qualname: _text_of(text, e) for s, e in zip(stubs, extents, strict=True)}


def _text_of(source: SourceText, extent: _Extent) -> str:
    return "\n".join(source.line(number) for number in range(extent.first, extent.last + 1))


def _extents(source: str, path: str, stubs: list[Stub]) -> list[_Extent]:
    text = SourceText(source)
    tree = parse(source, path)
    extents: list[_Extent] = []
    for stub in stubs:
        node = find_function(tree, stub.qualname)
        first = first_line(node) if node is not None else stub.line
        indent = text.indent(stub.line)
        extents.append(_Extent(first, _last_comment(text, stub.end_line, indent), indent))
    return extents


def _last_comment(text: SourceText, last: int, indent: str) -> int:
    """The line of the last comment that follows `last` and is indented as the body is."""
    number = last + 1
    while number <= len(text):
        own = text.indent(number)
        if not text.is_blank(number):
            if not (text.is_comment(number) and own.startswith(indent) and len(own) > len(indent)):
                break
            last = number
        number += 1
    return last

"""Edits of a whole text: tabs, typographic punctuation, entities of HTML, braces around blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.cleanup.characters import plain_punctuation
from engine.cleanup.layout import STEP, Edit
from engine.cleanup.markup import without_entities

_OPENS_BRACE = re.compile(
    r"\s*(?:\}\s*)?(?:def|class|if|elif|else|for|while|try|except|finally|with)\b[^{}]*\{\s*$"
)


_MARKDOWN_ESCAPE = re.compile(r"\\([_*])")


def wholesale_edits(lines: list[str]) -> Iterator[Edit]:
    """Each as one edit: what spoils one line in this way spoils all of them."""
    if any("\t" in line for line in lines):
        for width in (4, 8, 2):
            expanded = tuple(_expand(line, width) for line in lines)
            if list(expanded) != lines:
                yield Edit(expanded, 0.3 + 0.01 * width, "replaced tabs")
    plain = tuple(plain_punctuation(line) for line in lines)
    if list(plain) != lines:
        yield Edit(plain, 0.3, "replaced typographic punctuation")
        if any("\t" in line for line in lines):
            both = tuple(_expand(line, STEP) for line in plain)
            yield Edit(both, 0.5, "replaced tabs and typographic punctuation")
    unescaped = tuple(_MARKDOWN_ESCAPE.sub(r"\1", line) for line in lines)
    if list(unescaped) != lines:
        yield Edit(unescaped, 0.4, "took out Markdown's backslashes")
    text = tuple(without_entities(line) for line in lines)
    if list(text) != lines:
        yield Edit(text, 0.3, "replaced HTML's entities")
    if any(_OPENS_BRACE.match(line) for line in lines):
        yield Edit(tuple(_without_braces(lines)), 0.6, "replaced braces")


def _expand(line: str, width: int) -> str:
    match = re.match(r"[ \t]*", line)
    margin = match[0] if match else ""
    return margin.expandtabs(width) + line[len(margin) :]


def _without_braces(lines: list[str]) -> Iterator[str]:
    """`if x {` as `if x:`, `} else {` as `else:`, and no line of a brace alone."""
    for line in lines:
        if _OPENS_BRACE.match(line):
            yield re.sub(r"^(\s*)\}\s*", r"\1", line.rstrip()[:-1].rstrip().rstrip(":")) + ":"
        elif line.strip() not in {"}", "};"}:
            yield line

"""Edits of a whole text: tabs, typographic punctuation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.cleanup.characters import plain_punctuation
from engine.cleanup.layout import Edit


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


def _expand(line: str, width: int) -> str:
    match = re.match(r"[ \t]*", line)
    margin = match[0] if match else ""
    return margin.expandtabs(width) + line[len(margin) :]

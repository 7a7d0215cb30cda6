"""Finding the code in a reply."""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.cleanup.characters import plain_text
from engine.cleanup.fences import blocks_of, choose, dedent, is_module
from engine.cleanup.markup import (
    before_end_token,
    is_escaped_html,
    on_lines_of_its_own,
    without_breaks,
    without_entities,
    without_escapes,
)
from engine.cleanup.prefixes import without_prefixes
from engine.cleanup.prose import is_prose, starts_code

_PLAINER: tuple[Callable[[str], str], ...] = (
    str,
    plain_text,
    before_end_token,
    without_prefixes,
    without_escapes,
    without_breaks,
    on_lines_of_its_own,
)
"""What is undone of a reply's format, one after the other until it is a module."""


def extract(text: str, *, entry_point: str | None = None) -> str:
    """The code in `text`, without fences and chatter; not necessarily code that parses.

    A text that is Python already comes back as it is.
    """
    before = None
    for plainer in _PLAINER:
        text = plainer(text)
        if text != before and is_module(text, entry_point):
            return without_entities(text) if is_escaped_html(text) else text
        before = text
    blocks = blocks_of(text)
    if blocks:
        text = choose(blocks, entry_point)
    code = dedent(_without_chatter(text)).strip("\n")
    unescaped = without_entities(code)
    if is_escaped_html(code) or (
        not is_module(code, entry_point) and is_module(unescaped, entry_point)
    ):
        code = unescaped
    return code + "\n" if code.strip() else ""


def _without_chatter(text: str) -> str:
    """The lines from the first that begins code, without what is English at the margin."""
    lines = text.split("\n")
    start = next(
        (i for i, line in enumerate(lines) if starts_code(line.strip()) and not is_prose(line)),
        None,
    )
    if start is None:
        return text
    margin = len(lines[start]) - len(lines[start].lstrip())
    kept: list[str] = []
    open_quote = ""
    for line in lines[start:]:
        at_margin = len(line) - len(line.lstrip()) <= margin
        if not open_quote and at_margin and is_prose(line):
            continue
        open_quote = _quote_after(line, open_quote)
        kept.append(line)
    return "\n".join(kept)


def _quote_after(line: str, open_quote: str) -> str:
    """The triple quote that is open after `line`, given the one that is open before it."""
    position = 0
    while True:
        if open_quote:
            end = line.find(open_quote, position)
            if end < 0:
                return open_quote
            position, open_quote = end + 3, ""
            continue
        match = re.compile(r'"""|\'\'\'').search(line, position)
        if match is None:
            return ""
        position, open_quote = match.end(), match[0]

"""Where in a comment a command is meant, and where it is only spoken about.

GitHub's Markdown decides, not the look of the line: one inside a code block, a code span, a quote (its
lazy lines too), a table or HTML is shown as such, so it asks for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.token import Token

from bot.githubtext import MAX_BODY, tokens_of
from bot.sanitize import plain

_COMMAND = re.compile(r"^( {0,3})/supercharge(?=[ \t]|$)(.*)$", re.IGNORECASE | re.MULTILINE)
_MARK = "\ue000"
"""A private character, which `plain` takes out of comments: it says which line a text came from."""
_MARKED = re.compile(rf"/supercharge{_MARK}(\d+){_MARK}", re.IGNORECASE)


def command_lines(body: str) -> list[str]:
    """What follows `/supercharge` on each line that is a command, without blanks around it."""
    text = plain(body[:MAX_BODY])
    rests: list[str] = []

    def mark(match: re.Match[str]) -> str:
        rests.append(match[2])
        word = match[0][: match.start(2) - match.start()]
        return f"{word}{_MARK}{len(rests) - 1}{_MARK}{match[2]}"

    marked = _COMMAND.sub(mark, text)
    if not rests:
        return []
    found = [int(number) for number in _numbers_in_text(tokens_of(marked))]
    # A backslash at a line's end is a line break to Markdown.
    return [rests[number].rstrip("\\").replace("\t", " ").strip() for number in found]


def _numbers_in_text(tokens: Sequence[Token]) -> list[str]:
    numbers: list[str] = []
    quotes = 0
    for before, token in zip([None, *tokens], tokens, strict=False):
        quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
        if token.type == "inline" and not quotes and before and before.type in _TEXT_BLOCKS:
            # Every line is a text of its own, unless code or HTML has swallowed its start.
            texts = [child.content for child in token.children or [] if child.type == "text"]
            numbers += [match[1] for text in texts if (match := _MARKED.match(text))]
    return numbers


_TEXT_BLOCKS = ("paragraph_open", "heading_open")

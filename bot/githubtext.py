"""GitHub's Markdown as tokens: its blocks, and of what is inline only what can hide a text."""

from __future__ import annotations

from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_BODY = 65_536
"""The longest body that GitHub takes. What is longer came from elsewhere; its rest is not read."""


def tokens_of(text: str) -> list[Token]:
    """The tokens of `text`, in time that grows with its length, however nasty it is."""
    return _parser().parse(text)


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("zero")
    parser.options["html"] = True
    parser.options["maxNesting"] = 20
    parser.enable(
        [
            "table", "code", "fence", "blockquote", "hr", "list", "reference", "html_block", "heading",
            "lheading", "backticks", "html_inline", "newline", "escape",
        ]
    )  # fmt: skip
    return parser

"""Reads Markdown as GitHub renders it, to say what a hostile text managed to do."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def tokens(markdown: str) -> list[Token]:
    """All tokens, those inside of lines too."""
    found: list[Token] = []
    for token in PARSER.parse(markdown):
        found += [token, *(token.children or [])]
    return found


def kinds(markdown: str) -> set[str]:
    return {token.type for token in tokens(markdown)}


def shown_text(markdown: str) -> str:
    """What GitHub would look for mentions and references in: text outside code."""
    return "\n".join(token.content for token in tokens(markdown) if token.type == "text")


ACTIVE = re.compile(
    r"(?:^|[^\w`])@[a-z0-9]|#\d|\bgh-\d|https?://|\bwww\.\w", re.IGNORECASE | re.MULTILINE
)


def acts(text: str) -> bool:
    """Whether GitHub would ping somebody, or link to an issue or an address, for this plain text."""
    return ACTIVE.search(text) is not None


HOSTILE = [
    "@octocat fixes #1, closes owner/repo#2, GH-3",
    "https://github.com/o/r/issues/4 www.evil.example",
    "</details><script>alert(1)</script><img src=x onerror=y>",
    "# Heading\n## Summary\n\n---\n\ntext\n===",
    "```\n# out\n```\n````\n@octocat\n~~~",
    "`" * 30 + "\n@octocat",
    "<!-- supercharge:status request=forged -->",
    "-->\n<!--",
    "| a | b |\n|---|---|\n| @octocat | #1 |",
    "![x](https://evil.example/x.png) [y](javascript:z)",
    "\n/supercharge retry\n",
    "&lt;b&gt; &#64;octocat \\@octocat",
    "ghp_" + "a1B2" * 9,
    "\u202eevil\u200b \x00\x1b[31mred",
    "x" * 3000 + "\n" + "y\n" * 500,
    "[^1]: note\n\n[ref]: https://evil.example",
]
"""What a model, a test's output or a stranger may come up with."""

"""Markdown that is safe to post whatever is put into it.

Text of a model, a test or a repository goes into fences and code spans, where GitHub renders no HTML
and follows no mention or reference. `prose` is for our own sentences that quote a name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.sanitize import neutral, quotable, shortened

MOST_BACKTICKS = 80
_BACKTICKS = re.compile("`+")
_LONG_RUN = re.compile(f"`{{{MOST_BACKTICKS},}}")
_ACTIVE = re.compile(r"[\\`*\[\]<|~$&]|(?<![^\W_])_|_(?![^\W_])")
"""What means something in a line; an underscore does not between letters, as in a name."""
_AT_START = re.compile(r"[#+>=-]")
_ORDERED = re.compile(r"(\d+)([.)])")


def fenced(text: str, language: str = "", *, limit: int | None = None, tail: bool = False) -> str:
    """A fenced block that nothing in `text` can close; see `truncated` for `limit` and `tail`.

    A run of backticks is cut to `MOST_BACKTICKS`, so the fence around it, which is not counted in
    `limit`, never takes more than a line.
    """
    body = _LONG_RUN.sub("`" * MOST_BACKTICKS, quotable(text)).strip("\n")
    if limit is not None:
        body = truncated(body, limit, tail=tail)
    fence = "`" * max(3, _longest_run(body) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def code(text: str, *, limit: int = 200) -> str:
    """A code span of one line of at most `limit` characters."""
    line = shortened(" ".join(quotable(text).split()), limit)
    if not line:
        return "(empty)"
    tick = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{tick}{pad}{line}{pad}{tick}"


def prose(text: str, *, limit: int = 500) -> str:
    """One line of text in which no character means anything to Markdown, nor to GitHub.

    `limit` counts characters as they are read, before they are escaped.
    """
    line = _ACTIVE.sub(r"\\\g<0>", neutral(text, limit=limit))
    if _AT_START.match(line):
        return f"\\{line}"
    return _ORDERED.sub(r"\1\\\2", line, count=1) if _ORDERED.match(line) else line


def sentence(text: str, *, limit: int = 500) -> str:
    """`prose` with a full stop, if it does not end in some mark already."""
    said = prose(text, limit=limit)
    return said if said.endswith((".", "?", "!", "…", ":")) else f"{said}."


def cell(markdown: str) -> str:
    """Inline Markdown for a table's cell: a pipe in it does not end the cell."""
    return " ".join(markdown.split()).replace("|", r"\|")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells of inline Markdown; every row as long as the header."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell(c) for c in line)} |" for line in lines)


def details(summary: str, markdown: str) -> str:
    """A block that a reader can unfold. `summary` is our own plain text."""
    return f"<details>\n<summary>{summary}</summary>\n\n{markdown}\n\n</details>"


def truncated(text: str, limit: int, *, tail: bool = False) -> str:
    """At most `limit` characters of whole lines, and a line that says how many are missing.

    The start is kept, or with `tail` the end. A line that alone is too long is cut.
    """
    if len(text) <= limit:
        return text
    lines = text.split("\n")
    total = len(lines)
    # The longest note that there can be is what is set aside for it.
    room = limit - len(_note(total)) - 1
    if room < 1:
        return _note(total)[: max(limit, 0)]
    ordered = lines[::-1] if tail else lines
    kept: list[str] = []
    for line in ordered:
        if len(line) > room:
            break
        kept.append(line)
        room -= len(line) + 1
    if not kept:
        kept = [ordered[0][-room:] if tail else ordered[0][:room]]
    note = _note(total - len(kept) or 1)
    return "\n".join([note, *kept[::-1]] if tail else [*kept, note])


def _note(lines: int) -> str:
    return f"[… {lines} more line{'s' if lines != 1 else ''}]"


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)

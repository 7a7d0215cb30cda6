"""Telling English from Python, one line at a time."""

from __future__ import annotations

import functools
import itertools
import keyword
import re

STARTER = re.compile(
    r"(?:assert\b|type\s+\w+\s*=|async\s+def\s|def\s+\w|class\s+\w+\s*(?:\([^)]*\))?\s*:|@\w[\w.]*(?:\(.*\))?\s*$"
    r"|from\s+[\w.]+\s+import\s+[\w(*]|import\s+[\w.]+(?:\s+as\s+\w+)?(?:\s*,\s*[\w.]+)*\s*(?:#.*)?$"
    r"|[A-Za-z_]\w*\s*(?::\s*[\w\[\], .]+)?=[^=]"
    r"|[a-z_]\w*\([^()]*\)\s*(?:->\s*[\w\[\], .|]+)?:\s*$)"
)
"""Begins a line that begins code."""

_QUOTED = re.compile(r"(\"[^\"]*\"|'[^']*')")
_TOKEN = re.compile(r"[^\W\d]\w*(?:['’](?:s|t|re|ve|ll|d|m)\b)?|[^\w\s]|\d[\w.]*")
_MARKDOWN = re.compile(
    r"(?:#{1,6}\s|[-*•]\s+\S|\d+[.)]\s+\S|\*\*|>\s|\||</?\w+(?:\s[^<>]*)?>|={3,}$|-{3,}$)"
)
_OPENERS = frozenset(
    re.findall(
        r"\S+",
        "sure here certainly note explanation output example examples this the to we you i it in"
        " solution let let's first then finally however so hope below above usage test tests answer",
    )
)
_SOFT = frozenset({"match", "case", "type", "print", "exec", "_"})


def starts_code(line: str) -> bool:
    """Whether a line at its margin looks like the first line of a piece of Python."""
    return STARTER.match(line) is not None


@functools.lru_cache(maxsize=1024)
def is_prose(line: str) -> bool:
    """Whether a line is rather English or Markdown than Python.

    Python has a keyword, an operator or a bracket between any two names; English has not.
    """
    text = line.strip()
    if not text or text.startswith(("#", '"', "'", "@", ")", "]", "}")):
        return bool(re.match(r"#{2,6}\s", text))
    tokens = _TOKEN.findall(_QUOTED.sub(" 0 ", text.partition("#")[0] or text))
    pairs = sum(_is_word(a) and _is_word(b) for a, b in itertools.pairwise(tokens))
    if starts_code(text):
        return pairs >= 3 and not re.match(r"(?:async\s+)?def\s|class\s", text)
    first = tokens[0].lower() if tokens else ""
    if _MARKDOWN.match(text):
        return pairs >= 1 or text[0] in "*|<=•" or re.match(r"-\s+[A-Z][\w ]*:", text) is not None
    if pairs >= 2:
        return True
    if pairs == 1 and not re.search(r"\w\(", text):
        return text[-1] in ".!?:" or text[0].isupper() or first in _OPENERS
    return first in _OPENERS and len(tokens) <= 3 and text[-1] in ".!?:"


def _is_word(token: str) -> bool:
    return (token[0].isalpha()) and not keyword.iskeyword(token) and token not in _SOFT

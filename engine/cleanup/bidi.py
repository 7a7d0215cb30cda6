"""Controls of writing direction: they make code read differently from what it does ("Trojan Source").

Python lets them stand in strings and comments only. In a comment they go. In a string they are
written as escapes, which everybody can see: the string is the same, so right code behaves as before.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from engine.cleanup.syntax import is_shallow, parse, same_meaning

CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""As the inside of a class of a regular expression."""

_CONTROL = re.compile(f"[{CONTROLS}]")
_PREFIX = re.compile(r"[a-zA-Z]*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def without_controls(code: str) -> str:
    """`code` with no control of direction left in it; its tree is the same, if it has one.

    What no escape can stand for (a string inside the braces of an f-string, before Python 3.12) and
    what does not parse loses the characters themselves: nothing that misleads a reader gets through.
    """
    if _CONTROL.search(code) is None:
        return code
    before = parse(code)
    if isinstance(before, ast.Module) and is_shallow(before):
        escaped = _escaped(code)
        after = parse(escaped)
        if isinstance(after, ast.Module) and same_meaning(before, after):
            return escaped
    return _CONTROL.sub("", code)


def _escaped(code: str) -> str:
    """`code` with visible escapes in its strings, and nothing in its comments."""
    starts = [0]
    for line in code.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    parts: list[str] = []
    position = 0
    try:
        for (row, column), (last, end), is_string in _spans(code):
            start, stop = starts[row - 1] + column, starts[last - 1] + end
            text = code[start:stop]
            parts += [code[position:start], _literal(text) if is_string else _CONTROL.sub("", text)]
            position = stop
    except (tokenize.TokenError, SyntaxError):
        return code
    return "".join([*parts, code[position:]])


def _spans(code: str) -> Iterator[tuple[tuple[int, int], tuple[int, int], bool]]:
    """Start and end of every string and comment with a control in it, and whether it is a string."""
    opened: list[tuple[int, int]] = []
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "FSTRING_START":
            opened.append(token.start)
        elif kind == "FSTRING_END":
            start = opened.pop()
            if not opened:
                yield start, token.end, True
        elif kind in {"STRING", "COMMENT"} and not opened and _CONTROL.search(token.string):
            yield token.start, token.end, kind == "STRING"


def _literal(text: str) -> str:
    """A string literal with escapes for its controls; a raw one, which knows none, becomes plain."""
    prefix = _PREFIX.match(text)[0]  # type: ignore[index]
    body = text[len(prefix) :]
    if _CONTROL.search(body) is None:
        return text
    if "r" in prefix.lower():
        prefix = re.sub("[rR]", "", prefix)
        body = _ESCAPED.sub(lambda match: "\\\\" + _after_backslash(match[1]), body)
    return prefix + _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", body)


def _after_backslash(character: str) -> str:
    return "\\" + character if character in "'\"\\" else character

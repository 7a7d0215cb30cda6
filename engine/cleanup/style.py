"""Formatting with yapf, google style: bounded, and never at the cost of meaning."""

from __future__ import annotations

import ast
import functools
import io
import threading
import tokenize

from engine.cleanup.syntax import is_shallow, parse, same_meaning

MAX_FORMATTED = 30_000
"""Longer modules keep their own formatting: yapf takes seconds on them."""

MAX_LINE_TOKENS = 400
"""yapf searches the line breaks of one logical line together; this bounds that search."""

_lock = threading.Lock()


@functools.lru_cache(maxsize=16)
def format_code(code: str) -> str:
    """`code` in google style, or `code` itself where yapf cannot format it or changes its meaning."""
    before = parse(code)
    if not isinstance(before, ast.Module) or not is_shallow(before) or not _is_bounded(code):
        return code
    formatted = _yapf(code)
    if formatted is None or formatted == code:
        return code
    if "\\\n" in code and _yapf(formatted) != formatted:
        # yapf pushes some continuation lines further right each time it sees them.
        return code
    after = parse(formatted)
    if isinstance(after, ast.Module) and same_meaning(before, after):
        return formatted
    return code


def _is_bounded(code: str) -> bool:
    if len(code) > MAX_FORMATTED:
        return False
    count = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            count = 0 if token.type == tokenize.NEWLINE else count + 1
            if count > MAX_LINE_TOKENS:
                return False
    except (tokenize.TokenError, SyntaxError):
        return False
    return True


def _yapf(code: str) -> str | None:
    from yapf.yapflib import errors, yapf_api

    # yapf keeps its style in a module global.
    with _lock:
        try:
            formatted, _ = yapf_api.FormatCode(code, style_config="google")
        except (errors.YapfError, SyntaxError, ValueError, LookupError, TypeError, AttributeError):
            return None
        except (AssertionError, RecursionError, MemoryError, UnicodeError):
            return None
    return str(formatted)

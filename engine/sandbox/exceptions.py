"""The exceptions that cross between a code's process and a test's: builtin, made by their arguments.

Runs inside the sandbox, on both sides.
"""

from __future__ import annotations

PLAIN_EXCEPTIONS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        *(ArithmeticError, AssertionError, AttributeError, EOFError, Exception, IndexError),
        *(FloatingPointError, KeyError, LookupError, NameError, NotImplementedError, OverflowError),
        *(RuntimeError, TypeError, ValueError, ZeroDivisionError),
    )
}

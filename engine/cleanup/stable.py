"""Cleaning what was cleaned must change nothing."""

from __future__ import annotations

from collections.abc import Callable

from engine.cleanup.cleaned import Cleaned

_ROUNDS = 4


def settled(once: Callable[[str], Cleaned], text: str) -> Cleaned:
    """The result of `once` on `text`, repeated on its own result until it agrees with itself.

    The stages may each give work to the one before: a dropped function leaves an import unused, a
    repaired text can be extracted from again. A text that does not settle is given up, empty.
    """
    result = once(text)
    edits, warnings = result.edits, result.warnings
    for _ in range(_ROUNDS):
        again = once(result.source)
        if again.source == result.source:
            return Cleaned(result.source, again.ok, edits, again.warnings or warnings)
        edits = (*edits, *again.edits)
        result = again
    return Cleaned("", ok=False, edits=(*edits, "gave up: it does not settle"))

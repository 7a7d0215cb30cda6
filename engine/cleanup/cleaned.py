"""What cleaning hands back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A cleaned reply.

    source    a formatted module; the best that could be made of the text where `ok` is False
    ok        `source` parses and, where an entry point was named, defines it at its top level
    edits     what was done, each a few words, in the order it was done
    warnings  what a reader of the result should know: a test that cannot fail, a foreign package
    """

    source: str
    ok: bool
    edits: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

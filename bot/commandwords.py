"""A command's line as words: bare ones and `key=value`, quotes allowed around either."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.sanitize import shortened

MAX_WORDS = 40


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word, or a key and its value (`key` is then not empty)."""

    key: str = ""
    text: str = ""


_WORD = re.compile(
    r"(?:(?P<key>[\w-]*)=)?"
    r"(?:\"(?P<double>[^\"]*)\"(?=\s|$)|“(?P<curly>[^“”]*)”(?=\s|$)|'(?P<single>[^']*)'(?=\s|$)"
    r"|(?P<bare>\S*))"
)
_OPENING = ('"', "'", "“")


def words_of(line: str) -> list[Word] | str:
    """The words of a command's line, or what is wrong with it."""
    words: list[Word] = []
    for match in _split(line):
        if len(words) == MAX_WORDS:
            return f"more than {MAX_WORDS} words; see /supercharge help"
        inside = [match[name] for name in ("double", "curly", "single") if match[name] is not None]
        if not inside and match["bare"].startswith(_OPENING):
            return f"a quote is not closed: {shortened(match[0], 80)}"
        text = inside[0] if inside else match["bare"]
        if match["key"] == "":
            return f"there is no key before {quoted(Word(text='=' + text))}"
        words.append(Word((match["key"] or "").lower().replace("_", "-"), text))
    return words


def _split(line: str) -> Iterator[re.Match[str]]:
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        match = _WORD.match(line, at)
        if match is None or match.end() == at:  # the last alternative takes any character but space
            return
        yield match
        at = match.end()


def quoted(word: Word) -> str:
    """The word as a message shows it."""
    return shown(f"{word.key}={word.text}" if word.key else word.text)


def shown(text: str) -> str:
    """A text as a message shows it."""
    return f"'{shortened(text, 80)}'"

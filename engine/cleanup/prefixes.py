"""Code that was copied with something before every line: numbers, diff marks, prompts, quote marks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_NUMBER = re.compile(r"^\s*(?:[L\[(#]|[Ll]ine )?(?P<number>\d+)(?:\s?[|:.)\]]|\s?[│>]|\t|(?=\s|$))")
_MARKS = tuple(
    re.compile(rf"^{mark}")
    for mark in (r"\+", r"\s?>(?!>)", r"\s?>>(?!>)", r"\s?[|│]", ":", r"\s?#", r"\s?[-*•](?=\s)")
)
_PROMPT = re.compile(r"^\s*(?:>>>|\.\.\.:?|(?P<cell>In) \[\d+\]:)(?: |$)")
_DEFINES = re.compile(r"\s*(?:(?:async\s+)?def|class)\s+\w")
_LEAST = 2


def without_prefixes(text: str) -> str:
    """`text` cut down to its prefixed lines without their prefixes, or `text` where there are none.

    Only a run of lines that all have the prefix counts, and only if it defines something: a docstring
    with examples at a prompt, or a quoted sentence, is not a listing.
    """
    lines = text.split("\n")
    for strip in (_transcript, _numbered, *map(_marked, _MARKS), _backticked):
        found = strip(lines)
        if found is not None and any(_DEFINES.match(line) for line in found):
            return "\n".join(found)
    return text


def _transcript(lines: list[str]) -> list[str] | None:
    """The input of an interactive session; what it printed is left out."""
    found: list[str] = []
    first = next(filter(None, map(_PROMPT.match, lines)), None)
    width = _margin(first.string) if first else 0
    # IPython sets its prompts flush right.
    in_cells = first is not None and first["cell"] is not None
    for line in lines:
        match = _PROMPT.match(line)
        if match and (in_cells or _margin(line) == width):
            found.append(line[match.end() :])
    return found if len(found) >= _LEAST and _covers(found, lines) else None


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())


def _covers(found: list[str], lines: list[str]) -> bool:
    """A session begins with its own prompt; a function's docstring shows one further down."""
    first = next((line for line in lines if _DEFINES.match(line) or _PROMPT.match(line)), "")
    return _PROMPT.match(first) is not None and bool(found)


def _numbered(lines: list[str]) -> list[str] | None:
    best: list[str] = []
    run: list[str] = []
    expected: int | None = None
    for line in lines:
        match = _NUMBER.match(line)
        number = int(match["number"]) if match and len(match["number"]) < 7 else None
        if number is not None and match and number == expected:
            run.append(line[match.end() :])
        elif number is not None and match:
            best, run = max(best, run, key=len), [line[match.end() :]]
        elif line.strip():
            best, run, number = max(best, run, key=len), [], None
        else:
            continue
        expected = number + 1 if number is not None else None
    best = max(best, run, key=len)
    return _aligned(best) if len(best) >= _LEAST else None


def _backticked(lines: list[str]) -> list[str] | None:
    """Every line as Markdown's inline code."""
    found = [match[1] for match in map(re.compile(r"\s*`([^`]*)`\s*$").match, lines) if match]
    return found if len(found) >= _LEAST else None


def _marked(pattern: re.Pattern[str]) -> Callable[[list[str]], list[str] | None]:
    def strip(lines: list[str]) -> list[str] | None:
        runs = [list(run) for run in _runs(lines, pattern)]
        best = max(runs, key=len, default=[])
        if len(best) < _LEAST:
            return None
        return _aligned([pattern.sub("", line, count=1) if line.strip() else "" for line in best])

    return strip


def _runs(lines: list[str], pattern: re.Pattern[str]) -> Iterator[list[str]]:
    """Stretches of lines with the mark; a diff's headers, context and removed lines are let through."""
    is_diff = pattern.pattern == r"^\+"
    run: list[str] = []
    in_hunk = False
    for line in lines:
        in_hunk = in_hunk or (is_diff and line.startswith("@@ "))
        if is_diff and re.match(r"(?:\+\+\+ |--- |@@|diff |index |-)", line):
            continue
        if pattern.match(line) or (run and not line.strip()):
            run.append(line)
        elif (run or in_hunk) and is_diff and line.startswith(" "):
            run.append("+" + line[1:])
        else:
            yield run
            run = []
    yield run


def _aligned(lines: list[str]) -> list[str]:
    """The space between prefix and code goes, where all lines have it."""
    margin = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
    return [line[margin:] if line.strip() else "" for line in lines]

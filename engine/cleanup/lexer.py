"""A lexer that survives broken code: it never stops, it reports what does not close."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<comment>\#.*)"
    r"|(?P<triple>(?i:[rbfu]{0,2})(?:\"\"\"|'''))"
    r"|(?P<string>(?i:\b[rbfu]{1,2})?(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'))"
    r"|(?P<name>[^\W\d]\w*)|(?P<number>\d[\w.]*|\.\d\w*)"
    r"|(?P<operator>\*\*=?|//=?|>>=?|<<=?|!=|->|:=|[-+*/%&|^@=<>]=|\.\.\.|[-+*/%@&|^~<>=.,:;!?$\\])"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<stray>[\"'])|(?P<other>.)",
    re.DOTALL,
)
_REMEMBERED = 300
"""Longer lines are read anew each time: what is remembered must stay small."""

CLOSER = {"(": ")", "[": "]", "{": "}"}
OPENER = {close: opened for opened, close in CLOSER.items()}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is a group name of the lexer's pattern; `start` and `end` are columns of its line."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(slots=True)
class Scan:
    """Where brackets and quotes do not close.

    tokens      the tokens of each line, spaces and comments left out
    unclosed    (line, bracket) of openers that nothing closes, or that a wrong closer hits
    unopened    (line, column, bracket) of closers that close nothing or the wrong opener
    stray       lines with a quote that does not close
    open_triple line of a triple quote that never closes, and the quote
    depth       brackets open at the start of each line
    deepest     most brackets open at once
    inside      whether each line starts inside a triple-quoted string
    """

    tokens: list[Sequence[Token]] = field(default_factory=list)
    unclosed: list[tuple[int, str]] = field(default_factory=list)
    unopened: list[tuple[int, int, str]] = field(default_factory=list)
    stray: list[int] = field(default_factory=list)
    open_triple: tuple[int, str] | None = None
    depth: list[int] = field(default_factory=list)
    inside: list[bool] = field(default_factory=list)
    deepest: int = 0

    @property
    def balanced(self) -> bool:
        return not (self.unclosed or self.unopened or self.stray or self.open_triple)


def scan(lines: list[str]) -> Scan:
    """Lex `lines` as one text; brackets that no statement can contain are taken to be unclosed."""
    result = Scan()
    stack: list[tuple[int, str]] = []
    quote = ""
    quote_line = 0
    for number, line in enumerate(lines):
        result.inside.append(bool(quote))
        result.depth.append(len(stack))
        position = 0
        if quote:
            end = line.find(quote)
            if end < 0:
                result.tokens.append(())
                continue
            position, quote = end + 3, ""
        elif stack and _begins_statement(line):
            result.unclosed.extend(stack)
            stack.clear()
        read = _tokens_of if len(line) <= _REMEMBERED else _tokens_of.__wrapped__
        tokens, quote = read(line, position)
        if quote:
            quote_line = number
        for token in tokens:
            if token.kind == "stray":
                result.stray.append(number)
            elif token.kind == "open":
                stack.append((number, token.text))
                result.deepest = max(result.deepest, len(stack))
            elif token.kind == "close":
                _close(result, stack, number, token)
        result.tokens.append(tokens)
    result.unclosed.extend(stack)
    if quote:
        result.open_triple = (quote_line, quote)
    return result


@functools.lru_cache(maxsize=1024)
def _tokens_of(line: str, position: int) -> tuple[tuple[Token, ...], str]:
    """The tokens of `line` from `position` on, and the triple quote that is open at its end.

    Remembered, since a search scans the same lines again and again, one of them changed.
    """
    tokens: list[Token] = []
    while position < len(line):
        match = _TOKEN.match(line, position)
        if match is None:
            break
        kind = match.lastgroup or "other"
        position = match.end()
        if kind in {"space", "comment"}:
            continue
        tokens.append(Token(kind, match[0], match.start(), match.end()))
        if kind == "triple":
            mark = match[0][-3:]
            end = line.find(mark, position)
            if end < 0:
                return tuple(tokens), mark
            position = end + 3
        elif kind == "stray":
            break
    return tuple(tokens), ""


_STATEMENT = re.compile(
    r"\s*(?:(?:def|class|return|while|with|try|except|finally|raise|import|pass|break|continue|elif|assert|del)\b"
    r"|(?:if|for)\b.*:\s*(?:#.*)?$|else\s*:|[A-Za-z_][\w.]*\s*[-+*/]?=\s)"
)
"""Lines that begin a statement, and so cannot continue a bracket. Keyword arguments have no space."""


@functools.lru_cache(maxsize=1024)
def _begins_statement(line: str) -> bool:
    return _STATEMENT.match(line) is not None


def _close(result: Scan, stack: list[tuple[int, str]], number: int, token: Token) -> None:
    if stack and CLOSER[stack[-1][1]] == token.text:
        stack.pop()
        return
    if len(stack) > 1 and CLOSER[stack[-2][1]] == token.text:
        result.unclosed.append(stack.pop())
        stack.pop()
        return
    result.unopened.append((number, token.start, token.text))
    if stack:
        result.unclosed.append(stack[-1])


@functools.lru_cache(maxsize=1024)
def indent_of(line: str) -> int:
    """Columns of white space before the first character, tabs to the next multiple of eight."""
    expanded = line.expandtabs(8)
    return len(expanded) - len(expanded.lstrip())

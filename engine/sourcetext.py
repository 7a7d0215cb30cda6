r"""A module's text with the positions that Python's parser and tokenizer give, and its indentation.

Lines are counted as Python counts them: `\n`, `\r\n` and a lone `\r` end one, a form feed does not.
"""

from __future__ import annotations

import ast
import re
import tokenize
from dataclasses import dataclass
from itertools import accumulate

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_STRING_STARTS = {"FSTRING_START", "TSTRING_START"}
_STRING_ENDS = {"FSTRING_END", "TSTRING_END"}
Position = tuple[int, int]
"""Line, from 1, and column in characters, from 0."""


@dataclass(frozen=True, slots=True)
class Token:
    type: int
    string: str
    start: Position
    end: Position


class SourceText:
    """The text as lines. Line numbers begin at 1."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines: list[str] = _LINE.findall(text)
        self._starts = list(accumulate((len(line) for line in self._lines), initial=0))

    def __len__(self) -> int:
        return len(self._lines)

    def line(self, number: int) -> str:
        """One line without its ending."""
        return self._lines[number - 1].rstrip("\r\n")

    def ending(self, number: int) -> str:
        return self._lines[number - 1][len(self.line(number)) :]

    def newline(self, number: int) -> str:
        """How to end a line that is added at `number`: as its neighbours end."""
        return self.ending(number) or (self.ending(1) if self._lines else "") or "\n"

    def offset(self, position: Position) -> int:
        line, column = position
        return self._starts[line - 1] + column

    def end_of(self, number: int) -> int:
        """The offset of a line's end, before what ends it."""
        return self._starts[number - 1] + len(self.line(number))

    def start_of(self, number: int) -> int:
        """The offset of a line's start; of the text's end for the line after the last."""
        return self._starts[number - 1]

    def position(self, line: int, utf8_column: int) -> Position:
        """Where the parser means, which counts columns in bytes of UTF-8."""
        row = self.line(line)
        return line, utf8_column if row.isascii() else len(row.encode()[:utf8_column].decode())

    def start(self, node: ast.stmt) -> Position:
        return self.position(node.lineno, node.col_offset)

    def end(self, node: ast.stmt) -> Position:
        return self.position(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def indent(self, number: int) -> str:
        """The blanks in front of a line; a form feed starts the count again."""
        row = self.line(number)
        return row[: len(row) - len(row.lstrip(" \t\f"))].rpartition("\f")[2]

    def is_blank(self, number: int) -> bool:
        return not self.line(number).strip(" \t\f")

    def is_comment(self, number: int) -> bool:
        """Whether the line looks like a comment: ask only of lines that are inside no string."""
        return self.line(number).lstrip(" \t\f").startswith("#")

    def tokens(self, first: int, end: Position) -> list[Token]:
        """From the start of line `first` to the NEWLINE at or after `end`, nothing further is read.

        Raises tokenize.TokenError or SyntaxError where the tokenizer is stricter than the parser.
        """
        rows = (f"{self.line(number)}\n" for number in range(first, len(self) + 1))
        found: list[Token] = []
        for token in tokenize.generate_tokens(lambda: next(rows, "")):
            start = (token.start[0] + first - 1, token.start[1])
            stop = (token.end[0] + first - 1, token.end[1])
            found.append(Token(token.type, token.string, start, stop))
            if token.type == tokenize.NEWLINE and start >= end:
                break
        return found

    def indent_unit(self, tree: ast.Module) -> str:
        """What one level of indentation is in this file; four spaces where nothing is indented."""
        for node in ast.walk(tree):
            body: list[ast.stmt] = getattr(node, "body", [])
            if not isinstance(node, ast.stmt) or not body or body[0].lineno == node.lineno:
                continue
            outer, inner = self.indent(node.lineno), self.indent(body[0].lineno)
            if len(inner) > len(outer) and inner.startswith(outer):
                return inner[len(outer) :]
        return "    "


def lines_inside_strings(tokens: list[Token]) -> set[int]:
    """The lines that begin inside a string: their first blanks are part of its value."""
    inside: set[int] = set()
    open_strings: list[int] = []
    for token in tokens:
        name = tokenize.tok_name[token.type]
        if token.type == tokenize.STRING:
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
        elif name in _STRING_STARTS:
            open_strings.append(token.start[0])
        elif name in _STRING_ENDS:
            inside.update(range(open_strings.pop() + 1, token.end[0] + 1))
    return inside


@dataclass(frozen=True, slots=True)
class Row:
    """A line of code, free of the indentation of the file it came from.

    It is `level` blocks deep; `extra` blanks align a continuation line. With `level` None `text` is
    the whole line, which begins inside a string and must stay as it is.
    """

    level: int | None
    extra: str
    text: str

    def indented(self, indent: str, unit: str) -> str:
        if self.level is None or not self.text:
            return self.text
        # Hanging indents become tabs in a file that indents by tabs.
        extra = self.extra.replace("    ", "\t") if unit == "\t" else self.extra.expandtabs(4)
        return indent + unit * self.level + extra + self.text


def read_rows(source: SourceText, tokens: list[Token], start: Position) -> list[Row]:
    """The lines from `start` to the end of `tokens`, the first of them at level 0."""
    first, column = start
    last = tokens[-1].end[0]
    inside, homes = lines_inside_strings(tokens), _statements_of_lines(tokens)
    base = next(homes[n].depth for n in range(first, last + 1) if n in homes)
    levels = {source.indent(home.line): home.depth - base for home in homes.values()}
    rows: list[Row] = []
    for number in range(first, last + 1):
        text, indent = source.line(number).lstrip(" \t\f"), source.indent(number)
        if number == first and column:
            rows.append(Row(0, "", source.line(number)[column:]))
        elif number in inside:
            rows.append(Row(None, "", source.line(number)))
        elif number in homes:
            outer = source.indent(homes[number].line)
            extra = indent[len(outer) :] if indent.startswith(outer) else ""
            rows.append(Row(homes[number].depth - base, extra, text))
        else:
            rows.append(Row(max(levels.get(indent, 0), 0), "", text))
    return rows


@dataclass(frozen=True, slots=True)
class _Home:
    """The statement that a line belongs to: its first line, and how many blocks deep it is."""

    line: int
    depth: int


def _statements_of_lines(tokens: list[Token]) -> dict[int, _Home]:
    """For every line with code, and for comments between the lines of one statement."""
    homes: dict[int, _Home] = {}
    home: _Home | None = None
    depth = 0
    for token in tokens:
        if token.type == tokenize.INDENT:
            depth += 1
        elif token.type == tokenize.DEDENT:
            depth -= 1
        elif token.type == tokenize.NEWLINE:
            home = None
        elif home is not None or token.type not in (tokenize.COMMENT, tokenize.NL):
            home = home or _Home(token.start[0], depth)
            for line in range(token.start[0], token.end[0] + 1):
                homes.setdefault(line, home)
    return homes

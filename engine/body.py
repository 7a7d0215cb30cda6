"""A function's body: read from where it was written, and the edit that puts it into a stub."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from engine.functions import FunctionNode, after_docstring, docstring_node, does_nothing
from engine.sourcetext import Position, Row, SourceText, Token, read_rows

_TODO = re.compile(
    r"#.*\b(?:todo|fixme|xxx)\b|#\W*(?:please )?(?:implement|your (?:code|implementation)|write your)",
    re.IGNORECASE,
)

_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT}


@dataclass(frozen=True, slots=True)
class Edit:
    """`text` in the place of what lies between two offsets."""

    start: int
    end: int
    text: str


def read_body(source: SourceText, node: FunctionNode) -> list[Row]:
    """The body after the docstring, with the comments above its first statement."""
    statements = after_docstring(node)
    if not statements:
        return [Row(0, "", "pass")]
    tokens = source.tokens(node.lineno, source.end(node))
    start = source.start(statements[0])
    first = _line_after_statement_before(tokens, start)
    if first is None:
        return read_rows(source, tokens, start)
    while source.is_blank(first):
        first += 1
    return read_rows(source, tokens, (first, 0))


def replace_body(text: SourceText, node: FunctionNode, body: list[Row], unit: str) -> Edit:
    """The edit that puts `body` where the body of `node` is; `unit` is one level of indentation.

    The docstring stays. Of a stub the comments stay too, but those that only ask for the body.
    """
    tokens = text.tokens(node.lineno, text.end(node))
    outer = text.indent(node.lineno)
    newline = text.newline(node.lineno)
    if _line_after_statement_before(tokens, text.start(node.body[0])) is None:
        inner = outer + unit
        start, before = _opened_header(text, node, tokens, newline, inner)
    else:
        inner = text.indent(node.body[0].lineno)
        unit = inner.removeprefix(outer) or unit
        start, before = _kept_lines(text, node, tokens, newline)
    written = newline.join(row.indented(inner, unit) for row in body)
    last = _last_line(text, tokens[-1].start[0], outer, todo_only=bool(after_docstring(node)))
    return Edit(start, text.end_of(last), before + written)


def _opened_header(
    text: SourceText, node: FunctionNode, tokens: list[Token], newline: str, indent: str
) -> tuple[int, str]:
    """For a body on the header's own line: where the header ends, and what stays after that."""
    colon = [t for t in tokens if t.string == ":" and t.end <= text.start(node.body[0])][-1]
    kept = ""
    comment = tokens[-2]
    if comment.type == tokenize.COMMENT and not _TODO.match(comment.string):
        kept = f"  {comment.string}"
    doc = docstring_node(node)
    if doc:
        kept += newline + indent
        kept += text.text[text.offset(text.start(doc)) : text.offset(text.end(doc))]
    return text.offset(colon.end), kept + newline


def _kept_lines(
    text: SourceText, node: FunctionNode, tokens: list[Token], newline: str
) -> tuple[int, str]:
    """For a body on lines of its own: where what stays ends, and the comments below."""
    doc, statements = docstring_node(node), after_docstring(node)
    if statements:
        first = _line_after_statement_before(tokens, text.start(statements[0]))
        if first is None and doc:  # `"""Doc."""; pass`
            return text.offset(text.end(doc)), newline
        begin, end = first or node.lineno + 1, statements[0].lineno
    else:
        begin = tokens[-1].start[0] + 1
        end = _last_line(text, begin - 1, text.indent(node.lineno), todo_only=False) + 1
    between = range(begin, end)
    kept = _without_todos(text, between) if does_nothing(node) else _leading_blanks(text, between)
    rows = "".join(text.line(number) + (text.ending(number) or newline) for number in kept)
    return text.end_of(begin - 1), (text.ending(begin - 1) or newline) + rows


def _last_line(text: SourceText, line: int, outer: str, *, todo_only: bool) -> int:
    """The last line of a body whose last statement ends at `line`, with the comments below it.

    A comment belongs to the function when it is deeper than the header. With `todo_only`, only what
    asks for the body counts.
    """
    last = line
    asks = False
    for number in range(line + 1, len(text) + 1):
        if text.is_blank(number):
            asks = False
            continue
        if not text.is_comment(number) or len(text.indent(number)) <= len(outer):
            break
        asks = asks or _asks_for_body(text, number)
        if todo_only and not asks:
            break
        last = number
    return last


def _without_todos(text: SourceText, lines: Iterable[int]) -> list[int]:
    """Without the comments that ask for the body, and the blank lines right below them."""
    kept: list[int] = []
    asks = left_out = False
    for number in lines:
        is_comment = text.is_comment(number)
        asks = is_comment and (asks or _asks_for_body(text, number))
        left_out = asks or (left_out and not is_comment)
        kept += [] if left_out else [number]
    return kept


def _leading_blanks(text: SourceText, lines: Iterable[int]) -> list[int]:
    return list(takewhile(text.is_blank, lines))


def _asks_for_body(text: SourceText, number: int) -> bool:
    return _TODO.match(text.line(number).lstrip(" \t\f")) is not None


def _line_after_statement_before(tokens: list[Token], start: Position) -> int | None:
    """The line on which `start` could begin at the earliest; None where it shares a line."""
    before = [t for t in tokens if t.end <= start and t.type not in _LAYOUT]
    return before[-1].start[0] + 1 if before[-1].type == tokenize.NEWLINE else None

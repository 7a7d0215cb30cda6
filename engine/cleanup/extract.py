"""Finding the code in a reply."""

from __future__ import annotations

import ast
import re
import textwrap

from engine.cleanup.characters import plain_text
from engine.cleanup.prefixes import without_prefixes
from engine.cleanup.prose import is_prose, starts_code
from engine.cleanup.syntax import defined_names, parse

_DEFINITION = re.compile(r"^\s*(?:async\s+def|def|class)\s+\w", re.MULTILINE)
_FENCE = re.compile(r"^[ \t>]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)$", re.MULTILINE)


def extract(text: str, *, entry_point: str | None = None) -> str:
    """The code in `text`, without fences and chatter; not necessarily code that parses.

    A text that is Python already comes back as it is.
    """
    if is_module(text, entry_point):
        return text
    text = plain_text(text)
    if is_module(text, entry_point):
        return text
    text = without_prefixes(text)
    if is_module(text, entry_point):
        return text
    blocks = _blocks(text)
    if blocks:
        text = _choose(blocks, entry_point)
    code = dedent(_without_chatter(text)).strip("\n")
    return code + "\n" if code.strip() else ""


def dedent(text: str) -> str:
    """`text` without the margin that all its lines share; texts without one keep every character."""
    margins = [len(line) - len(line.lstrip()) for line in text.split("\n") if line.strip()]
    if not min(margins, default=0):
        return text
    return textwrap.dedent(text)


def is_module(text: str, entry_point: str | None) -> bool:
    """Whether `text` parses and defines something: chatter of one word parses, too."""
    tree = parse(text)
    if not isinstance(tree, ast.Module):
        return False
    names = defined_names(tree)
    return entry_point in names if entry_point else bool(names)


def _blocks(text: str) -> list[str]:
    marks = list(_FENCE.finditer(text))
    blocks: list[str] = []
    opened: re.Match[str] | None = None
    for mark in marks:
        if opened is None:
            opened = mark
        elif not mark["info"].strip():
            blocks.append(text[opened.end() + 1 : mark.start()])
            opened = None
        else:
            blocks.append(text[opened.end() + 1 : mark.start()])
            opened = mark
    if opened is not None:
        blocks.append(text[opened.end() + 1 :])
    if marks and _DEFINITION.search(text[: marks[0].start()]):
        # A reply that goes on from a prefilled prototype has no fence before its first code.
        blocks.insert(0, text[: marks[0].start()])
    return [dedent(block) for block in blocks if block.strip()]


def _defines(block: str, name: str) -> bool:
    return (
        re.search(rf"^\s*(?:async\s+def|def|class)\s+{re.escape(name)}\b", block, re.MULTILINE)
        is not None
    )


def _has_body(block: str, name: str) -> int:
    """2 for a block in which `name` does something, 1 where that cannot be told, 0 for a stub."""
    tree = parse(block)
    if not isinstance(tree, ast.Module):
        rest = re.split(rf"\b(?:def|class)\s+{re.escape(name)}\b", block)[-1]
        return (
            1
            if re.search(r"^\s+(?:return|yield|for|if|while|print|self)\b", rest, re.MULTILINE)
            else 0
        )
    for node in tree.body:
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and node.name == name
        ):
            return 0 if all(_is_filler(part) for part in node.body) else 2
    return 0


def _is_filler(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _choose(blocks: list[str], entry_point: str | None) -> str:
    if entry_point is None:
        whole = [block for block in blocks if is_module(block, None)]
        return "\n\n".join(whole) if whole else max(blocks, key=len)
    defining = [block for block in blocks if _defines(block, entry_point)]
    if not defining:
        return "\n\n".join(blocks)
    chosen = max(defining, key=lambda block: (_has_body(block, entry_point), len(block) / 1e9))
    helpers = [
        block
        for block in blocks
        if block is not chosen and not _defines(block, entry_point) and is_module(block, None)
    ]
    return "\n\n".join([*helpers, chosen])


def _without_chatter(text: str) -> str:
    """The lines from the first that begins code, without what is English at the margin."""
    lines = text.split("\n")
    start = next(
        (i for i, line in enumerate(lines) if starts_code(line.strip()) and not is_prose(line)),
        None,
    )
    if start is None:
        return text
    margin = len(lines[start]) - len(lines[start].lstrip())
    kept: list[str] = []
    open_quote = ""
    for line in lines[start:]:
        at_margin = len(line) - len(line.lstrip()) <= margin
        if not open_quote and at_margin and is_prose(line):
            continue
        open_quote = _quote_after(line, open_quote)
        kept.append(line)
    return "\n".join(kept)


def _quote_after(line: str, open_quote: str) -> str:
    """The triple quote that is open after `line`, given the one that is open before it."""
    position = 0
    while True:
        if open_quote:
            end = line.find(open_quote, position)
            if end < 0:
                return open_quote
            position, open_quote = end + 3, ""
            continue
        match = re.compile(r'"""|\'\'\'').search(line, position)
        if match is None:
            return ""
        position, open_quote = match.end(), match[0]

"""The fenced blocks of a reply, and which of them are the answer."""

from __future__ import annotations

import ast
import re
import textwrap

from engine.cleanup.plausible import ends
from engine.cleanup.syntax import FunctionNode, defined_names, parse

_DEFINITION = re.compile(r"^\s*(?:async\s+def|def|class)\s+\w", re.MULTILINE)
_FENCE = re.compile(r"^(?P<margin>[ \t>]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)$", re.M)
_DEEPEST_CLOSER = 3
"""Further right of its opener, by CommonMark, a fence is text: an example in a docstring."""


def blocks_of(text: str) -> list[str]:
    """The fenced blocks of `text` without their margins, in order; what goes on together is one.

    A reply that goes on from a prefilled prototype has no fence before its first code, so what stands
    before the first fence is a block, too, where it defines something.
    """
    marks = list(_FENCE.finditer(text))
    joined: list[str] = []
    position = 0
    opened: re.Match[str] | None = None
    for mark in marks:
        if opened and len(mark["margin"]) > len(opened["margin"]) + _DEEPEST_CLOSER:
            continue
        _append(joined, text[position : mark.start()], fenced=opened is not None)
        opened = mark if opened is None or mark["info"].strip() else None
        position = mark.end() + 1
    if marks:
        _append(joined, text[position:], fenced=opened is not None)
    return [dedent(block) for block in joined]


def _append(joined: list[str], piece: str, *, fenced: bool) -> None:
    """Add a piece of the reply to the one that it goes on from, or as a block of its own."""
    piece = piece.strip("\n")
    if joined and _is_unfinished(joined[-1]):
        rest = piece if fenced else _indented(piece)
        whole = f"{joined[-1].rstrip()}\n{rest}\n"
        if _goes_on(rest) and is_module(whole, None):
            joined[-1] = whole
            return
    if piece.strip() and (fenced or (not joined and _DEFINITION.search(piece))):
        joined.append(piece + "\n")


def _indented(text: str) -> str:
    """The lines of `text` up to the first that stands at the margin."""
    lines = text.split("\n")
    end = next((i for i, line in enumerate(lines) if line[:1].strip()), len(lines))
    return "\n".join(lines[:end]).rstrip()


def choose(blocks: list[str], entry_point: str | None) -> str:
    """The block that defines `entry_point`, with the helpers of others; or all that make a module."""
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


def is_module(text: str, entry_point: str | None) -> bool:
    """Whether `text` parses and defines something: chatter of one word parses, too."""
    tree = parse(text)
    if not isinstance(tree, ast.Module):
        return False
    names = defined_names(tree)
    return entry_point in names if entry_point else bool(names)


def dedent(text: str) -> str:
    """`text` without the margin that all its lines share; texts without one keep every character."""
    margins = [len(line) - len(line.lstrip()) for line in text.split("\n") if line.strip()]
    if not min(margins, default=0):
        return text
    return textwrap.dedent(text)


def _goes_on(block: str) -> bool:
    return block[:1].isspace() and re.search(r"^\S", block, re.MULTILINE) is None


def _is_unfinished(block: str) -> bool:
    """Whether the last function of `block` stops in the middle: explanations quote finished ones."""
    if block[:1].isspace() or _DEFINITION.search(block) is None:
        return False
    tree = parse(block)
    if not isinstance(tree, ast.Module):
        return True
    return isinstance(tree.body[-1], FunctionNode) and not ends(tree.body[-1].body)


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
        if isinstance(node, FunctionNode | ast.ClassDef) and node.name == name:
            return 0 if all(_is_filler(part) for part in node.body) else 2
    return 0


def _is_filler(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )

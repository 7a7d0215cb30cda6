"""Stubs as people write them into an issue: often only a head, without any body."""

from __future__ import annotations

import re
from textwrap import dedent

from bot.stubs import find_stubs, spec_from_source
from engine.cleanup import syntax
from engine.errors import BadInput
from engine.spec import FunctionSpec

_HEAD = re.compile(r"[ \t]*(?:async[ \t]+)?def[ \t]+\w+[ \t]*\(")
_CLASS = re.compile(r"[ \t]*class[ \t]+\w+")


def specs_in(code: str) -> list[FunctionSpec] | str:
    """A spec of each stub in a block of code, heads without a body included.

    Or one line that says why there is none: the code does not parse, or its functions have bodies.
    """
    source = dedent(code.expandtabs(4)).strip("\n") + "\n"
    parsed = syntax.parse(source)
    if isinstance(parsed, syntax.Fault):
        source = completed(source)
        again = syntax.parse(source)
        if isinstance(again, syntax.Fault):
            return f"the fenced code does not parse: line {parsed.line}: {parsed.message}"
    try:
        stubs = find_stubs(source)
        specs = [spec_from_source(source, stub.qualname) for stub in stubs]
    except BadInput as error:
        return str(error)
    if not specs:
        return "the fenced code has no stub: write a function's head and docstring, and ... as its body"
    return specs


def completed(source: str) -> str:
    """The source with `...` below every head, of one line, that nothing deeper follows."""
    lines = source.split("\n")
    done: list[str] = []
    for number, line in enumerate(lines):
        if not _is_bare_head(line):
            done.append(line)
            continue
        indent = len(line) - len(line.lstrip())
        body = next((row for row in lines[number + 1 :] if _says_something(row)), "")
        head = line.rstrip()
        head = head if head.endswith(":") else f"{head}:"
        if len(body) - len(body.lstrip()) > indent:
            done.append(head)
        else:
            done += [head, f"{' ' * (indent + 4)}..."]
    return "\n".join(done)


def _is_bare_head(line: str) -> bool:
    """Whether the line is the whole head of a function or class, and has no body behind it."""
    if not (_HEAD.match(line) or _CLASS.match(line)) or line.count("(") != line.count(")"):
        return False
    return isinstance(syntax.parse(line.strip()), syntax.Fault)


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")

"""Reads the examples of a docstring: what a person says that a function must do. Pure.

They become ground truth, so one that could be wrong is worse than none: only what states a literal
for an expression that needs nothing but the function and Python itself counts.
"""

from __future__ import annotations

import ast
import builtins
import doctest
import re
from collections.abc import Iterator

from engine.cleanup.syntax import Fault, is_shallow, parse
from engine.spec import Example

_BULLET = re.compile(
    r"(?:[-*•]\s+|\d+[.)]\s+)?(?:(?:e\.g\.|i\.e\.|for example|examples?)[:,]?\s+)?(?:assert\s+)?",
    re.IGNORECASE,
)
_ARROW = re.compile(r"(?P<call>.+?\))\s*(?:==|=>|->|→|➞|⇒|returns|should return)\s*(?P<value>.+)")
_TIGHTER_THAN_EQUALITY = (ast.Call, ast.Subscript, ast.Attribute, ast.BinOp, ast.UnaryOp)
_BRACKETED = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp)


def examples_in(description: str, name: str) -> Iterator[Example]:
    """Examples of a docstring: doctests, and lines like `f(2) == 4` or `f(2) -> 4`.

    Only what parses, calls `name` and states a literal counts; prose does not.
    """
    seen: set[Example] = set()
    for example in (*_doctests(description, name), *_arrows(description, name)):
        if example not in seen:
            seen.add(example)
            yield example


def _doctests(description: str, name: str) -> Iterator[Example]:
    try:
        found = doctest.DocTestParser().get_examples(description)
    except ValueError:  # inconsistent indentation: prose that only looks like a doctest
        return
    for example in found:
        expression = _expression(example.source)
        if expression is None or example.options.get(doctest.SKIP):
            continue
        if not _needs_only(expression, name):
            continue
        if example.exc_msg:
            raised = example.exc_msg.partition(":")[0].strip()
            if _is_exception(raised):
                yield Example(ast.unparse(expression), None, raised)
            continue
        printed = _printed(expression)
        if printed is not None:
            yield Example(f"str({ast.unparse(printed)})", repr(example.want.removesuffix("\n")))
            continue
        value = _wanted(example.want)
        if value is not None and not _prints(expression):
            yield Example(_operand(expression), value)


def _wanted(want: str) -> str | None:
    """The literal that a doctest wants. Prose right below it is read as more of its output."""
    whole = _literal(want)
    first, _, rest = want.strip().partition("\n")
    if whole is not None or not rest:
        return whole
    # Two literals are something printed and something returned.
    return None if _literal(rest.partition("\n")[0]) is not None else _literal(first)


def _arrows(description: str, name: str) -> Iterator[Example]:
    for line in description.splitlines():
        text = line.strip()
        match = None
        if not text.startswith((">>>", "...")):
            match = _ARROW.fullmatch(_BULLET.sub("", text.replace("`", ""), count=1))
        if match is None:
            continue
        expression, value = _expression(match["call"]), _literal(match["value"].strip().rstrip("."))
        if (
            value is not None
            and isinstance(expression, _TIGHTER_THAN_EQUALITY)
            and not (isinstance(expression, ast.UnaryOp) and isinstance(expression.op, ast.Not))
            and _needs_only(expression, name)
            and not _prints(expression)
        ):
            yield Example(_operand(expression), value)


def _expression(text: str) -> ast.expr | None:
    tree = parse(text.strip())
    if isinstance(tree, Fault) or len(tree.body) != 1 or not is_shallow(tree):
        return None
    if not isinstance(tree.body[0], ast.Expr):
        return None
    return tree.body[0].value


def _literal(text: str) -> str | None:
    """The literal as Python writes it; None where the text is none, or leaves something out."""
    expression = _expression(text)
    if expression is None or any(
        isinstance(n, ast.Constant) and n.value is ... for n in ast.walk(expression)
    ):
        return None
    if isinstance(expression, ast.Tuple) and not text.strip().startswith("("):
        return None  # `f(1) -> 1, 2` may be a tuple, or two answers
    try:
        ast.literal_eval(expression)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return None
    return ast.unparse(expression)


def _operand(expression: ast.expr) -> str:
    """The expression as one side of `==`."""
    is_not = isinstance(expression, ast.UnaryOp) and isinstance(expression.op, ast.Not)
    is_tight = isinstance(expression, _TIGHTER_THAN_EQUALITY + _BRACKETED) and not is_not
    text = ast.unparse(expression)
    return text if is_tight else f"({text})"


def _needs_only(expression: ast.expr, name: str) -> bool:
    """Whether it calls the function, and all other names in it are Python's or its own."""
    names = [node for node in ast.walk(expression) if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(expression) if isinstance(node, ast.arg)}
    calls = any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(expression)
    )
    return calls and all(n.id == name or n.id in own or hasattr(builtins, n.id) for n in names)


def _printed(expression: ast.expr) -> ast.expr | None:
    """What a plain `print(x)` prints."""
    match expression:
        case ast.Call(func=ast.Name(id="print"), args=[value], keywords=[]):
            return None if isinstance(value, ast.Starred) else value
    return None


def _prints(expression: ast.expr) -> bool:
    return any(isinstance(n, ast.Name) and n.id == "print" for n in ast.walk(expression))


def _is_exception(name: str) -> bool:
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)

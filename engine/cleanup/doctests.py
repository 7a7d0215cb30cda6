"""Examples at a prompt, as a docstring or a session shows them, as asserts."""

from __future__ import annotations

import ast
import doctest
import re
import textwrap
from collections.abc import Iterator

from engine.cleanup.syntax import parse

_PROMPT = re.compile(r"^[ \t]*>>> \S", re.MULTILINE)
_TESTS = re.compile(
    r"^[ \t]*(?:assert\b|(?:async[ \t]+)?def[ \t]+test|class[ \t]+Test|self\.assert)", re.MULTILINE
)
_FENCES = re.compile(r"^[ \t]*(?:`{3,}.*|~{3,}.*)$|\"{3}|'{3}", re.MULTILINE)


def with_asserts(text: str, entry_point: str) -> str:
    """`text`, a reply without any test, as the test that its examples make; else unchanged.

    `>>> f(1)` above `2` is `assert f(1) == 2`, above a traceback it is `pytest.raises`. An example that
    prints is left out where what it prints is no literal.
    """
    if _PROMPT.search(text) is None or _TESTS.search(text) is not None:
        return text
    try:
        examples = doctest.DocTestParser().get_examples(_FENCES.sub("\n", text))
    except ValueError:
        return text
    statements = [statement for example in examples for statement in _statements(example)]
    if not any(isinstance(statement, ast.Assert | ast.With) for statement in statements):
        return text
    module = ast.Module(body=statements, type_ignores=[])
    body = textwrap.indent(ast.unparse(ast.fix_missing_locations(module)), "    ")
    return f"def test_{entry_point}():\n{body}\n"


def _statements(example: doctest.Example) -> Iterator[ast.stmt]:
    tree = parse(example.source)
    if not isinstance(tree, ast.Module) or not tree.body:
        return
    first = tree.body[0]
    if example.exc_msg is not None:
        name = example.exc_msg.partition(":")[0].strip().rpartition(".")[2]
        if name.isidentifier():
            raises = parse(f"with pytest.raises({name}):\n    pass")
            assert isinstance(raises, ast.Module)
            block = raises.body[0]
            assert isinstance(block, ast.With)
            block.body = tree.body
            yield block
    elif example.want:
        expected = _literal(example.want)
        value = _printed(first.value) if isinstance(first, ast.Expr) else None
        if expected is not None and value is not None:
            yield ast.Assert(ast.Compare(value, [ast.Eq()], [expected]), None)
    elif not isinstance(first, ast.Expr) or _printed(first.value) is first.value:
        yield from tree.body


def _printed(node: ast.expr) -> ast.expr:
    """What `print` is given, or the expression itself."""
    is_print = isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    if is_print and isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        return node.args[0]
    return node


def _literal(text: str) -> ast.expr | None:
    tree = parse(text.strip())
    if not isinstance(tree, ast.Module) or len(tree.body) != 1:
        return None
    statement = tree.body[0]
    if not isinstance(statement, ast.Expr):
        return None
    try:
        ast.literal_eval(statement.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return statement.value

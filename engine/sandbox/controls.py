"""Negative controls: a test turned into one that every honest code fails.

Where code and test share an interpreter, a code can forge a pass: by objects that equal everything,
by changing pytest, by writing the report. A forger seldom knows which test is asked, so it passes
the contradicted test too, and is told by that.
"""

from __future__ import annotations

import ast

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def contradict(source: str) -> str | None:
    """The test so that it must fail on every code that passes it; None where it does not parse.

    `f(x) == 6` must then equal 7, any other assert is negated. Only asserts that a test
    cannot go round are changed, those that stand in its body itself; a test with none gets one at
    its end.
    """
    try:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, _FUNCTIONS) and node.name.startswith("test"):
                _contradict(node)
        return ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _contradict(test: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    asserts = [statement for statement in test.body if isinstance(statement, ast.Assert)]
    for statement in asserts:
        statement.test, statement.msg = _opposite(statement.test), None
    if not asserts:
        test.body.append(ast.Assert(test=ast.Constant(value=False), msg=None))


def _opposite(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
        left, right = test.left, test.comparators[0]
        # The code's value stands on either side; the other one is changed.
        if isinstance(left, ast.Constant):
            left = _other(left)
        else:
            right = _other(right)
        return ast.Compare(left=left, ops=test.ops, comparators=[right])
    return ast.UnaryOp(op=ast.Not(), operand=test)


def _other(value: ast.expr) -> ast.expr:
    """An expression of a value that differs from `value`'s, of the same type where that is known."""
    match value:
        case ast.Constant(value=bool(known)):
            return ast.Constant(value=not known)
        case ast.Constant(value=int(known) | float(known)) if known == known and abs(known) < 1e15:
            return ast.Constant(value=known + 1)
        case ast.Constant(value=str(known)):
            return ast.Constant(value=known + "x")
        case ast.List(elts=parts):
            return ast.List(elts=[*parts, ast.Constant(value=1)], ctx=ast.Load())
        case _:
            return ast.Tuple(elts=[value, ast.Constant(value=None)], ctx=ast.Load())

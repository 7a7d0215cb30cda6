"""Negative controls: a test turned into one that every honest code fails.

Where code and test share an interpreter, a code can forge a pass: by objects that equal everything,
by changing pytest, by writing the report. A forger seldom knows which test is asked, so it passes
the contradicted test too, and is told by that.
"""

from __future__ import annotations

import ast

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def contradict(source: str) -> str | None:
    """The test with every assert contradicted, or None for a source that does not parse.

    `f(x) == 6` must then equal 7; any other assert is negated; a test function without an assert gets
    one that is false at its end.
    """
    try:
        tree = ast.parse(source)
        changed = ast.fix_missing_locations(_Contradict().visit(tree))
        return ast.unparse(changed) + "\n"
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Contradict(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
            left, right = test.left, test.comparators[0]
            # The code's value stands on either side; the other one is changed.
            if isinstance(left, ast.Constant):
                left = _other(left)
            else:
                right = _other(right)
            test = ast.Compare(left=left, ops=test.ops, comparators=[right])
        else:
            test = ast.UnaryOp(op=ast.Not(), operand=test)
        return ast.Assert(test=test, msg=None)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.stmt:
        return self._function(node)

    def _function(self, node: _FUNCTIONS) -> ast.stmt:
        had_none = not any(isinstance(part, ast.Assert) for part in ast.walk(node))
        self.generic_visit(node)
        if had_none and node.name.startswith("test"):
            node.body.append(ast.Assert(test=ast.Constant(value=False), msg=None))
        return node


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

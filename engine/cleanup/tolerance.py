"""Floats in asserts: compared as floats can be."""

from __future__ import annotations

import ast

_APPROX = "pytest.approx"


def tolerant(test: ast.expr) -> ast.expr:
    """`f(37) == 98.6` as `f(37) == pytest.approx(98.6)`; any other condition as it is.

    A right function may be off in the last bit, depending on the order in which it reckons: to
    `37 * 9 / 5 + 32` an exact comparison with 98.6 says no. pytest's own tolerance is a millionth.
    """
    match test:
        case ast.Compare(left=left, ops=[ast.Eq() as op], comparators=[value]) if _is_float(value):
            call = ast.Call(func=ast.parse(_APPROX, mode="eval").body, args=[value], keywords=[])
            return ast.Compare(left=left, ops=[op], comparators=[call])
    return test


def exact(value: ast.expr) -> ast.expr | None:
    """The x of `pytest.approx(x)`, or None where `value` is something else."""
    match value:
        case ast.Call(func=func, args=[inner], keywords=[]) if ast.unparse(func) == _APPROX:
            return inner
    return None


def _is_float(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, float)

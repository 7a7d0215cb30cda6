"""Recognising tests that cannot fail."""

from __future__ import annotations

import ast


def calls_target(node: ast.AST, *, entry_point: str, import_name: str) -> bool:
    """Whether anything in `node` calls the function under test.

    A method is called as an attribute; operators call `__len__` and its like, so for those the
    mention of the class has to do.
    """
    if entry_point.startswith("__") and entry_point != import_name:
        return any(isinstance(part, ast.Name) and part.id == import_name for part in ast.walk(node))
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            function = part.func
            if isinstance(function, ast.Name) and function.id == entry_point:
                return True
            if isinstance(function, ast.Attribute) and function.attr == entry_point:
                return True
        if (
            entry_point != import_name
            and isinstance(part, ast.Attribute)
            and part.attr == entry_point
        ):
            return True
        if isinstance(part, ast.Call) and any(
            isinstance(argument, ast.Name) and argument.id == entry_point for argument in part.args
        ):
            return True
    return False


def cannot_fail(test: ast.expr) -> bool:
    """Whether an assert's condition is true by its form alone."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.Tuple | ast.List):
        return bool(test.elts)
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return any(cannot_fail(value) for value in test.values)
    if isinstance(test, ast.BoolOp):
        return all(cannot_fail(value) for value in test.values)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        same = ast.dump(test.left) == ast.dump(test.comparators[0])
        return same and isinstance(test.ops[0], ast.Eq | ast.Is | ast.LtE | ast.GtE)
    return False


def is_raises(node: ast.AST) -> bool:
    """Whether `node` is a `with pytest.raises(…):` block."""
    return isinstance(node, ast.With) and any(
        isinstance(item.context_expr, ast.Call)
        and ast.unparse(item.context_expr.func) in {"pytest.raises", "raises"}
        for item in node.items
    )


def futility(
    node: ast.FunctionDef | ast.AsyncFunctionDef, *, entry_point: str, import_name: str
) -> str | None:
    """Why a test function cannot fail, or None where it can."""
    asserts = [part for part in ast.walk(node) if isinstance(part, ast.Assert)]
    raises = any(is_raises(part) for part in ast.walk(node))
    if not asserts and not raises:
        return "asserts nothing"
    if not calls_target(node, entry_point=entry_point, import_name=import_name):
        return f"does not call {entry_point}"
    if asserts and not raises and all(cannot_fail(part.test) for part in asserts):
        return "asserts what is always true"
    if asserts and not raises and all(_is_swallowed(part, node) for part in asserts):
        return "swallows its own failure"
    return None


def _is_swallowed(assertion: ast.Assert, function: ast.AST) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Try) and any(
            part is assertion for inner in node.body for part in ast.walk(inner)
        ):
            for handler in node.handlers:
                caught = ast.unparse(handler.type) if handler.type else "Exception"
                raises_again = any(
                    isinstance(part, ast.Raise | ast.Assert) for part in ast.walk(handler)
                )
                if caught in {"Exception", "BaseException", "AssertionError"} and not raises_again:
                    return True
    return False

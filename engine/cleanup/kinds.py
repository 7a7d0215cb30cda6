"""Guessing what an expression is from its form alone: a text, a number, a collection, a truth value."""

from __future__ import annotations

import ast

_RETURNS = {
    "text": {"str", "chr", "bin", "hex", "input", "repr"},
    "number": {"sum", "len", "ord", "abs", "int", "float", "round"},
    "collection": {
        "range",
        "sorted",
        "list",
        "enumerate",
        "zip",
        "map",
        "filter",
        "reversed",
        "set",
        "dict",
    },
    "truth": {"isinstance", "any", "all", "bool"},
}
_METHOD_RETURNS = {
    "text": {"join", "lower", "upper", "replace", "strip", "swapcase", "title", "lstrip", "rstrip"},
    "number": {"count", "index", "find", "sqrt", "floor", "ceil", "gcd", "factorial"},
    "collection": {"split", "keys", "values", "items"},
    "truth": {"isdigit", "isalpha", "isupper", "islower", "startswith", "endswith", "isalnum"},
}
_KIND_OF = {name: kind for kind, names in _RETURNS.items() for name in names}
_KIND_OF_METHOD = {name: kind for kind, names in _METHOD_RETURNS.items() for name in names}


def kind_of(node: ast.expr | None) -> str | None:
    """`text`, `number`, `collection` or `truth`, where the form of the expression tells."""
    if isinstance(node, ast.Constant):
        return {str: "text", int: "number", float: "number", bool: "truth"}.get(type(node.value))
    if isinstance(node, ast.JoinedStr):
        return "text"
    if isinstance(node, ast.Compare) or (
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    ):
        return "truth"
    if isinstance(node, ast.BoolOp):
        return "truth" if any(kind_of(value) == "truth" for value in node.values) else None
    if isinstance(
        node,
        ast.List | ast.Tuple | ast.Set | ast.Dict | ast.ListComp | ast.GeneratorExp | ast.SetComp,
    ):
        return "collection"
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name):
            return _KIND_OF.get(node.func.id)
        return _KIND_OF_METHOD.get(node.func.attr) if isinstance(node.func, ast.Attribute) else None
    if isinstance(node, ast.UnaryOp):
        return "number"
    if isinstance(node, ast.IfExp):
        return kind_of(node.body) or kind_of(node.orelse)
    if isinstance(node, ast.BinOp):
        sides = {kind_of(node.left), kind_of(node.right)}
        if isinstance(node.op, ast.Mult | ast.Mod) and sides & {"text", "collection"}:
            return "text" if "text" in sides else "collection"
        if isinstance(node.op, ast.Add):
            return next((side for side in sides if side), None)
        return None if "collection" in sides else "number"
    return None

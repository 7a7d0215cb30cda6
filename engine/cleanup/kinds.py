"""Guessing what an expression is from its form alone: a text, a number, a collection, a truth value."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from engine.cleanup.syntax import walk

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


_ANNOTATED = {
    "str": "text",
    "int": "number",
    "float": "number",
    "bool": "truth",
} | dict.fromkeys(
    ("list", "List", "dict", "Dict", "set", "Set", "tuple", "Tuple", "Sequence"), "collection"
)


def note_kinds(tree: ast.AST) -> None:
    """Let `kind_of` know the names of `tree` that are of one kind wherever they are bound.

    The kind is left at the nodes themselves, as their attribute `kind`.
    """
    kinds: dict[str, str | None] = {}
    nodes = walk(tree)
    for node in nodes:
        for name, kind in _bindings(node):
            kinds[name] = kind if kinds.get(name, kind) == kind else None
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and kinds.get(node.id):
            node.kind = kinds[node.id]  # type: ignore[attr-defined]


def _bindings(node: ast.AST) -> Iterator[tuple[str, str | None]]:
    match node:
        case ast.arg():
            annotation = node.annotation
            if isinstance(annotation, ast.Subscript):
                annotation = annotation.value
            name = annotation.id if isinstance(annotation, ast.Name) else ""
            yield node.arg, _ANNOTATED.get(name)
        case ast.Assign(targets=targets):
            for target in targets:
                yield from _of_target(target, _sure(node.value))
        case ast.AnnAssign() | ast.NamedExpr():
            yield from _of_target(node.target, _sure(node.value))
        case ast.For() | ast.AsyncFor() | ast.comprehension():
            yield from _of_items(node.target, node.iter)
        case ast.With() | ast.AsyncWith():
            for item in node.items:
                if item.optional_vars:
                    yield from _of_target(item.optional_vars, None)
        case ast.AugAssign(target=ast.Name(id=name), op=ast.Div()):
            yield name, "number"
        case (
            ast.ExceptHandler(name=str(name)) | ast.FunctionDef(name=name) | ast.ClassDef(name=name)
        ):
            yield name, None


def _of_target(target: ast.expr, kind: str | None) -> Iterator[tuple[str, str | None]]:
    if isinstance(target, ast.Name):
        yield target.id, kind
    elif isinstance(target, ast.Tuple | ast.List | ast.Starred):
        yield from ((part.id, None) for part in walk(target) if isinstance(part, ast.Name))


def _of_items(target: ast.expr, items: ast.expr) -> Iterator[tuple[str, str | None]]:
    """What a loop over `items` binds."""
    name = ""
    if isinstance(items, ast.Call) and isinstance(items.func, ast.Name):
        name = items.func.id
    if name == "enumerate" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
        yield from _of_target(target.elts[0], "number")
        yield from _of_target(target.elts[1], None)
    elif isinstance(items, ast.Constant) and isinstance(items.value, str):
        yield from _of_target(target, "text")
    else:
        yield from _of_target(target, "number" if name == "range" else None)


def _sure(value: ast.expr | None) -> str | None:
    """The kind of a value whose form alone settles it: `a * b` may be a text, too."""
    if isinstance(value, ast.BinOp):
        left, right = _sure(value.left), _sure(value.right)
        return left if left == right else None
    if isinstance(value, ast.IfExp):
        left, right = _sure(value.body), _sure(value.orelse)
        return left if left == right else None
    return None if isinstance(value, ast.Name | ast.UnaryOp) else kind_of(value)


def kind_of(node: ast.expr | None) -> str | None:
    """`text`, `number`, `collection` or `truth`, where the form of the expression tells."""
    if isinstance(node, ast.Constant):
        return {str: "text", int: "number", float: "number", bool: "truth"}.get(type(node.value))
    if isinstance(node, ast.Name):
        return getattr(node, "kind", None)
    if isinstance(node, ast.JoinedStr):
        return "text"
    if isinstance(node, ast.Subscript):
        kind = kind_of(node.value)
        return kind if kind == "text" or isinstance(node.slice, ast.Slice) else None
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

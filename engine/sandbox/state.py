"""Whether one call of a code may change what a later call gives: read from the source.

Tests of a code that keeps nothing can share a process; any other code gets a fresh one for each.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_CACHES = frozenset({"lru_cache", "cache"})
_PURE_CALLS = frozenset({
    *("float", "int", "str", "bool", "complex", "frozenset", "tuple", "range", "ord", "chr", "len"),
    *("abs", "pow", "round", "compile", "TypeVar"),
})  # fmt: skip
# Who is given a container and keeps no hold of it.
_READERS = frozenset({
    *("len", "sorted", "set", "list", "tuple", "dict", "sum", "min", "max", "enumerate", "zip"),
    *("any", "all", "reversed", "frozenset"),
})  # fmt: skip
_READING_METHODS = frozenset({"get", "items", "keys", "values", "index", "count", "copy"})


def keeps_state(tree: ast.Module) -> bool:
    """Whether anything of the module may be changed by a call. In doubt it may."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    containers: set[str] = set()
    for statement in tree.body:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.Expr() | ast.Assert():
                pass
            case ast.Assign(value=value) | ast.AnnAssign(value=value):
                if _is_container(value):
                    containers |= set(_bound(statement))
                elif value is not None and not _is_fixed(value):
                    return True
            case ast.If() if "__name__" in {n.id for n in _names(statement.test)}:
                pass
            case _:
                return True
    return any(_may_change(node, parents, containers) for node in ast.walk(tree))


def _names(node: ast.AST) -> Iterator[ast.Name]:
    return (part for part in ast.walk(node) if isinstance(part, ast.Name))


def _bound(node: ast.stmt) -> Iterator[str]:
    return (name.id for name in _names(node) if isinstance(name.ctx, ast.Store))


def _may_change(node: ast.AST, parents: dict[ast.AST, ast.AST], containers: set[str]) -> bool:
    match node:
        case ast.Global() | ast.ClassDef():
            return True
        case ast.Attribute(ctx=context):
            return not isinstance(context, ast.Load)
        case ast.arguments(defaults=defaults, kw_defaults=keywords):
            return not all(d is None or _is_fixed(d) for d in (*defaults, *keywords))
        case ast.FunctionDef(decorator_list=decorators):
            return not all(_is_cache(decorator) for decorator in decorators)
        case ast.Name(id="getattr"):
            return True
        case ast.Name(id=name, ctx=ast.Load()) if name in containers:
            return not _is_only_read(node, parents)
        case ast.Name(id=name) if name in containers:
            # Bound where it was found; anywhere else it is another name's shadow, which is harmless.
            return False
        case _:
            return False


def _is_cache(decorator: ast.expr) -> bool:
    """A cache of functools: the code's process empties those between tests."""
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in _CACHES


def _is_fixed(value: ast.expr) -> bool:
    """A value that nothing can change."""
    match value:
        case ast.Constant() | ast.Name() | ast.Attribute() | ast.Subscript():
            return True
        case ast.UnaryOp(operand=operand):
            return _is_fixed(operand)
        case ast.BinOp(left=left, right=right):
            return _is_fixed(left) and _is_fixed(right)
        case ast.Tuple(elts=parts):
            return all(map(_is_fixed, parts))
        case ast.Call(func=function, args=arguments):
            name = function.attr if isinstance(function, ast.Attribute) else ""
            name = function.id if isinstance(function, ast.Name) else name
            return name in _PURE_CALLS and all(map(_is_fixed, arguments))
        case _:
            return False


def _is_container(value: ast.expr | None) -> bool:
    """A display of fixed values."""
    match value:
        case ast.List(elts=parts) | ast.Set(elts=parts):
            return all(map(_is_fixed, parts))
        case ast.Dict(keys=keys, values=values):
            return all(key is not None and _is_fixed(key) for key in keys) and all(
                map(_is_fixed, values)
            )
        case _:
            return False


def _is_only_read(name: ast.Name, parents: dict[ast.AST, ast.AST]) -> bool:
    parent = parents[name]
    match parent:
        case ast.Subscript(value=value, ctx=ast.Load()):
            return value is name
        case ast.Compare():
            return True
        case ast.For(iter=iterated) | ast.comprehension(iter=iterated):
            return iterated is name
        case ast.Call(func=ast.Name(id=function)):
            return function in _READERS
        case ast.Attribute(attr=attribute, ctx=ast.Load()):
            return attribute in _READING_METHODS
        case _:
            return False

"""Which names a piece of syntax uses, binds and changes."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

from engine.cleanup.syntax import children, walk

_WORD = re.compile(r"[^\W\d]\w*")
_DYNAMIC = frozenset({"eval", "exec", "globals", "locals", "vars", "__import__"})
_MODULE_NAMES = frozenset(
    {"__name__", "__file__", "__doc__", "__package__", "__spec__", "__builtins__", "__all__"}
)
ALWAYS_DEFINED = frozenset(dir(builtins)) | _MODULE_NAMES | {"__class__"}


def used(node: ast.AST) -> set[str]:
    """Every name that is read anywhere in `node`, also in annotations written as strings."""
    names: set[str] = set()
    for child in walk(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
            names.add(child.id)
        elif isinstance(child, ast.AugAssign) and isinstance(child.target, ast.Name):
            names.add(child.target.id)
        elif isinstance(child, ast.Global):
            names.update(child.names)
        names.update(_quoted_annotations(child))
    return names


def _quoted_annotations(node: ast.AST) -> Iterator[str]:
    """Names in the string parts of annotations: `x: "list[Node]"`."""
    annotations: list[ast.AST | None] = []
    if isinstance(node, ast.arg | ast.AnnAssign):
        annotations.append(node.annotation)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        annotations.append(node.returns)
    elif isinstance(node, ast.Call) and _is_typing(node.func):
        annotations.extend(node.args)
    for annotation in annotations:
        if annotation is None:
            continue
        for part in walk(annotation):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield from _WORD.findall(part.value)


def _is_typing(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id in {"cast", "TypeVar", "NewType"}


def bound(node: ast.AST) -> set[str]:
    """Every name that anything in `node` binds, in whatever scope."""
    names: set[str] = set()
    for child in walk(node):
        if isinstance(child, ast.Name):
            if not isinstance(child.ctx, ast.Load):
                names.add(child.id)
        elif isinstance(child, ast.arg):
            names.add(child.arg)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(child.name)
        elif isinstance(child, ast.alias):
            names.add(alias_name(child))
        elif isinstance(child, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            if child.name:
                names.add(child.name)
        elif isinstance(child, ast.MatchMapping):
            if child.rest:
                names.add(child.rest)
        elif type(child).__name__ in {"TypeVar", "ParamSpec", "TypeVarTuple"}:
            names.add(str(getattr(child, "name", "")))
    return names


def alias_name(alias: ast.alias) -> str:
    """The name that one part of an import statement binds."""
    return alias.asname or alias.name.partition(".")[0]


def bound_at_top(statement: ast.stmt) -> set[str]:
    """The module-level names that a top-level statement binds, changes or deletes.

    `TABLE["a"] = 1`, `CACHE.update(x)` and `f.calls = 0` change `TABLE`, `CACHE` and `f`.
    """
    names: set[str] = set()
    for node in _outer(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                names.add(node.id)
        elif isinstance(node, ast.Attribute | ast.Subscript):
            if not isinstance(node.ctx, ast.Load):
                names.update(root_name(node))
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                names.update(root_name(node.func))
        elif isinstance(node, ast.alias):
            names.add(alias_name(node))
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
    return names


def _outer(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without the insides of the functions and classes it defines."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        pending.extend(children(node))


def root_name(node: ast.expr) -> set[str]:
    """`{"a"}` for `a.b[0].c`, and nothing for what does not begin with a name."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def is_dynamic(tree: ast.AST) -> bool:
    """Whether names may be reached in ways that the syntax does not show."""
    return any(isinstance(node, ast.Name) and node.id in _DYNAMIC for node in walk(tree))


def undefined(tree: ast.Module) -> set[str]:
    """Names that are read somewhere and bound nowhere."""
    if any(isinstance(node, ast.alias) and node.name == "*" for node in walk(tree)):
        return set()
    return used(tree) - bound(tree) - ALWAYS_DEFINED

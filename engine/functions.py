"""What a syntax tree says of the functions in it. Every walk is a loop: no tree is too deep."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def find_function(tree: ast.Module, qualname: str) -> FunctionNode | None:
    """The function at the dotted path `qualname`, through classes and functions.

    The last definition of a name wins, as it does when the module runs; but a property is its getter.
    """
    scope: ast.AST = tree
    for name in qualname.split("."):
        found = [d for d in definitions(scope) if d.name == name]
        if not found:
            return None
        scope = next((d for d in reversed(found) if not _is_accessor(d)), found[-1])
    return scope if isinstance(scope, FunctionNode) else None


def definitions(scope: ast.AST) -> Iterator[Definition]:
    """The functions and classes directly in `scope`, those under an `if` or `try` included."""
    pending = list(ast.iter_child_nodes(scope))[::-1]
    while pending:
        child = pending.pop()
        if isinstance(child, Definition):
            yield child
        elif isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            pending += list(ast.iter_child_nodes(child))[::-1]


def _is_accessor(node: Definition) -> bool:
    """Whether it adds a setter or a deleter to the property that was defined above it."""
    return any(
        isinstance(d, ast.Attribute) and d.attr in {"setter", "deleter"}
        for d in node.decorator_list
    )


def docstring_node(node: FunctionNode) -> ast.Expr | None:
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str())) as first:
            return first
    return None


def after_docstring(node: FunctionNode) -> list[ast.stmt]:
    return node.body[1:] if docstring_node(node) else node.body


def statement_does_nothing(statement: ast.stmt) -> bool:
    """Whether it only says that a body is missing: `pass`, `...` or `raise NotImplementedError`."""
    match statement:
        case ast.Pass():
            return True
        case ast.Expr(value=ast.Constant(value=value)):
            return value is ...
        case ast.Raise(exc=ast.Name(id="NotImplementedError")):
            return True
        case ast.Raise(exc=ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
    return False


def does_nothing(node: FunctionNode) -> bool:
    """Whether the body is nothing but a docstring and placeholders."""
    return all(statement_does_nothing(statement) for statement in after_docstring(node))


def signature(node: FunctionNode) -> tuple[bool, tuple[str, ...]]:
    """What callers rely on: whether it is async, and its parameters with their kinds, in order."""
    a = node.args
    names = [f"/{p.arg}" for p in a.posonlyargs] + [p.arg for p in a.args]
    names += [f"*{a.vararg.arg}"] if a.vararg else []
    names += [f"={p.arg}" for p in a.kwonlyargs]
    names += [f"**{a.kwarg.arg}"] if a.kwarg else []
    return isinstance(node, ast.AsyncFunctionDef), tuple(names)


def first_line(statement: ast.stmt) -> int:
    """The statement's first line, its decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(d.lineno for d in decorators)])


def bound_names(statements: Sequence[ast.stmt]) -> set[str]:
    """Names that these module-level statements bind when they run.

    What only a type checker reads (`if TYPE_CHECKING:`) is not bound then.
    """
    names: set[str] = set()
    pending: list[ast.AST] = list(statements)
    while pending:
        node = pending.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Lambda():
                pass
            case ast.comprehension():
                pending += [node.iter, *node.ifs]
            case ast.If() if _is_type_checking(node.test):
                pending += node.orelse
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.alias():
                names.add(bound_by(node))
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                names.add(name)
                pending += ast.iter_child_nodes(node)
            case ast.MatchMapping(rest=str(rest)):
                names.add(rest)
                pending += ast.iter_child_nodes(node)
            case _:
                pending += ast.iter_child_nodes(node)
    return names


def bound_by(alias: ast.alias) -> str:
    """The name that one part of an import binds: `a` for `a.b`."""
    return (alias.asname or alias.name).partition(".")[0]


def _is_type_checking(test: ast.expr) -> bool:
    match test:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name == "TYPE_CHECKING"
    return False


def mentioned_names(statements: Sequence[ast.stmt]) -> set[str]:
    """Every name that is read, written or declared global anywhere in `statements`."""
    names: set[str] = set()
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Global):
                names.update(node.names)
    return names


def same_trees(before: Sequence[ast.AST], after: Sequence[ast.AST]) -> bool:
    """Whether the trees are equal but for positions."""
    pending: list[tuple[object, object]] = [(list(before), list(after))]
    while pending:
        a, b = pending.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                return False
            pending += zip(a, b, strict=True)
        elif isinstance(a, ast.AST):
            pending += [(getattr(a, f, None), getattr(b, f, None)) for f in a._fields]
        elif a != b:
            return False
    return True

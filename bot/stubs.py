"""Finds stub functions in source text and makes a `FunctionSpec` of one. Pure."""

from __future__ import annotations

import ast
import difflib
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from bot.examples import examples_in
from engine.cleanup import syntax
from engine.context import docstring
from engine.errors import BadInput
from engine.functions import (
    FunctionNode,
    after_docstring,
    definitions,
    does_nothing,
    find_function,
    statement_does_nothing,
)
from engine.spec import FunctionSpec

_NEVER_BODIES = {
    "abstractmethod",
    "abstractproperty",
    "abstractclassmethod",
    "abstractstaticmethod",
    "overload",
}


@dataclass(frozen=True, slots=True)
class Stub:
    """A stub function: its dotted path in the module, and its first and last line (1-based)."""

    qualname: str
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Body:
    """A function that has one: its dotted path in the module, its line (1-based), and its source."""

    qualname: str
    line: int
    source: str


def find_stubs(source: str, *, path: str = "module.py") -> list[Stub]:
    """Every stub function in the order of the file; none in a `.pyi` file, which has only stubs.

    Raises BadInput when the file does not parse.
    """
    if path.endswith(".pyi"):
        return []
    tree = parse(source, path)
    return [
        Stub(qualname, node.lineno, node.end_lineno or node.lineno)
        for qualname, node, parents in _functions(tree, "", ())
        if does_nothing(node)
        and not _is_declaration(node, parents)
        # A definition that a later one of its name replaces is never called, nor can it be named.
        and find_function(tree, qualname) is node
    ]


def bodies(source: str, *, path: str = "module.py") -> list[Body]:
    """The functions and methods of `source` that have a body, in its order; none of another's inside.

    Raises BadInput when the source does not parse.
    """
    lines = source.split("\n")
    found = []
    for qualname, node, parents in _functions(parse(source, path), "", ()):
        inner = any(isinstance(parent, FunctionNode) for parent in parents)
        if inner or does_nothing(node) or _is_declaration(node, parents):
            continue
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        text = "\n".join(lines[first - 1 : node.end_lineno])
        found.append(Body(qualname, node.lineno, f"{textwrap.dedent(text)}\n"))
    return found


def parse(source: str, path: str) -> ast.Module:
    tree = syntax.parse(source)
    if isinstance(tree, syntax.Fault):
        raise BadInput(f"{path}:{tree.line}: does not parse: {tree.message}")
    return tree


def spec_from_source(source: str, qualname: str, *, path: str = "module.py") -> FunctionSpec:
    """The spec of the stub `qualname` in `source`.

    Raises BadInput when the file does not parse, has no such function (near names are offered), or
    when the function has a body already.
    """
    tree = parse(source, path)
    node = find_function(tree, qualname)
    if node is None:
        raise BadInput(_no_such_function(tree, source, qualname, path))
    if not does_nothing(node):
        raise BadInput(
            f"{path}::{qualname} is not a stub: it has a body already"
            f" (line {_first_real_statement(node).lineno})"
        )
    parents = next(p for _, n, p in _functions(tree, "", ()) if n is node)
    if path.endswith(".pyi") or _is_declaration(node, parents):
        raise BadInput(f"{path}::{qualname} is a declaration that never gets a body")
    description = ast.get_docstring(node) or ""
    return FunctionSpec(
        qualname=qualname,
        prototype=prototype_of(node),
        description=description,
        module=source,
        examples=tuple(examples_in(description, node.name)),
        path=path,
    )


def spec_from_prototype(prototype: str, description: str) -> FunctionSpec:
    """The spec of a function that is given by its prototype alone, in a module of its own.

    Raises BadInput when the prototype is not the head of exactly one function.
    """
    shown = " ".join(prototype.split())
    given = syntax.parse(prototype.strip())
    if isinstance(given, syntax.Fault):
        given = syntax.parse(f"{prototype.strip().removesuffix(':')}:\n    ...\n")
    if isinstance(given, syntax.Fault):
        raise BadInput(f"the prototype does not parse: {shown!r}; write it as 'def name(a, b)'")
    if len(given.body) != 1 or not isinstance(given.body[0], FunctionNode):
        raise BadInput(f"the prototype must be one function: {shown!r}")
    node = given.body[0]
    if len(node.body) != 1 or not statement_does_nothing(node.body[0]):
        raise BadInput(f"the prototype has a body: {shown!r}; give '{prototype_of(node)}' alone")
    if node.decorator_list:
        raise BadInput(
            f"the prototype has decorators: {shown!r}; give '{prototype_of(node)}' alone"
        )
    doc = f"    {docstring(description.strip(), '    ')}\n" if description.strip() else ""
    module = f"{prototype_of(node)}\n{doc}    raise NotImplementedError\n"
    return spec_from_source(module, node.name, path="stub.py")


def prototype_of(node: FunctionNode) -> str:
    """The definition's line up to the colon, as Python writes it."""
    bare = type(node)(
        name=node.name,
        args=node.args,
        body=[ast.Pass()],
        decorator_list=[],
        returns=node.returns,
        type_comment=None,
        lineno=1,
        col_offset=0,
        **({"type_params": node.type_params} if hasattr(node, "type_params") else {}),
    )
    return ast.unparse(bare).removesuffix("pass").rstrip()


def _first_real_statement(node: FunctionNode) -> ast.stmt:
    return next(s for s in after_docstring(node) if not statement_does_nothing(s))


def _functions(
    scope: ast.AST, prefix: str, parents: tuple[ast.AST, ...]
) -> Iterator[tuple[str, FunctionNode, tuple[ast.AST, ...]]]:
    for node in definitions(scope):
        qualname = f"{prefix}{node.name}"
        if not isinstance(node, ast.ClassDef):
            yield qualname, node, parents
        yield from _functions(node, f"{qualname}.", (*parents, node))


def _is_declaration(node: FunctionNode, parents: tuple[ast.AST, ...]) -> bool:
    """Abstract methods, overloads and protocol members: meant to have no body."""
    if any(_last_name(decorator) in _NEVER_BODIES for decorator in node.decorator_list):
        return True
    owner = parents[-1] if parents else None
    return isinstance(owner, ast.ClassDef) and any(_last_name(b) == "Protocol" for b in owner.bases)


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            return _last_name(inner)
    return ""


def _no_such_function(tree: ast.Module, source: str, qualname: str, path: str) -> str:
    names = [name for name, _, _ in _functions(tree, "", ())]
    near = difflib.get_close_matches(qualname, names, n=3, cutoff=0.5)
    if near:
        return f"{path} has no function {qualname}; did you mean {' or '.join(near)}?"
    stubs = ", ".join(stub.qualname for stub in find_stubs(source, path=path))
    return f"{path} has no function {qualname}; its stubs are: {stubs or 'none'}"

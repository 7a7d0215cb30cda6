"""Keeping what the entry point needs: imports, functions, classes, constants. The rest goes.

Statements are cut out of the text by their positions, so what stays keeps its own comments.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.cleanup.names import alias_name, bound_at_top, is_dynamic, used
from engine.cleanup.syntax import parse, walk

_WORD = re.compile(r"[^\W\d]\w*")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What is left of a module, and what was dropped, in words."""

    source: str
    edits: tuple[str, ...]


def prune(code: str, tree: ast.Module, *, entry_point: str | None = None) -> Pruned:
    """Drop from `code`, whose tree is `tree`, what `entry_point` does not need.

    Without an entry point, or without its definition, every definition is needed.
    """
    kept = _kept(tree, entry_point)
    chosen = {id(node) for node in kept}
    lines = split_lines(code)
    alive: set[str] = set().union(*(used(node) for node in kept if not isinstance(node, _IMPORTS)))
    keep_all_imports = any(is_dynamic(node) for node in kept)
    edits: list[str] = []
    pieces: list[str] = []
    for node in tree.body:
        if id(node) not in chosen:
            edits.append(f"dropped {_describe(node)}")
        elif isinstance(node, _IMPORTS) and not keep_all_imports:
            text = _import_text(node, alive, lines)
            if text:
                pieces.append(text)
            if text is None or text != segment(lines, node):
                edits.append("dropped an unused import")
        else:
            pieces.append(segment(lines, node))
    return Pruned("\n".join(pieces) + "\n" if pieces else "", tuple(edits))


def without_unused_imports(code: str) -> str:
    """`code` without the top-level imports whose names it never uses."""
    tree = parse(code)
    if not isinstance(tree, ast.Module) or is_dynamic(tree):
        return code
    rest = [node for node in tree.body if not isinstance(node, _IMPORTS)]
    alive: set[str] = set().union(*(used(node) for node in rest))
    lines = split_lines(code)
    pieces = [
        _import_text(node, alive, lines) if isinstance(node, _IMPORTS) else segment(lines, node)
        for node in tree.body
    ]
    return "\n".join(piece for piece in pieces if piece) + "\n"


def _kept(tree: ast.Module, entry_point: str | None) -> list[ast.stmt]:
    sets = {node.name: _globals_of(node) for node in tree.body if isinstance(node, _DEFINITIONS)}
    binds = {
        # A function is needed for the module's names that it sets, too, whoever calls it.
        id(node): bound_at_top(node) | sets.get(getattr(node, "name", _called(node)), frozenset())
        for node in tree.body
    }
    if any(is_dynamic(node) for node in tree.body if isinstance(node, _DEFINITIONS)):
        return [
            node
            for node in tree.body
            if not _is_driver(node) and (_called(node) not in sets or binds[id(node)])
        ]
    by_name = [node for node in tree.body if isinstance(node, _DEFINITIONS)]
    # Tests among code go; where there is nothing else they are what was asked for.
    by_name = [node for node in by_name if not _is_test(node)] or by_name
    roots = [node for node in tree.body if entry_point and entry_point in binds[id(node)]]
    kept: set[int] = set()
    pending: list[ast.stmt] = [node for node in roots if not _is_driver(node)]
    if not any(isinstance(node, _DEFINITIONS) for node in pending) and entry_point is None:
        pending = [node for node in tree.body if node in by_name or _is_constant(node)]
    elif not pending:
        pending = list(by_name)
    names = frozenset(node.name for node in tree.body if isinstance(node, _DEFINITIONS))
    needed: set[str] = set()
    waiting = [node for node in tree.body if not _is_driver(node)]
    while pending:
        for node in pending:
            kept.add(id(node))
            needed |= used(node) | _documented(node, names)
            needed |= binds[id(node)] if not isinstance(node, _IMPORTS) else set()
        waiting = [node for node in waiting if id(node) not in kept]
        pending = [node for node in waiting if _serves(node, binds[id(node)], needed)]
    return [node for node in tree.body if id(node) in kept]


def _called(node: ast.stmt) -> str:
    """`init` for the statement `init()`, and nothing for others."""
    call = node.value if isinstance(node, ast.Expr) else None
    is_plain = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    return call.func.id if is_plain else ""  # type: ignore[union-attr]


def _globals_of(node: ast.AST) -> frozenset[str]:
    """The module's names that a call of the function sets."""
    return frozenset(
        name for part in walk(node) if isinstance(part, ast.Global) for name in part.names
    )


def _documented(node: ast.stmt, names: frozenset[str]) -> set[str]:
    """Functions that a docstring names: "decodes what encode_shift wrote" needs `encode_shift`."""
    if not isinstance(node, _DEFINITIONS):
        return set()
    words = set(_WORD.findall(ast.get_docstring(node, clean=False) or ""))
    return {name for name in names & words if "_" in name.strip("_") or name.lower() != name}


def _serves(node: ast.stmt, binds: set[str], needed: set[str]) -> bool:
    if isinstance(node, ast.ImportFrom) and (
        node.module == "__future__" or any(alias.name == "*" for alias in node.names)
    ):
        return True
    return bool(binds & needed) or _sets_a_limit(node)


def _sets_a_limit(node: ast.stmt) -> bool:
    """`sys.setrecursionlimit(n)` is a statement that functions need without naming it."""
    call = node.value if isinstance(node, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in {"setrecursionlimit", "set_int_max_str_digits"}
    )


def _is_driver(node: ast.stmt) -> bool:
    """`if __name__ == "__main__":`, and calls that print."""
    if isinstance(node, ast.If):
        return any(isinstance(part, ast.Name) and part.id == "__name__" for part in walk(node.test))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        function = node.value.func
        return isinstance(function, ast.Name) and function.id in {"print", "main", "input", "exit"}
    return isinstance(node, ast.Assert)


def _is_test(node: ast.stmt) -> bool:
    """A test or a main program: a definition that no code needs and that others may have."""
    if isinstance(node, ast.ClassDef):
        bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        return "TestCase" in bases or bool(re.match(r"Test[A-Z]", node.name) and not bases)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name.startswith("test_") or (node.name == "main" and not node.args.args)
    return False


def _is_constant(node: ast.stmt) -> bool:
    if isinstance(node, ast.AnnAssign):
        return node.value is not None
    if type(node).__name__ == "TypeAlias":
        return True
    return isinstance(node, ast.Assign) and all(isinstance(t, ast.Name) for t in node.targets)


def _import_text(
    node: ast.Import | ast.ImportFrom, alive: set[str], lines: Sequence[str]
) -> str | None:
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return segment(lines, node)
    names = [alias for alias in node.names if alias.name == "*" or alias_name(alias) in alive]
    if not names:
        return None
    if len(names) == len(node.names):
        return segment(lines, node)
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(names=names))
    return ast.unparse(ast.ImportFrom(module=node.module, names=names, level=node.level))


def _describe(node: ast.stmt) -> str:
    if isinstance(node, _DEFINITIONS):
        return f"{node.name}, which is not needed"
    if isinstance(node, _IMPORTS):
        return "an unused import"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return "a string of the module"
    return f"a top-level statement in line {node.lineno}"


def segment(lines: Sequence[str], node: ast.stmt) -> str:
    """The text of a top-level statement: decorators first, a comment at its end included."""
    decorators: Sequence[ast.expr] = getattr(node, "decorator_list", ())
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    last = node.end_lineno or node.lineno
    start = node.col_offset if first == node.lineno else 0
    end = node.end_col_offset or 0
    body = list(lines[first - 1 : last])
    tail = body[-1].encode()[end:].decode()
    if tail.lstrip().startswith("#"):
        end = len(body[-1].encode())
    body[-1] = body[-1].encode()[:end].decode().rstrip()
    body[0] = body[0].encode()[start:].decode()
    return "\n".join(body)


def split_lines(code: str) -> list[str]:
    """Lines as the parser counts them: `str.splitlines` also splits at form feeds and their like."""
    return code.replace("\r\n", "\n").replace("\r", "\n").split("\n")

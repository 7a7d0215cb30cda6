"""Names that a function reads before they are sure to have a value, or sets and never reads."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from engine.cleanup.syntax import walk

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
UNSURE = 0.4
UNREAD = 0.3


def unsteady_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> float:
    """How odd the function's use of its own variables is."""
    own = _stores(function)
    given = {node.arg for node in walk(function) if isinstance(node, ast.arg)}
    given |= {
        node.name for node in walk(function) if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    free = {
        name
        for node in walk(function)
        if isinstance(node, ast.Global | ast.Nonlocal)
        for name in node.names
    }
    follow = _Walk(frozenset(own - given - free))
    follow.block(function.body, set())
    return UNSURE * len(follow.unsure) + _unread(function, own - free)


class _Walk:
    """Follows a body statement by statement with the set of names that surely have a value."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names
        self.unsure: set[str] = set()

    def block(self, body: Sequence[ast.stmt], known: set[str]) -> set[str] | None:
        """The names known behind `body`, or None where control does not get there."""
        current: set[str] | None = set(known)
        for statement in body:
            current = self.statement(statement, current if current is not None else set(self.names))
        return current

    def statement(self, node: ast.stmt, known: set[str]) -> set[str] | None:
        if isinstance(node, _FUNCTIONS):
            return known
        if isinstance(node, _LEAVES):
            self.reads(node, known)
            return None
        if isinstance(node, ast.If):
            self.reads(node.test, known)
            after = known | _stores(node.test)
            return _joined(self.block(node.body, after), self.block(node.orelse, after))
        if isinstance(node, ast.For | ast.AsyncFor):
            self.reads(node.iter, known)
            self.block(node.body, known | _stores(node.target))
            return self.block(node.orelse, known) or known
        if isinstance(node, ast.While):
            self.reads(node.test, known)
            inside = self.block(node.body, known | _stores(node.test))
            return (inside or known) if isinstance(node.test, ast.Constant) else known
        if isinstance(node, ast.Try):
            return self.guarded(node, known)
        if isinstance(node, ast.With | ast.AsyncWith):
            return self.block(node.body, known.union(*(_stores(item) for item in node.items)))
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            self.unsure |= {node.target.id} & (self.names - known)
        self.reads(node, known)
        return known | _stores(node)

    def guarded(self, node: ast.Try, known: set[str]) -> set[str] | None:
        tried = self.block([*node.body, *node.orelse], known)
        for handler in node.handlers:
            tried = _joined(tried, self.block(handler.body, known | {handler.name or ""}))
        if node.finalbody:
            return self.block(node.finalbody, tried if tried is not None else known)
        return tried

    def reads(self, node: ast.AST, known: set[str]) -> None:
        inner: set[str] = set()
        for part in walk(node):
            if isinstance(part, ast.comprehension | ast.NamedExpr):
                inner |= _stores(part.target)
        doubtful = self.names - known - inner
        for part in walk(node):
            if (
                isinstance(part, ast.Name)
                and isinstance(part.ctx, ast.Load)
                and part.id in doubtful
            ):
                self.unsure.add(part.id)


def _joined(one: set[str] | None, other: set[str] | None) -> set[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _stores(node: ast.AST) -> set[str]:
    return {
        part.id
        for part in walk(node)
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)
    }


def _unread(function: ast.AST, names: set[str]) -> float:
    """Values that nothing reads afterwards: neither further down nor round the same loop."""
    loads: dict[str, list[int]] = {}
    loops: list[tuple[int, int]] = []
    for node in walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            loads.setdefault(node.id, []).append(node.lineno)
        elif isinstance(node, ast.For | ast.While | ast.FunctionDef) and node is not function:
            loops.append((node.lineno, node.end_lineno or node.lineno))
    total = 0.0
    for node in walk(function):
        if not isinstance(node, ast.Assign | ast.AugAssign):
            continue
        for name in _stores(node) & names - {"_"}:
            first = min(
                [node.lineno + 1, *(start for start, end in loops if start <= node.lineno <= end)]
            )
            if not any(line >= first for line in loads.get(name, ())):
                total += UNREAD
    return total

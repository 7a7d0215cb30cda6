"""Turning whatever a model calls a test into a module of plain pytest functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from engine.cleanup.copies import FunctionNode, WithoutCopies, holders, is_known, right_import
from engine.cleanup.names import alias_name, bound_at_top, used
from engine.cleanup.unittests import functions_of_class


def import_line(import_name: str) -> str:
    """How a test reaches the code."""
    return f"from {import_name} import {import_name}"


def normalise(
    tree: ast.Module, *, entry_point: str, import_name: str
) -> tuple[ast.Module, list[str]]:
    """A module of one right import, helpers and `test_…` functions; and what was changed.

    Definitions of the thing under test go: a test that tests its own copy proves nothing.
    """
    edits: list[str] = []
    classes = holders(tree, entry_point) if entry_point == import_name else set()
    tree = _RewriteAccess(tree, entry_point=entry_point, import_name=import_name).visit(tree)
    body: list[ast.stmt] = []
    loose: list[ast.stmt] = []
    for node in _flattened(tree.body, edits):
        if isinstance(node, ast.Import | ast.ImportFrom):
            kept = right_import(node, {entry_point, import_name}, edits)
            body.extend([kept] if kept else [])
        elif isinstance(node, FunctionNode | ast.ClassDef) and node.name in {
            entry_point,
            import_name,
        }:
            edits.append(f"removed the test's own copy of {node.name}")
        elif isinstance(node, ast.ClassDef):
            functions = functions_of_class(node)
            if functions is None:
                body.append(node)
            else:
                edits.append(f"turned class {node.name} into functions")
                left = _names_of_tests(node.body) - _names_of_tests(functions)
                edits.extend(f"left out {name}, which needs its class" for name in sorted(left))
                body.extend(functions)
        elif isinstance(node, FunctionNode) or _is_plain_constant(node, import_name):
            body.append(node)
        elif isinstance(checked := _as_assert(node), ast.Assert):
            loose.append(checked)
        elif _is_print(node) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            edits.append("dropped a top-level statement")
        else:
            loose.append(node)
    body = [_as_test(node, entry_point, edits) for node in body]
    if any(isinstance(part, ast.Assert) for node in loose for part in ast.walk(node)):
        edits.append("put loose asserts into a test function")
        body.append(_function(f"test_{entry_point}", loose))
    elif loose:
        edits.append("dropped top-level statements")
    copies = WithoutCopies(entry_point, {entry_point, import_name}, classes, edits)
    body = _reached([copies.rewrite(node) for node in body])
    first = ast.parse(import_line(import_name)).body
    result = ast.Module(body=[*first, *_unique(body)], type_ignores=[])
    result = _RunCoroutines().visit(result)
    return ast.fix_missing_locations(result), edits


def _flattened(body: list[ast.stmt], edits: list[str]) -> Iterator[ast.stmt]:
    """Statements, with what `if __name__ == "__main__":` guards only where it asserts something."""
    for node in body:
        if isinstance(node, ast.If) and "__name__" in {
            part.id for part in ast.walk(node.test) if isinstance(part, ast.Name)
        }:
            edits.append("removed the main guard")
            yield from (inner for inner in node.body if isinstance(inner, ast.Assert))
        else:
            yield node


def _names_of_tests(body: list[ast.stmt]) -> set[str]:
    functions = (node for node in body if isinstance(node, FunctionNode))
    return {node.name for node in functions if node.name.startswith("test")}


def _as_assert(node: ast.stmt) -> ast.stmt:
    """A comparison that is thrown away, printed or returned as the assert that it was meant to be."""
    value = node.value if isinstance(node, ast.Expr | ast.Return) else None
    if isinstance(value, ast.Call) and len(value.args) == 1 and ast.unparse(value.func) == "print":
        value = value.args[0]
    if isinstance(value, ast.Compare):
        return ast.copy_location(ast.Assert(value, None), node)
    return node


def _reached(body: list[ast.stmt]) -> list[ast.stmt]:
    """Tests, fixtures and what they need; helpers of the removed code go with it."""
    kept = {id(node) for node in body if _is_root(node)}
    if not kept:
        return body
    needed: set[str] = set()
    pending = [node for node in body if id(node) in kept]
    while pending:
        for node in pending:
            kept.add(id(node))
            needed |= used(node) | {
                part.arg for part in ast.walk(node) if isinstance(part, ast.arg)
            }
        pending = [node for node in body if id(node) not in kept and bound_at_top(node) & needed]
    return [node for node in body if id(node) in kept]


def _is_root(node: ast.stmt) -> bool:
    if isinstance(node, FunctionNode):
        marks = [ast.unparse(mark) for mark in node.decorator_list]
        return node.name.startswith("test") or any("fixture" in mark for mark in marks)
    return isinstance(node, ast.ClassDef) and node.name.startswith("Test")


def _as_test(node: ast.stmt, entry_point: str, edits: list[str]) -> ast.stmt:
    """A function that asserts and takes nothing is a test, whatever it is called.

    `def check(candidate)` is the form of HumanEval: its parameter is the function under test.
    """
    if isinstance(node, FunctionNode) and node.name.startswith("test"):
        node.body = [_as_assert(statement) for statement in node.body]
    if not isinstance(node, FunctionNode) or node.name.startswith("test"):
        return node
    if not any(isinstance(part, ast.Assert) for part in node.body):
        return node
    arguments = node.args.args
    if len(arguments) == 1 and arguments[0].arg in {"candidate", entry_point, "func", "fn"}:
        name = arguments[0].arg
        if name != entry_point:
            rename = _Rename(name, entry_point)
            node.body = [rename.visit(statement) for statement in node.body]
        node.args.args = []
    if node.args.args or any(
        isinstance(part, ast.Return) and part.value for part in ast.walk(node)
    ):
        return node
    edits.append(f"made {node.name} a test function")
    node.name = f"test_{node.name}" if node.name != "check" else f"test_{entry_point}"
    return node


def _function(name: str, body: list[ast.stmt]) -> ast.FunctionDef:
    shell = ast.parse(f"def {name}():\n    pass").body[0]
    assert isinstance(shell, ast.FunctionDef)
    shell.body = list(body)
    return shell


def _unique(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Two tests of one name would hide one another: the second gets a number."""
    seen: set[str] = set()
    for node in body:
        if isinstance(node, FunctionNode) and node.name.startswith("test"):
            name, number = node.name, 1
            while node.name in seen:
                number += 1
                node.name = f"{name}_{number}"
            seen.add(node.name)
        yield node


def _is_print(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name | ast.Attribute)
        and ast.unparse(node.value.func) in {"print", "unittest.main", "pytest.main", "main"}
    )


def _is_plain_constant(node: ast.stmt, name: str) -> bool:
    """An assignment that does not call the code under test while pytest is still collecting."""
    return isinstance(node, ast.Assign | ast.AnnAssign) and not any(
        isinstance(part, ast.Name) and part.id == name for part in ast.walk(node)
    )


class _Rename(ast.NodeTransformer):
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return (
            ast.copy_location(ast.Name(self.new, node.ctx), node) if node.id == self.old else node
        )


class _RewriteAccess(ast.NodeTransformer):
    """`solution.factorial(3)` becomes `factorial(3)` where `solution` is an unknown module."""

    def __init__(self, tree: ast.Module, *, entry_point: str, import_name: str) -> None:
        self.import_name = import_name
        self.renamed: dict[str, str] = {}
        self.modules: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self.modules |= {
                    alias_name(alias)
                    for alias in node.names
                    if not is_known(alias.name.partition(".")[0]) or alias.name == import_name
                }
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if alias.name == import_name and alias.asname:
                        self.renamed[alias.asname] = import_name
        self.modules -= {
            part.id
            for part in ast.walk(tree)
            if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)
        }

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if (
            isinstance(node.value, ast.Name)
            and node.attr == self.import_name
            and node.value.id in self.modules
        ):
            return ast.copy_location(ast.Name(self.import_name, node.ctx), node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id in self.renamed:
            return ast.copy_location(ast.Name(self.renamed[node.id], node.ctx), node)
        return node


class _RunCoroutines(ast.NodeTransformer):
    """`async def test_…` needs a plug-in of pytest; `asyncio.run` does not."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.stmt:
        if not node.name.startswith("test"):
            return node
        plain = [part for part in ast.walk(node) if isinstance(part, ast.AsyncFor | ast.AsyncWith)]
        if plain:
            return node
        body = [_AwaitToRun().visit(statement) for statement in node.body]
        marks = [mark for mark in node.decorator_list if "asyncio" not in ast.unparse(mark)]
        function = _function(node.name, body)
        function.args, function.decorator_list = node.args, marks
        return function


class _AwaitToRun(ast.NodeTransformer):
    def visit_Await(self, node: ast.Await) -> ast.AST:
        self.generic_visit(node)
        run = ast.Attribute(ast.Name("asyncio", ast.Load()), "run", ast.Load())
        return ast.Call(func=run, args=[node.value], keywords=[])

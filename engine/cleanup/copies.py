"""Copies of the code under test inside its tests: a test that tests its own copy proves nothing."""

from __future__ import annotations

import ast
import sys

from engine.cleanup.names import alias_name, bound_at_top, used

KNOWN_PACKAGES = frozenset({"pytest", "numpy", "pandas", "hypothesis"})
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def is_known(package: str) -> bool:
    """Whether a test may import `package`: what a model calls the module under test is made up."""
    return package in sys.stdlib_module_names or package in KNOWN_PACKAGES


def right_import(
    node: ast.Import | ast.ImportFrom, taken: set[str], edits: list[str]
) -> ast.Import | ast.ImportFrom | None:
    """The import without what is not there: the candidate's made-up module, unknown packages."""
    if isinstance(node, ast.ImportFrom):
        package = (node.module or "").partition(".")[0]
        if package in taken and {alias_name(alias) for alias in node.names} <= taken:
            return None  # the right one, which stands at the head of every test already
        if node.level or not is_known(package):
            edits.append(f"removed the import from {'.' * node.level}{node.module or ''}")
            return None
        names = [alias for alias in node.names if alias_name(alias) not in taken]
        return ast.ImportFrom(module=node.module, names=names, level=0) if names else None
    names = [
        alias
        for alias in node.names
        if alias_name(alias) not in taken and is_known(alias.name.partition(".")[0])
    ]
    if len(names) < len(node.names):
        edits.append("removed an import")
    return ast.Import(names=names) if names else None


def holders(tree: ast.Module, method: str) -> set[str]:
    """Classes that hold a function as their method: `Solution` of LeetCode, here or made up."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            if any(isinstance(part, FunctionNode) and part.name == method for part in node.body):
                names.add(node.name)
        elif isinstance(node, ast.ImportFrom) and not is_known(
            (node.module or "").partition(".")[0]
        ):
            names |= {alias_name(alias) for alias in node.names} - {method}
    return names


class WithoutCopies(ast.NodeTransformer):
    """Lets the body of a test reach the imported function and nothing of its own with that name.

    Inner definitions and imports of `taken` names go, and `Solution().f(x)`, where `Solution` is one
    of `classes`, becomes `f(x)`.
    """

    def __init__(self, method: str, taken: set[str], classes: set[str], edits: list[str]) -> None:
        self.method, self.taken, self.classes, self.edits = method, taken, classes, edits
        self.instances: set[str] = set()

    def rewrite(self, test: ast.stmt) -> ast.stmt:
        """The test function without copies; unused instances of `classes` go, too."""
        if not isinstance(test, FunctionNode):
            return test
        self.instances = {
            target.id
            for node in ast.walk(test)
            if isinstance(node, ast.Assign) and self._makes(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        test.body = [part for part in map(self.visit, test.body) if part is not None]
        left = used(test)
        test.body = [
            part
            for part in test.body
            if not (
                isinstance(part, ast.Assign)
                and self._makes(part.value)
                and not bound_at_top(part) & left
            )
        ] or [ast.Pass()]
        return test

    def _makes(self, node: ast.expr) -> bool:
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in self.classes
        )

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.stmt | ast.ExceptHandler) and getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[union-attr]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        return self._definition(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST | None:
        return self._definition(node)

    def _definition(self, node: ast.FunctionDef | ast.ClassDef) -> ast.AST | None:
        if node.name in self.taken:
            self.edits.append(f"removed the test's own copy of {node.name}")
            return None
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        if isinstance(node.value, ast.Lambda) and bound_at_top(node) & self.taken:
            self.edits.append("removed the test's own copy")
            return None
        return self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        return right_import(node, self.taken, self.edits)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return right_import(node, self.taken, self.edits)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        held = self._makes(node.value) or (
            isinstance(node.value, ast.Name) and node.value.id in self.instances | self.classes
        )
        if held and node.attr == self.method:
            return ast.copy_location(ast.Name(node.attr, node.ctx), node)
        return node

"""The cases of a parametrized test."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

MAX_CASES = 200


def cases_of(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[list[ast.stmt]]:
    """The bodies of a test: one, or one per case with the case's values assigned at its head.

    Where the cases are not written out as literals the test is one body that keeps its names, and
    so does not stand alone: nothing is yielded.
    """
    rows: list[list[ast.stmt]] = [[]]
    for decorator in test.decorator_list:
        if "parametrize" not in ast.unparse(decorator):
            continue
        cases = _cases(decorator)
        if cases is None:
            return
        rows = [[*row, *case] for row in rows for case in cases][:MAX_CASES]
    names = {
        target.id
        for row in rows[:1]
        for node in row
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    test.args.args = [argument for argument in test.args.args if argument.arg not in names]
    for row in rows:
        yield [*row, *copy.deepcopy(test.body)]


def _cases(decorator: ast.expr) -> list[list[ast.stmt]] | None:
    if not isinstance(decorator, ast.Call) or len(decorator.args) < 2:
        return None
    names = _names(decorator.args[0])
    values = decorator.args[1]
    if names is None or not isinstance(values, ast.List | ast.Tuple):
        return None
    cases: list[list[ast.stmt]] = []
    for value in values.elts:
        if isinstance(value, ast.Call) and ast.unparse(value.func) == "pytest.param":
            parts = value.args
        elif len(names) == 1:
            parts = [value]
        elif isinstance(value, ast.Tuple | ast.List):
            parts = value.elts
        else:
            return None
        if len(parts) != len(names):
            continue
        cases.append([_assign(name, part) for name, part in zip(names, parts, strict=True)])
    return cases


def _names(node: ast.expr) -> list[str] | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [name.strip() for name in node.value.split(",") if name.strip()]
    if isinstance(node, ast.List | ast.Tuple):
        names = [part.value for part in node.elts if isinstance(part, ast.Constant)]
        return [name for name in names if isinstance(name, str)]
    return None


def _assign(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign(targets=[ast.Name(name, ast.Store())], value=copy.deepcopy(value), lineno=0)

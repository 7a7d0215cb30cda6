"""Splitting a test module into single asserts, each a module of its own.

A small model's whole test function is right far less often than one of its asserts, so the assert is
what the matrix counts. The same assert from two samples must come out byte for byte the same: names
that only carry one value are substituted, `6 == f(3)` is turned round, messages go. Floats are compared
with pytest's tolerance.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from engine.cleanup.cases import cases_of
from engine.cleanup.copies import FunctionNode
from engine.cleanup.futile import calls_target, cannot_fail, is_raises
from engine.cleanup.imports import with_imports
from engine.cleanup.names import alias_name, bound, bound_at_top, used
from engine.cleanup.prune import without_unused_imports
from engine.cleanup.style import format_code
from engine.cleanup.syntax import compiles, is_shallow, parse
from engine.cleanup.testfile import import_line
from engine.cleanup.tolerance import tolerant

MAX_UNITS = 500
"""Most asserts taken from one module."""


def split_asserts(source: str, *, entry_point: str, import_name: str | None = None) -> list[str]:
    """The asserts of a cleaned test module, each as a whole module with one test function.

    Each has the imports, helpers and set-up statements that it depends on, and no more. A
    `pytest.raises` block is one unit, so is a case of a parametrized test, and so is a loop or other
    compound statement around asserts. Asserts that cannot fail or do not reach the function under
    test are left out; twins are given once, in the order of the source.
    """
    import_name = import_name or entry_point
    tree = parse(source)
    if not isinstance(tree, ast.Module) or not is_shallow(tree):
        return []
    module = [node for node in tree.body if not _is_test(node)]
    imported = {
        alias_name(alias)
        for node in module
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    units: dict[str, None] = {}
    for test in tree.body:
        if not isinstance(test, FunctionNode) or not _is_test(test):
            continue
        for body in cases_of(test):
            for setup, check in _checks(body, imported):
                statements = _canonical(setup, check)
                whole = ast.Module(body=statements, type_ignores=[])
                if not calls_target(whole, entry_point=entry_point, import_name=import_name):
                    continue
                units.setdefault(_render(module, statements, test, entry_point, import_name))
                if len(units) >= MAX_UNITS:
                    return _sound(units)
    return _sound(units)


def _sound(units: dict[str, None]) -> list[str]:
    return [unit for unit in units if compiles(unit) is None]


def _is_test(node: ast.stmt) -> bool:
    return isinstance(node, FunctionNode) and node.name.startswith("test")


def _checks(body: list[ast.stmt], imported: set[str]) -> Iterator[tuple[list[ast.stmt], ast.stmt]]:
    """Every check of a test with the statements before it that it depends on."""
    before: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.Assert):
            for test in _conjuncts(statement.test):
                if not cannot_fail(test):
                    check = ast.Assert(test=_turned(test), msg=None)
                    yield _slice(before, check, imported), check
        elif is_raises(statement):
            yield _slice(before, statement, imported), statement
            before.append(statement)
        elif any(isinstance(part, ast.Assert) or is_raises(part) for part in ast.walk(statement)):
            if not _asserts_nothing(statement):
                yield _slice(before, statement, imported), statement
            before.append(_without_asserts(statement))
        else:
            before.append(statement)


def _asserts_nothing(statement: ast.stmt) -> bool:
    asserts = [part for part in ast.walk(statement) if isinstance(part, ast.Assert)]
    raises = any(is_raises(part) for part in ast.walk(statement))
    return not raises and all(cannot_fail(part.test) for part in asserts)


def _conjuncts(test: ast.expr) -> list[ast.expr]:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return [part for value in test.values for part in _conjuncts(value)]
    return [test]


def _turned(test: ast.expr) -> ast.expr:
    """`6 == f(3)` as `f(3) == 6`."""
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        return test
    left, right = test.left, test.comparators[0]
    if not isinstance(test.ops[0], ast.Eq | ast.NotEq | ast.Is) or used(left) or not used(right):
        return test
    return ast.Compare(left=right, ops=test.ops, comparators=[left])


def _slice(before: list[ast.stmt], check: ast.stmt, imported: set[str]) -> list[ast.stmt]:
    """The statements that bind or change what `check` reads, and what those read in turn.

    What is `imported` is read by many and changed by none.
    """
    needed = used(check)
    kept: list[ast.stmt] = []
    for statement in reversed(before):
        changes = bound_at_top(statement)
        if isinstance(statement, ast.Expr):
            changes |= used(statement) if not isinstance(statement.value, ast.Constant) else set()
        if isinstance(statement, ast.Expr) and "print" in used(statement):
            continue
        if (changes - imported) & needed:
            kept.append(statement)
            needed |= used(statement)
    return kept[::-1]


class _DropAsserts(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        return ast.Pass()


def _without_asserts(statement: ast.stmt) -> ast.stmt:
    """A compound statement as set-up for later checks: its effects, without its asserts."""
    result = _DropAsserts().visit(copy.deepcopy(statement))
    assert isinstance(result, ast.stmt)
    return result


def _canonical(setup: list[ast.stmt], check: ast.stmt) -> list[ast.stmt]:
    """Set-up and check with variables that only carry one value substituted."""
    statements = [copy.deepcopy(node) for node in (*setup, check)]
    position = len(statements) - 2
    while position >= 0:
        node = statements[position]
        rest = statements[position + 1 :]
        if _may_substitute(node, statements, rest):
            assert isinstance(node, ast.Assign)
            assert isinstance(node.targets[0], ast.Name)
            fill = _Substitute(node.targets[0].id, node.value)
            statements[position:] = [fill.visit(part) for part in rest]
        position -= 1
    last = statements[-1]
    if isinstance(last, ast.Assert):
        last.test = tolerant(_turned(last.test))
    return statements


def _may_substitute(node: ast.stmt, statements: list[ast.stmt], rest: list[ast.stmt]) -> bool:
    """Whether putting the value in place of the name cannot change what happens.

    A literal that cannot change may go anywhere; other values only into the very next statement,
    once, and not into a function, a loop or a comprehension, where it would be made anew.
    """
    if not (isinstance(node, ast.Assign) and len(node.targets) == 1):
        return False
    target = node.targets[0]
    if not isinstance(target, ast.Name):
        return False
    name = target.id
    if sum(name in bound(statement) for statement in statements) != 1:
        return False
    if any(
        isinstance(part, ast.Global | ast.Nonlocal) for other in rest for part in ast.walk(other)
    ):
        return False
    if _is_literal(node.value):
        return True
    reads = [
        part
        for other in rest
        for part in ast.walk(other)
        if isinstance(part, ast.Name) and part.id == name
    ]
    if len(reads) != 1 or len(rest) != 1 or not isinstance(rest[0], ast.Assert):
        return _is_display(node.value) and len(reads) == 1 and _is_straight(rest)
    return _is_straight(rest)


def _is_straight(rest: list[ast.stmt]) -> bool:
    """Nothing in `rest` runs twice or later."""
    loops = (
        ast.For,
        ast.While,
        ast.Lambda,
        ast.comprehension,
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
    )
    return not any(isinstance(part, loops) for other in rest for part in ast.walk(other))


def _is_literal(value: ast.expr) -> bool:
    if isinstance(value, ast.UnaryOp):
        return _is_literal(value.operand)
    if isinstance(value, ast.Tuple):
        return all(_is_literal(part) for part in value.elts)
    return isinstance(value, ast.Constant)


def _is_display(value: ast.expr) -> bool:
    """A list, set or dict of literals: making it later is the same."""
    if isinstance(value, ast.List | ast.Set | ast.Tuple):
        return all(_is_display(part) for part in value.elts)
    if isinstance(value, ast.Dict):
        return all(part is not None and _is_display(part) for part in (*value.keys, *value.values))
    return _is_literal(value)


class _Substitute(ast.NodeTransformer):
    def __init__(self, name: str, value: ast.expr) -> None:
        self.name, self.value = name, value

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self.value) if node.id == self.name else node


def _render(
    module: list[ast.stmt],
    statements: list[ast.stmt],
    test: FunctionNode,
    entry_point: str,
    import_name: str,
) -> str:
    """The unit as text: imports and helpers that it needs, and its one test function."""
    shell = ast.parse(f"def test_{entry_point}():\n    pass").body[0]
    assert isinstance(shell, ast.FunctionDef)
    shell.body = statements
    shell.args = _fixtures(test, shell)
    needed = used(shell) | {argument.arg for argument in shell.args.args}
    helpers: list[ast.stmt] = []
    for node in reversed(module):
        if isinstance(node, ast.Import | ast.ImportFrom) or bound_at_top(node) & needed:
            helpers.append(node)
            needed |= used(node)
    line = ast.parse(import_line(import_name)).body
    rest = [node for node in helpers[::-1] if ast.unparse(node) != import_line(import_name)]
    whole = ast.Module(body=[*line, *rest, shell], type_ignores=[])
    source = without_unused_imports(ast.unparse(ast.fix_missing_locations(whole)) + "\n")
    return format_code(_with_sorted_imports(with_imports(source)[0], import_line(import_name)))


def _with_sorted_imports(source: str, last: str) -> str:
    """The imports in one order, whoever wrote or added them; the function under test comes last."""
    tree = ast.parse(source)
    imports = {ast.unparse(n) for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)}
    first = sorted(imports - {last}, key=lambda line: ("__future__" not in line, line))
    rest = [n for n in tree.body if not isinstance(n, ast.Import | ast.ImportFrom)]
    return "\n".join([*first, last, ast.unparse(ast.Module(body=rest, type_ignores=[])), ""])


def _fixtures(test: FunctionNode, shell: ast.FunctionDef) -> ast.arguments:
    """The fixtures of the test that its one check uses."""
    arguments = copy.deepcopy(test.args)
    arguments.args = [part for part in arguments.args if part.arg in used(shell)]
    return arguments

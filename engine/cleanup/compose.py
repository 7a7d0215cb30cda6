"""Composing one readable test file from single-assert units."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.cleanup.futile import is_raises
from engine.cleanup.style import format_code
from engine.cleanup.syntax import parse
from engine.cleanup.tolerance import exact

_SMALL = {
    0: "zero",
    1: "one",
    2: "two",
    3: "three",
    -1: "minus_one",
    "": "empty_string",
}
_LEAST_FOR_TABLE = 3


def compose(units: Sequence[str], *, entry_point: str, import_line: str) -> str:
    """One test file with exactly the asserts of `units`, which `split_asserts` made.

    Three or more plain `f(…) == value` become one parametrized test, three or more with a tolerance
    another; every other assert is a function of its own with a name that says what it checks.
    """
    imports: dict[str, None] = {}
    helpers: dict[str, None] = {}
    plain: dict[bool, list[_Row]] = {False: [], True: []}
    functions: list[ast.FunctionDef] = []
    for unit in dict.fromkeys(units):
        tree = parse(unit)
        if not isinstance(tree, ast.Module) or not tree.body:
            continue
        *head, test = tree.body
        if not isinstance(test, ast.FunctionDef):
            continue
        for node in head:
            target = imports if isinstance(node, ast.Import | ast.ImportFrom) else helpers
            if ast.unparse(node) != import_line:
                target.setdefault(ast.unparse(node))
        row = _plain(test, entry_point)
        if row is None:
            functions.append(test)
        else:
            plain[row.approximate].append(row)
    tables: list[ast.FunctionDef] = []
    singles: list[ast.FunctionDef] = []
    for rows in plain.values():
        table = _table(rows, entry_point)
        if table is None:
            singles += [_equality(row, entry_point) for row in rows]
        else:
            tables.append(table)
    if tables or plain[True]:
        imports.setdefault("import pytest")
    functions = [*tables, *singles, *functions]
    _name(functions, entry_point)
    text = "\n".join([*sorted(imports, key=_import_order), "", import_line, "", *helpers])
    text += (
        "\n\n" + "\n\n\n".join(ast.unparse(ast.fix_missing_locations(f)) for f in functions) + "\n"
    )
    return format_code(text)


def _import_order(line: str) -> tuple[int, str]:
    return ("__future__" not in line) + ("pytest" in line), line


@dataclass(frozen=True, slots=True)
class _Row:
    """`assert f(arguments) == expected`, or `== pytest.approx(expected)`, all of it written out."""

    arguments: list[ast.expr]
    expected: ast.expr
    approximate: bool


def _plain(test: ast.FunctionDef, entry_point: str) -> _Row | None:
    """The row that a test comes to, where it is as plain as that."""
    if len(test.body) != 1 or not isinstance(test.body[0], ast.Assert) or test.args.args:
        return None
    check = test.body[0].test
    if not (
        isinstance(check, ast.Compare) and len(check.ops) == 1 and isinstance(check.ops[0], ast.Eq)
    ):
        return None
    call, value = check.left, check.comparators[0]
    expected = exact(value) or value
    if not (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == entry_point
    ):
        return None
    if (
        call.keywords
        or not call.args
        or not all(_is_written_out(part) for part in (*call.args, expected))
    ):
        return None
    return _Row(call.args, expected, approximate=expected is not value)


def _is_written_out(node: ast.expr) -> bool:
    return not any(
        isinstance(part, ast.Name | ast.Call | ast.Starred | ast.Lambda) for part in ast.walk(node)
    )


def _table(rows: Sequence[_Row], entry_point: str) -> ast.FunctionDef | None:
    counts = {len(row.arguments) for row in rows}
    if len(rows) < _LEAST_FOR_TABLE or len(counts) != 1:
        return None
    (count,) = counts
    names = ["argument"] if count == 1 else [f"argument_{i + 1}" for i in range(count)]
    values = ", ".join(
        f"({', '.join(ast.unparse(part) for part in (*row.arguments, row.expected))})"
        for row in rows
    )
    listed = ", ".join([*names, "expected"])
    text = (
        f"@pytest.mark.parametrize('{listed}', [{values}])\n"
        f"def test_{entry_point}({listed}):\n"
        f"    assert {entry_point}({', '.join(names)}) == {_wanted('expected', rows[0])}"
    )
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    return function


def _wanted(value: str, row: _Row) -> str:
    return f"pytest.approx({value})" if row.approximate else value


def _equality(row: _Row, entry_point: str) -> ast.FunctionDef:
    arguments = ", ".join(ast.unparse(part) for part in row.arguments)
    wanted = _wanted(ast.unparse(row.expected), row)
    text = f"def test_{entry_point}():\n    assert {entry_point}({arguments}) == {wanted}"
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    return function


def _name(functions: list[ast.FunctionDef], entry_point: str) -> None:
    taken: set[str] = set()
    for function in functions:
        base = f"test_{entry_point.strip('_')}"
        wish = base
        if not function.decorator_list:
            wish = f"{base}_{_subject(function, entry_point)}"
        elif base in taken:
            wish = f"{base}_approximately"
        name, number = wish, 1
        while name in taken:
            number += 1
            name = f"{wish}_{number}"
        taken.add(name)
        function.name = name


def _subject(function: ast.FunctionDef, entry_point: str) -> str:
    """A few words on what the function checks: `of_zero`, `raises_value_error`."""
    check = function.body[-1]
    if is_raises(check) and isinstance(check, ast.With):
        call = check.items[0].context_expr
        if isinstance(call, ast.Call) and call.args:
            return "raises_" + _snake(ast.unparse(call.args[0]))
    for node in ast.walk(check):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == entry_point:
            words = [_word(argument) for argument in node.args]
            if words and all(words) and len("_and_".join(words)) <= 40:
                return "of_" + "_and_".join(words)
    if isinstance(check, ast.For | ast.While):
        return "in_a_loop"
    return "case"


def _word(node: ast.expr) -> str:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _snake(node.id) if isinstance(node, ast.Name) else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | str) and value in _SMALL:
        return _SMALL[value]
    if isinstance(value, int | float):
        return _snake(str(value).replace("-", "minus_").replace(".", "_"))
    if isinstance(value, list | tuple | dict | set) and not value:
        return f"empty_{type(value).__name__}"
    return _snake(value) if isinstance(value, str) else ""


def _snake(text: str) -> str:
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")

"""How much a program looks like one that somebody meant to write.

Many small edits make a broken text parse, most of them wrongly. What tells them apart is what a
reader would stumble over: code that cannot be reached, a loop that never loops, a value that is
thrown away, a name that nothing defines, `len` of a comparison. The sum of such stumbles ranks
repairs that cost the same.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from engine.cleanup.kinds import note_kinds
from engine.cleanup.names import ALWAYS_DEFINED, bound
from engine.cleanup.oddities import of_expression
from engine.cleanup.steady import unsteady_names
from engine.cleanup.syntax import children, walk

_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DOCUMENTED = (*_FUNCTIONS, ast.ClassDef, ast.Module)
_PURE = frozenset(
    {
        "len",
        "abs",
        "sorted",
        "sum",
        "min",
        "max",
        "range",
        "int",
        "str",
        "set",
        "list",
        "any",
        "all",
    }
)


def stumbles(tree: ast.Module, known: frozenset[str] = frozenset()) -> float:
    """The sum of what is odd about `tree`; 0 is a text without anything odd.

    `known` are names that the rest of the module defines.
    """
    defined = bound(tree) | ALWAYS_DEFINED | known
    arities = _arities(tree)
    series = _series(tree)
    total = _of_indents(tree)
    note_kinds(tree)
    for node in walk(tree):
        total += _of_blocks(node) + of_expression(node)
        total += _of_call_of(node, arities)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            total += 0.8 * (node.func.id in series and node.func.id not in arities)
        if isinstance(node, _FUNCTIONS):
            total += _of_function(node)
        elif (
            isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in defined
        ):
            total += 1.0
    return total


def _series(tree: ast.Module) -> set[str]:
    """Names that are indexed somewhere: what is called is seldom indexed, too."""
    return {
        node.value.id
        for node in walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node.value.id not in ALWAYS_DEFINED
    }


def _arities(tree: ast.Module) -> dict[str, tuple[int, float]]:
    """Least and most positional arguments of the functions that `tree` defines."""
    arities: dict[str, tuple[int, float]] = {}
    for node in walk(tree):
        if isinstance(node, _FUNCTIONS):
            most = float("inf") if node.args.vararg else len(node.args.posonlyargs + node.args.args)
            least = len(node.args.posonlyargs + node.args.args) - len(node.args.defaults)
            arities[node.name] = (least, most)
    return arities


def _of_call_of(node: ast.AST, arities: dict[str, tuple[int, float]]) -> float:
    """A function of the text itself with too few or too many arguments, or asked if it is true."""
    if isinstance(node, ast.BoolOp | ast.If | ast.While | ast.UnaryOp):
        parts = getattr(node, "values", None) or [getattr(node, "test", None)]
        return 0.8 * any(isinstance(part, ast.Name) and part.id in arities for part in parts)
    if not (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in arities
    ):
        return 0.0
    least, most = arities[node.func.id]
    count = len(node.args) + len(node.keywords)
    return 0.0 if node.keywords or least <= count <= most else 1.0


def _blocks(node: ast.AST) -> Iterator[Sequence[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield block


def _of_blocks(node: ast.AST) -> float:
    total = 0.0
    for block in _blocks(node):
        for position, statement in enumerate(block):
            if position < len(block) - 1 and _never_goes_on(statement):
                total += 1.0
            if isinstance(statement, ast.Expr):
                documents = position == 0 and isinstance(node, _DOCUMENTED)
                total += _of_lone_value(statement, documents=documents)
            if isinstance(statement, ast.Pass) and len(block) > 1:
                total += 0.4
    if isinstance(node, _LOOPS):
        total += _of_loop(node)
    return total


def _of_indents(tree: ast.Module) -> float:
    """Blocks that are not as much deeper than their header as most others are."""
    steps: Counter[int] = Counter()
    for node in walk(tree):
        if not isinstance(node, ast.stmt):
            continue
        for block in _blocks(node):
            if block[0].lineno != node.lineno and not (
                isinstance(node, ast.If) and block is node.orelse
            ):
                steps[block[0].col_offset - node.col_offset] += 1
    return 0.3 * (sum(steps.values()) - max(steps.values(), default=0))


def _never_goes_on(statement: ast.stmt) -> bool:
    if isinstance(statement, _LEAVES):
        return True
    if isinstance(statement, ast.If) and statement.orelse:
        return _never_goes_on(statement.body[-1]) and _never_goes_on(statement.orelse[-1])
    if (
        isinstance(statement, ast.While)
        and isinstance(statement.test, ast.Constant)
        and statement.test.value
    ):
        return not any(isinstance(part, ast.Break) for part in walk(statement))
    return False


def _of_lone_value(statement: ast.Expr, *, documents: bool) -> float:
    value = statement.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in _PURE:
        return 0.8
    if isinstance(value, ast.Call | ast.Await | ast.Yield | ast.YieldFrom):
        return 0.0
    if isinstance(value, ast.Constant):
        return 0.0 if (documents and isinstance(value.value, str)) or value.value is ... else 0.9
    return 1.0


def _of_loop(loop: ast.AST) -> float:
    total = 0.0
    body = list(getattr(loop, "body", ()))
    if body and isinstance(body[-1], ast.Return | ast.Break | ast.Raise) and len(body) >= 1:
        total += 0.9
    if isinstance(loop, ast.For | ast.AsyncFor):
        targets = {part.id for part in walk(loop.target) if isinstance(part, ast.Name)}
        inside = {
            part.id
            for statement in body
            for part in walk(statement)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
        }
        if targets and not targets & inside and "_" not in targets:
            total += 0.25
    elif isinstance(loop, ast.While) and not isinstance(loop.test, ast.Constant):
        read = {part.id for part in walk(loop.test) if isinstance(part, ast.Name)}
        changed = any(
            (isinstance(part, ast.Name) and part.id in read and not isinstance(part.ctx, ast.Load))
            or isinstance(part, ast.Break | ast.Return | ast.Raise)
            or (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute))
            for statement in body
            for part in walk(statement)
        )
        total += 0.0 if changed else 1.0
    return total


def _of_function(function: ast.FunctionDef | ast.AsyncFunctionDef) -> float:
    total = 1.5 if _is_empty(function) else 0.0
    returns = [
        node for node in _own(function) if isinstance(node, ast.Return) and node.value is not None
    ]
    yields = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))
    if returns and not ends(function.body) and not yields:
        total += 0.6
    if not returns and not yields and len(function.body) > 1:
        total += 0.5
    for node in _own(function):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and returns:
            total += (
                0.7
                if isinstance(node.value.func, ast.Name) and node.value.func.id == function.name
                else 0.0
            )
    parameters = [argument.arg for argument in function.args.args]
    read = {node.id for node in walk(function) if isinstance(node, ast.Name)}
    total += 0.3 * len(set(parameters) - read - {"self", "cls", "_"})
    for node in _own(function):
        # A function that calls itself with what it was given never ends.
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == function.name
        ):
            same = [
                argument.id for argument in node.args if isinstance(argument, ast.Name)
            ] == parameters
            total += 1.0 if same and parameters else 0.0
    return total + unsteady_names(function)


def _is_empty(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Nothing but a docstring: the body went somewhere else."""
    return all(
        isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
        for part in function.body
    )


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    pending = list(children(function))
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.Lambda, ast.ClassDef)):
            pending.extend(children(node))


def ends(block: Sequence[ast.stmt]) -> bool:
    """Whether control never falls off the end of `block`."""
    last = block[-1]
    if isinstance(last, ast.Try):
        return (
            ends(last.finalbody)
            if last.finalbody
            else ends(last.body) and all(ends(handler.body) for handler in last.handlers)
        )
    if isinstance(last, ast.With):
        return ends(last.body)
    if isinstance(last, ast.If):
        return bool(last.orelse) and ends(last.body) and ends(last.orelse)
    if isinstance(last, ast.Match):
        return True
    return isinstance(last, ast.Return | ast.Raise) or _never_goes_on(last)

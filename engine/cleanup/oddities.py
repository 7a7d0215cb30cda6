"""Expressions that parse, and that nobody writes: `len(a > b)`, `chr(x) + 1`, `(a, b)[0 == i]`."""

from __future__ import annotations

import ast
import re

from engine.cleanup.kinds import kind_of
from engine.cleanup.syntax import walk

_ARITY: dict[str, tuple[int, int]] = {
    "len": (1, 1), "abs": (1, 1), "ord": (1, 1), "chr": (1, 1), "bin": (1, 1), "hex": (1, 1),
    "int": (0, 2), "float": (0, 1), "str": (0, 3), "bool": (0, 1), "list": (0, 1), "set": (0, 1),
    "tuple": (0, 1), "dict": (0, 1), "range": (1, 3), "sum": (1, 2), "sorted": (1, 1), "any": (1, 1),
    "all": (1, 1), "enumerate": (1, 2), "isinstance": (2, 2), "round": (1, 2), "reversed": (1, 1),
    "map": (2, 9), "filter": (2, 2), "zip": (1, 9), "min": (1, 9), "max": (1, 9), "pow": (2, 3),
    "divmod": (2, 2), "iter": (1, 2), "next": (1, 2), "type": (1, 3), "ValueError": (0, 1),
}  # fmt: skip
_METHOD_ARITY: dict[str, tuple[int, int]] = {
    "append": (1, 1), "join": (1, 1), "split": (0, 2), "strip": (0, 1), "replace": (2, 3),
    "lower": (0, 0), "upper": (0, 0), "keys": (0, 0), "values": (0, 0), "items": (0, 0),
    "isdigit": (0, 0), "isalpha": (0, 0), "isupper": (0, 0), "islower": (0, 0), "sort": (0, 0),
    "reverse": (0, 0), "add": (1, 1), "extend": (1, 1), "startswith": (1, 3), "endswith": (1, 3),
    "swapcase": (0, 0), "hexdigest": (0, 0), "encode": (0, 2), "insert": (2, 2), "setdefault": (1, 2),
    "get": (1, 2), "count": (1, 3), "index": (1, 3), "remove": (1, 1),
}  # fmt: skip
_SERIES = frozenset({"text", "collection"})
_WANTS: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        ("len", "sorted", "enumerate", "reversed", "set", "list", "tuple", "join"), _SERIES
    ),
    **dict.fromkeys(
        ("abs", "chr", "range", "round", "sqrt", "floor", "ceil", "bin"), frozenset({"number"})
    ),
    **dict.fromkeys(("sum", "any", "all"), frozenset({"collection"})),
    "ord": frozenset({"text"}),
    "int": frozenset({"text", "number", "truth"}),
    "float": frozenset({"text", "number"}),
    "map": frozenset(),
}
_MODULES = frozenset({"math", "re", "itertools", "functools", "collections"})
_TYPES = frozenset(
    {"int", "str", "float", "list", "set", "dict", "tuple", "bool", "type", "object", "ValueError"}
)
_TAKES_FUNCTIONS = frozenset(
    {
        "map",
        "filter",
        "isinstance",
        "issubclass",
        "reduce",
        "defaultdict",
        "partial",
        "type",
        "cast",
        "raises",
    }
)
_CALLED = (frozenset(_ARITY) - {"type"}) | _MODULES | {"issubclass", "hasattr", "getattr"}
_NESTS = frozenset(
    {"str", "int", "list", "set", "tuple", "max", "min", "sorted", "print", "dict", "len", "abs"}
)


def of_expression(node: ast.AST) -> float:
    """How odd one node is, its children not counted."""
    match node:
        case ast.Call():
            return _of_call(node)
        case ast.If() | ast.While() | ast.IfExp():
            return _of_test(node.test)
        case ast.For() | ast.comprehension():
            odd = _is_called(node.iter) or _same_name(node.iter, node.target)
            odd = odd or any(map(_is_called, getattr(node, "ifs", ())))
            return 0.9 if odd or kind_of(node.iter) in {"number", "truth"} else 0.0
        case ast.BinOp():
            return _of_operation(node)
        case ast.Compare():
            return _of_comparison(node)
        case ast.AnnAssign():
            return 0.0 if isinstance(node.target, ast.Name | ast.Attribute) else 1.0
        case ast.Slice():
            same = node.lower and node.upper and ast.dump(node.lower) == ast.dump(node.upper)
            bounds = (node.lower, node.upper, node.step)
            if any(map(_is_cut_out, bounds)):
                # What was cut out of a series is a series, and no bound.
                return 0.9
            parts = [kind_of(part) for part in bounds]
            return (
                0.8
                if same or any(part in {"truth", "text", "collection"} for part in parts)
                else 0.0
            )
        case ast.List() | ast.Set():
            return _of_display(node)
        case ast.Subscript():
            if kind_of(node.value) in {"number", "truth"}:
                return 1.0
            if isinstance(node.value, ast.Tuple) and isinstance(node.slice, ast.Constant):
                return 0.8
            nested = any(
                isinstance(part, ast.Subscript) and ast.dump(part.value) == ast.dump(node.value)
                for part in walk(node.slice)
            )
            if isinstance(node.slice, ast.Compare) or _is_quotient(node.slice):
                return 0.9
            return 0.6 if kind_of(node.slice) == "truth" else 0.4 * nested
        case ast.Constant(value=str(text)):
            return _of_text(text)
        case ast.Attribute():
            return 0.8 if kind_of(node.value) in {"number", "truth"} else _of_attribute(node)
        case ast.Assign(
            targets=[ast.Name(id=name)], value=ast.Call(args=[ast.BinOp() as argument])
        ):
            return (
                0.4
                if any(_is_name(side, name) for side in (argument.left, argument.right))
                else 0.0
            )
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return 0.0 if kind_of(node.operand) in {None, "number"} else 0.8
    return 0.0


def _is_cut_out(node: ast.expr | None) -> bool:
    """Whether `node` is a slice of something, or reckons with one."""
    if isinstance(node, ast.BinOp):
        return _is_cut_out(node.left) or _is_cut_out(node.right)
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)


def _is_called(node: ast.expr) -> bool:
    """Whether `node` is a built-in function that stands there without its call."""
    return isinstance(node, ast.Name) and node.id in _CALLED


def _is_quotient(node: ast.expr) -> bool:
    """Whether `node` is a sum or product with a quotient in it, and so no whole number."""
    if not isinstance(node, ast.BinOp) or isinstance(node.op, ast.FloorDiv | ast.Mod):
        return False
    return isinstance(node.op, ast.Div) or _is_quotient(node.left) or _is_quotient(node.right)


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _of_attribute(node: ast.Attribute) -> float:
    known = node.attr in _METHOD_ARITY and isinstance(node.ctx, ast.Load)
    return 0.6 if known and isinstance(node.value, ast.Name) and node.value.id in _MODULES else 0.0


def _of_call(node: ast.Call) -> float:
    function, count = node.func, len(node.args)
    if not isinstance(function, ast.Name | ast.Attribute):
        return 0.6 if isinstance(function, ast.Call | ast.Subscript | ast.Lambda) else 1.2
    name = function.id if isinstance(function, ast.Name) else function.attr
    total = 0.0
    limits = (_ARITY if isinstance(function, ast.Name) else _METHOD_ARITY).get(name)
    starred = any(isinstance(argument, ast.Starred) for argument in node.args)
    if limits and not starred and not limits[0] <= count <= limits[1]:
        total += 1.0
    for argument in node.args:
        if (
            isinstance(argument, ast.Name)
            and argument.id in _CALLED
            and name not in _TAKES_FUNCTIONS
        ):
            total += 0.7
        if isinstance(argument, ast.Compare | ast.BoolOp) and name not in {
            "int",
            "bool",
            "append",
            "print",
        }:
            total += 0.5
        if isinstance(argument, ast.BoolOp) and name == "int":
            total += 0.5
        if isinstance(argument, ast.GeneratorExp) and name in {
            "len",
            "abs",
            "str",
            "append",
            "int",
        }:
            total += 0.9
        if name not in _NESTS and any(_calls(part, name) for part in walk(argument)):
            total += 0.4
    wanted = _WANTS.get(name)
    if wanted and node.args:
        kind = kind_of(node.args[0])
        if kind is not None and kind not in wanted:
            total += 0.9
    if name in {"join", "sum", "min", "max"} and count == 1 and isinstance(node.args[0], ast.List):
        total += 0.6 if len(node.args[0].elts) == 1 else 0.0
    if name == "sum" and count == 1 and isinstance(node.args[0], ast.GeneratorExp | ast.ListComp):
        total += 0.9 * (kind_of(node.args[0].elt) in _SERIES)
    if name in {"min", "max"} and count == 1 and kind_of(node.args[0]) in {"number", "truth"}:
        total += 0.8
    if name in {"min", "max"} and count > 1 and len({kind_of(a) for a in node.args} - {None}) > 1:
        total += 0.5
    if (
        name == "split"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and not node.args[0].value
    ):
        total += 0.0 if node.args[0].value is None else 1.0
    if name == "len" and node.args and isinstance(node.args[0], ast.BinOp):
        total += 0.5
    if name == "replace" and count == 2:
        total += 0.8 * any(kind_of(part) not in {None, "text"} for part in node.args)
        total += 0.6 * (isinstance(node.args[0], ast.Constant) and node.args[0].value == "")
    if name == "int" and count == 2 and not isinstance(node.args[1], ast.Constant | ast.Name):
        total += 0.5
    return total


def _calls(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _of_display(node: ast.List | ast.Set) -> float:
    if not isinstance(getattr(node, "ctx", None), ast.Load | None):
        return 0.8 if len(node.elts) == 1 else 0.0
    if isinstance(node, ast.Set) and any(
        isinstance(e, ast.Dict | ast.List | ast.Set) for e in node.elts
    ):
        return 1.0
    kinds = {kind_of(part) for part in node.elts}
    if (
        "truth" in kinds
        and "number" in kinds
        and any(isinstance(part, ast.Compare | ast.BoolOp) for part in node.elts)
    ):
        return 0.6
    lone = node.elts[0] if len(node.elts) == 1 else None
    if isinstance(lone, ast.GeneratorExp):
        return 0.9
    if (
        isinstance(lone, ast.BinOp)
        and isinstance(lone.op, ast.Mult)
        and isinstance(lone.left, ast.Constant)
    ):
        return 0.5
    return 0.3 if isinstance(lone, ast.ListComp) else 0.0


def _of_test(test: ast.expr) -> float:
    if isinstance(test, ast.Tuple):
        return 0.9
    if isinstance(test, ast.Constant):
        return 0.0 if isinstance(test.value, bool | int) else 0.6
    parts = test.values if isinstance(test, ast.BoolOp) else [test]
    return 0.8 * any(
        _is_called(part) or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in parts
    )


def _of_operation(node: ast.BinOp) -> float:
    total = 0.0
    for side in (node.left, node.right):
        if isinstance(side, ast.Name) and side.id in _CALLED:
            total += 0.8
    left, right = kind_of(node.left), kind_of(node.right)
    kinds = {left, right} - {None}
    if isinstance(node.op, ast.Add | ast.Sub | ast.Div | ast.FloorDiv | ast.Pow):
        if len(kinds) > 1 and not kinds <= {"number", "truth"}:
            total += 1.0
        if not isinstance(node.op, ast.Add | ast.Sub) and kinds & {"text", "collection"}:
            total += 0.9
        if isinstance(node.op, ast.Sub) and "text" in kinds:
            total += 0.9
        slices = sum(
            isinstance(side, ast.Subscript) and isinstance(side.slice, ast.Slice)
            for side in (node.left, node.right)
        )
        if slices == 1 and not isinstance(node.op, ast.Add):
            # Two may be arrays; a series and a number are not reckoned with.
            total += 0.9
    if isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod) and _same_name(
        node.left, node.right
    ):
        total += 0.8
    if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Call) and left == "text":
        total += 0.6
    if isinstance(node.op, ast.Mult) and kinds in ({"text"}, {"collection"}) and left and right:
        total += 1.0
    return total


def _of_comparison(node: ast.Compare) -> float:
    sides = [node.left, *node.comparators]
    total = 0.0
    for position, operator in enumerate(node.ops):
        left, right = kind_of(sides[position]), kind_of(sides[position + 1])
        if _same_name(sides[position], sides[position + 1]):
            total += 0.8
        if isinstance(operator, ast.In | ast.NotIn):
            total += 0.9 if right in {"number", "truth"} else 0.0
        elif left and right and left != right and {left, right} != {"number", "truth"}:
            total += 0.8
        elif {left, right} == {"number", "truth"} and not isinstance(operator, ast.Eq | ast.NotEq):
            total += 0.5
    if len({type(operator) for operator in node.ops}) > 1 and any(
        isinstance(o, ast.In) for o in node.ops
    ):
        total += 0.6
    for side in sides:
        if isinstance(side, ast.Name) and side.id in _CALLED - _TYPES:
            total += 0.8
    return total


def _same_name(left: ast.expr, right: ast.expr) -> bool:
    return isinstance(left, ast.Name) and isinstance(right, ast.Name) and left.id == right.id


def _of_text(text: str) -> float:
    """Strings seldom hold code."""
    if "\n" in text or len(text) < 2:
        return 0.0
    odd = sum(text.count(opened) != text.count(close) for opened, close in ("()", "[]", "{}"))
    total = 0.5 * odd if len(text) > 2 else 0.0
    if any(
        mark in text
        for mark in (" == ", " if ", " else ", " for ", ".join(", "):", " = ", "', ", '", ')
    ):
        total += 0.5
    if re.search(r"\.\w+\(|\w\(\w*\) ?[-+*/] |\[-?\d+\]|^\w[)\]}]$", text):
        total += 0.7
    if re.search(r"\w: \d+, |^: |^(?:return|not|in|if|elif|and|or) $", text):
        total += 0.5
    if text[0] in ")]" or (text[0] == "," and len(text) > 2 and text[1] != " "):
        total += 0.3
    return total

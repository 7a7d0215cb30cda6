"""Reads whether a test is plain: only what is on the lists here, since its process is believed."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from engine.sandbox.codec import Unplain, encode_call
from engine.sandbox.plain import BUILTINS, HOOKS, NotPlain, PlainTest, is_dunder, name_of, parse

_TEST_MODULES = frozenset(
    {"cmath", "collections", "copy", "itertools", "math", "re", "string", "typing"}
)
_PYTEST = frozenset({"raises", "approx", "mark"})
_TEST_BUILTINS = frozenset({
    *("abs", "all", "any", "ascii", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod"),
    *("enumerate", "filter", "float", "frozenset", "hex", "int", "isinstance", "iter", "len", "list"),
    *("map", "max", "min", "next", "oct", "ord", "pow", "print", "range", "repr", "reversed"),
    *("round", "set", "sorted", "str", "sum", "tuple", "type", "zip", "True", "False", "None"),
    *(name for name in BUILTINS if name.endswith(("Error", "Exception"))),
    *("StopIteration", "ZeroDivisionError"),
}) - {"MemoryError", "RecursionError"}  # fmt: skip
_METHODS = frozenset(
    name
    for kind in (str, bytes, int, float, complex, list, tuple, dict, set, frozenset)
    for name in dir(kind)
    if not name.startswith("_")
) | {"value", "args", "group", "groups"}
_TAKE_FUNCTIONS = frozenset({"map", "filter", "sorted", "max", "min"})

_TEST_NODES = (
    *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Assert, ast.Assign, ast.AugAssign),
    *(ast.AnnAssign, ast.Expr, ast.If, ast.For, ast.Pass, ast.Break, ast.Continue, ast.With),
    *(ast.withitem, ast.Try, ast.ExceptHandler, ast.Return, ast.Raise, ast.Import, ast.ImportFrom),
    *(
        ast.alias,
        ast.BoolOp,
        ast.NamedExpr,
        ast.BinOp,
        ast.UnaryOp,
        ast.Lambda,
        ast.IfExp,
        ast.Dict,
    ),
    *(ast.Set, ast.List, ast.Tuple, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
    *(ast.comprehension, ast.Compare, ast.Call, ast.FormattedValue, ast.JoinedStr, ast.Constant),
    *(
        ast.Attribute,
        ast.Subscript,
        ast.Slice,
        ast.Starred,
        ast.Name,
        ast.keyword,
        ast.expr_context,
    ),
    *(ast.boolop, ast.operator, ast.unaryop, ast.cmpop),
)


def read_test(source: str, entry_point: str) -> PlainTest | None:
    """What is known of a plain test, None of any other."""
    try:
        tree = parse(source)
        if tree is None:
            return None
        _check_test(tree, entry_point)
        tests = {
            node.name: _cases(node)
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
        }
    except NotPlain:
        return None
    catches = any(
        isinstance(node, ast.Try)
        or (isinstance(node, ast.Name) and node.id == "raises")
        or (isinstance(node, ast.Attribute) and node.attr == "raises")
        for node in ast.walk(tree)
    )
    cases = sum(tests.values())
    return PlainTest(cases, catches, _calls(tree, entry_point)) if tests else None


def _check_test(tree: ast.Module, entry_point: str) -> None:
    modules: set[str] = set()
    called: set[ast.AST] = set()
    for node in ast.walk(tree):
        if not isinstance(node, _TEST_NODES):
            raise NotPlain
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules |= set(_test_imports(node, entry_point))
        elif isinstance(node, ast.Call):
            called.add(node.func)
            if name_of(node.func) in _TAKE_FUNCTIONS or _is_raises(node):
                called |= {*node.args, *(keyword.value for keyword in node.keywords)}
    for statement in tree.body:
        _check_top(statement)
    for node in ast.walk(tree):
        _check_test_node(node, entry_point, modules, called)


def _test_imports(node: ast.Import | ast.ImportFrom, entry_point: str) -> Iterator[str]:
    """The modules that are bound to names."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            if alias.name not in _TEST_MODULES | {"pytest"} or alias.asname:
                raise NotPlain
            yield alias.name
        elif node.module == entry_point and node.level == 0:
            if alias.name != entry_point or alias.asname:
                raise NotPlain
        elif node.level or alias.asname or alias.name.startswith(("_", "*", *HOOKS)):
            raise NotPlain
        elif node.module == "pytest":
            if alias.name not in _PYTEST:
                raise NotPlain
        elif node.module not in _TEST_MODULES:
            raise NotPlain


def _check_top(node: ast.stmt) -> None:
    """What stands at the top of a test module, where names are what pytest looks at."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.FunctionDef):
        if node.name.startswith("test"):
            return
        if node.decorator_list or node.name.startswith(HOOKS):
            raise NotPlain
        return
    if not isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign):
        raise NotPlain
    for part in ast.walk(node):
        stored = isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        if stored and name_of(part).startswith(HOOKS):
            raise NotPlain


def _check_test_node(
    node: ast.AST, entry_point: str, modules: set[str], called: set[ast.AST]
) -> None:
    match node:
        case ast.Name(id=name):
            if name == entry_point and node not in called:
                raise NotPlain
            _check_test_name(name)
            taken = name in modules or name in _PYTEST or name in BUILTINS
            if taken and not isinstance(node.ctx, ast.Load):
                raise NotPlain
        case ast.arg(arg=name) | ast.ExceptHandler(name=str(name)) | ast.FunctionDef(name=name):
            if name == entry_point or name in modules or name in BUILTINS:
                raise NotPlain
            _check_test_name(name)
        case ast.Attribute(value=value, attr=name, ctx=context):
            if not isinstance(context, ast.Load) or name.startswith("_"):
                raise NotPlain
            base = name_of(value)
            known = name in _PYTEST if base == "pytest" else base in modules or name in _METHODS
            if not known and not _is_parametrize(node):
                raise NotPlain
        case ast.Compare(ops=operators, comparators=others):
            for operator, other in zip(operators, others, strict=True):
                by_identity = isinstance(operator, ast.Is | ast.IsNot)
                if by_identity and not _is_singleton(other):
                    raise NotPlain
        case ast.withitem(context_expr=ast.Call() as call):
            if not _is_raises(call):
                raise NotPlain
        case ast.withitem():
            raise NotPlain
        case _:
            pass


def _check_test_name(name: str) -> None:
    if is_dunder(name) or (name in BUILTINS and name not in _TEST_BUILTINS):
        raise NotPlain


def _cases(test: ast.FunctionDef) -> int:
    """How many cases pytest makes of a test function."""
    arguments = test.args
    if arguments.defaults or arguments.posonlyargs or arguments.kwonlyargs:
        raise NotPlain
    if arguments.vararg or arguments.kwarg or _returns(test):
        raise NotPlain
    given: list[str] = []
    counts = []
    for decorator in test.decorator_list:
        names, count = _parameters(decorator)
        given += names
        counts.append(count)
    if sorted(given) != sorted(argument.arg for argument in arguments.args):
        raise NotPlain
    return math.prod(counts)


def _returns(test: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Return) and node.value for node in ast.walk(test))


def _parameters(decorator: ast.expr) -> tuple[list[str], int]:
    """The names that a `parametrize` gives, and for how many cases."""
    match decorator:
        case ast.Call(
            func=ast.Attribute() as function,
            args=[ast.Constant(value=str(text)), ast.List(elts=rows) | ast.Tuple(elts=rows)],
            keywords=[],
        ) if _is_parametrize(function):
            names = [name.strip() for name in text.split(",") if name.strip()]
        case _:
            raise NotPlain
    if not rows or not names or any(isinstance(row, ast.Starred) for row in rows):
        raise NotPlain
    if len(names) > 1:
        for row in rows:
            if not isinstance(row, ast.Tuple | ast.List) or len(row.elts) != len(names):
                raise NotPlain
            if any(isinstance(part, ast.Starred) for part in row.elts):
                raise NotPlain
    return names, len(rows)


def _is_parametrize(node: ast.Attribute) -> bool:
    if node.attr != "parametrize":
        return False
    mark = node.value
    return name_of(mark) == "mark" or (
        isinstance(mark, ast.Attribute) and mark.attr == "mark" and name_of(mark.value) == "pytest"
    )


def _is_raises(call: ast.Call) -> bool:
    function = call.func
    return name_of(function) == "raises" or (
        isinstance(function, ast.Attribute)
        and function.attr == "raises"
        and name_of(function.value) == "pytest"
    )


def _is_singleton(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))


_STRAIGHT = (
    *(ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.keyword, ast.Assert, ast.Call),
    *(ast.Compare, ast.BinOp, ast.UnaryOp, ast.Constant, ast.Name, ast.List, ast.Tuple),
    *(ast.Dict, ast.Set, ast.Attribute, ast.Subscript, ast.Slice),
)
_MOST_CALLS = 100


def _calls(tree: ast.Module, entry_point: str) -> tuple[str, ...]:
    """The calls of a test that is one function of asserts over calls with literal arguments.

    They are made in this order, up to the first assert that fails: nothing here is left out or made
    twice by the way that it goes.
    """
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    rest = [
        n for n in tree.body if not isinstance(n, ast.FunctionDef | ast.Import | ast.ImportFrom)
    ]
    if len(functions) != 1 or rest or functions[0].decorator_list:
        return ()
    nodes = [part for statement in functions[0].body for part in ast.walk(statement)]
    if not all(isinstance(node, _STRAIGHT) for node in nodes):
        return ()
    if any(isinstance(node, ast.Compare) and len(node.ops) > 1 for node in nodes):
        return ()
    calls = [n for n in nodes if isinstance(n, ast.Call) and name_of(n.func) == entry_point]
    names = sum(name_of(node) == entry_point for node in nodes)
    if names != len(calls) or len(calls) > _MOST_CALLS:
        return ()
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    try:
        return tuple(map(_encoded, calls))
    except (ValueError, TypeError, MemoryError, RecursionError, Unplain):
        return ()


def _encoded(call: ast.Call) -> str:
    """As the test's process will encode it. Raises ValueError for arguments that are no literals."""
    names = [keyword.arg for keyword in call.keywords]
    if None in names:
        raise ValueError("keywords that are only known later")
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return encode_call([str(name) for name in names], [ast.literal_eval(v) for v in values])

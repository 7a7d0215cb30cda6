"""`unittest` classes and plain test classes as pytest functions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TypeVar

from engine.cleanup.names import bound_at_top

_Node = TypeVar("_Node", bound=ast.AST)

_COMPARE: dict[str, type[ast.cmpop]] = {
    "assertEqual": ast.Eq, "assertEquals": ast.Eq, "assertListEqual": ast.Eq,
    "assertDictEqual": ast.Eq, "assertTupleEqual": ast.Eq, "assertSetEqual": ast.Eq,
    "assertSequenceEqual": ast.Eq, "assertMultiLineEqual": ast.Eq, "assertNotEqual": ast.NotEq,
    "assertIs": ast.Is, "assertIsNot": ast.IsNot, "assertIn": ast.In, "assertNotIn": ast.NotIn,
    "assertGreater": ast.Gt, "assertGreaterEqual": ast.GtE, "assertLess": ast.Lt,
    "assertLessEqual": ast.LtE,
}  # fmt: skip


def _expression(template: str, *parts: ast.expr) -> ast.expr:
    """`template` with `a`, `b`, `c` replaced by `parts`."""
    names = dict(zip("abc", parts, strict=False))

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return names.get(node.id, node)

    tree = Fill().visit(ast.parse(template, mode="eval"))
    assert isinstance(tree, ast.Expression)
    return tree.body


_SHAPES: dict[str, tuple[int, Callable[..., ast.expr]]] = {
    "assertTrue": (1, lambda a: a),
    "assert_": (1, lambda a: a),
    "assertFalse": (1, lambda a: ast.UnaryOp(ast.Not(), a)),
    "assertIsNone": (1, lambda a: _expression("a is None", a)),
    "assertIsNotNone": (1, lambda a: _expression("a is not None", a)),
    "assertIsInstance": (2, lambda a, b: _expression("isinstance(a, b)", a, b)),
    "assertNotIsInstance": (2, lambda a, b: _expression("not isinstance(a, b)", a, b)),
    "assertCountEqual": (2, lambda a, b: _expression("sorted(a) == sorted(b)", a, b)),
    "assertRegex": (2, lambda a, b: _expression("re.search(b, a)", a, b)),
}


_SET_UPS = ("setUpClass", "setUp", "setup_method", "setup_class")
_TEAR_DOWNS = ("tearDownClass", "tearDown", "teardown_method", "teardown_class")
_RECEIVERS = frozenset({"self", "cls"})


def functions_of_class(node: ast.ClassDef) -> list[ast.stmt] | None:
    """The tests of a class as functions, or None where it is no test class or cannot be unfolded.

    What set-up methods assign becomes variables of each test; other methods become functions, which
    may call one another but have no state to share. A test that needs more than that is left out.
    """
    is_unittest = any(ast.unparse(base) in {"unittest.TestCase", "TestCase"} for base in node.bases)
    if not is_unittest and (node.bases or not node.name.startswith("Test")):
        return None
    methods = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
    tests = [part for name, part in methods.items() if name.startswith("test")]
    setup: list[ast.stmt] = [part for part in node.body if isinstance(part, ast.Assign)]
    for name in _SET_UPS:
        setup.extend(methods[name].body if name in methods else ())
    others = {
        name: part
        for name, part in methods.items()
        if part not in tests and name not in (*_SET_UPS, *_TEAR_DOWNS)
    }
    helpers = {name: _unfolded(part, [], set(others)) for name, part in others.items()}
    usable = {name for name, helper in helpers.items() if helper is not None}
    functions = [_unfolded(test, setup, usable) for test in tests]
    if not any(functions):
        return None
    return [part for part in (*helpers.values(), *functions) if part is not None]


def _unfolded(
    method: ast.FunctionDef, setup: list[ast.stmt], helpers: set[str]
) -> ast.FunctionDef | None:
    """A method with `setup` before it as a function of its own, or None where it needs its object."""
    body = ast.parse(ast.unparse(ast.Module(body=[*setup, *method.body], type_ignores=[]))).body
    body = [part for part in body if not ast.unparse(part).startswith("super().")]
    unfold = _Unfold(helpers | _attributes_set_in(body) | set().union(*map(bound_at_top, setup)))
    statements = [unfold.visit(statement) for statement in body]
    if unfold.failed:
        return None
    function = ast.parse(f"def {method.name}():\n    pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = statements or [ast.Pass()]
    function.args = method.args
    if function.args.args and function.args.args[0].arg in _RECEIVERS:
        del function.args.args[0]
    function.decorator_list = [
        mark
        for mark in method.decorator_list
        if ast.unparse(mark) not in {"classmethod", "staticmethod"}
    ]
    return function


def _attributes_set_in(body: list[ast.stmt]) -> set[str]:
    return {
        part.attr
        for statement in body
        for part in ast.walk(statement)
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and _is_own(part)
    }


def _is_own(node: ast.expr) -> bool:
    """`self.x` or `cls.x`."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in _RECEIVERS
    )


class _Unfold(ast.NodeTransformer):
    """`self.assertEqual(a, b)` → `assert a == b`; `self.x` → `x`; `failed` where neither fits."""

    def __init__(self, known: set[str]) -> None:
        self.known, self.failed = known, False

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        call = node.value
        if not (isinstance(call, ast.Call) and _is_own(call.func)):
            return self._rest(node)
        assert isinstance(call.func, ast.Attribute)
        method, arguments = call.func.attr, [self._value(argument) for argument in call.args]
        if method == "assertRaises" and len(arguments) >= 2:
            inner = ast.Call(func=arguments[1], args=arguments[2:], keywords=call.keywords)
            return ast.With([ast.withitem(_raises([arguments[0]]))], [ast.Expr(inner)])
        if method == "fail":
            return ast.parse("assert False").body[0]
        test = _condition(method, arguments, call.keywords)
        if test is None:
            self.failed = True
            return node
        return ast.Assert(test=test, msg=None)

    def visit_With(self, node: ast.With) -> ast.stmt:
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and _is_own(call.func):
                assert isinstance(call.func, ast.Attribute)
                if call.func.attr == "subTest":
                    return ast.If(
                        ast.Constant(value=True), [self.visit(part) for part in node.body], []
                    )
                if call.func.attr not in {"assertRaises", "assertRaisesRegex"}:
                    self.failed = True
                    return node
                item.context_expr = _raises(
                    [self._value(part) for part in call.args], call.func.attr
                )
        return self._rest(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if _is_own(node):
            self.failed = self.failed or node.attr not in self.known
            return ast.Name(node.attr, node.ctx)
        return self._rest(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        self.failed = self.failed or node.id in _RECEIVERS
        return node

    def _value(self, node: ast.expr) -> ast.expr:
        value = self.visit(node)
        assert isinstance(value, ast.expr)
        return value

    def _rest(self, node: _Node) -> _Node:
        self.generic_visit(node)
        return node


def _condition(
    method: str, arguments: list[ast.expr], keywords: list[ast.keyword]
) -> ast.expr | None:
    if method in _COMPARE and len(arguments) >= 2:
        return ast.Compare(left=arguments[0], ops=[_COMPARE[method]()], comparators=[arguments[1]])
    if method in _SHAPES and len(arguments) >= _SHAPES[method][0]:
        count, shape = _SHAPES[method]
        return shape(*arguments[:count])
    if method in {"assertAlmostEqual", "assertAlmostEquals"} and len(arguments) >= 2:
        delta = next((part.value for part in keywords if part.arg == "delta"), None)
        places = next((part.value for part in keywords if part.arg == "places"), None)
        if delta is not None:
            return _expression("abs(a - b) <= c", arguments[0], arguments[1], delta)
        if places is None and len(arguments) > 2:
            places = arguments[2]
        places = places if places is not None else ast.Constant(7)
        return _expression("round(a - b, c) == 0", arguments[0], arguments[1], places)
    return None


def _raises(arguments: list[ast.expr], method: str = "assertRaises") -> ast.Call:
    call = ast.Call(
        func=ast.Attribute(ast.Name("pytest", ast.Load()), "raises", ast.Load()),
        args=arguments[:1],
        keywords=[],
    )
    if method == "assertRaisesRegex" and len(arguments) > 1:
        call.keywords.append(ast.keyword("match", arguments[1]))
    return call

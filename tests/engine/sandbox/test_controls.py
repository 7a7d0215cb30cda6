"""A contradicted test is one that no honest code passes."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sandbox.controls import contradict


def body(*lines: str) -> str:
    return "def test_a():\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("source", "contradicted"),
    [
        (body("assert f(3) == 6"), body("assert f(3) == 7")),
        (body("assert 6 == f(3), 'words'"), body("assert 7 == f(3)")),
        (body("assert f(3) == -1"), body("assert f(3) == (-1, None)")),
        (body("assert f(3) == True"), body("assert f(3) == False")),
        (body("assert f(3) == 'a'"), body("assert f(3) == 'ax'")),
        (body("assert f(3) == 2.5"), body("assert f(3) == 3.5")),
        (body("assert f(3) == [1]"), body("assert f(3) == [1, 1]")),
        (body("assert f(3) == None"), body("assert f(3) == (None, None)")),
        (body("assert f(3) == x"), body("assert f(3) == (x, None)")),
        (body("assert f(3)"), body("assert not f(3)")),
        (body("assert f(3) != 6"), body("assert not f(3) != 6")),
        (body("assert f(3) is None"), body("assert not f(3) is None")),
        (body("f(3)"), body("f(3)", "assert False")),
        (
            body("for n in []:", "    assert f(n)"),
            body("for n in []:", "    assert f(n)", "assert False"),
        ),
        (
            body("try:", "    f(3)", "except:", "    pass", "else:", "    assert f(3)"),
            body(
                "try:",
                "    f(3)",
                "except:",
                "    pass",
                "else:",
                "    assert f(3)",
                "assert False",
            ),
        ),
        (
            body("assert f(1)", "if f(2):", "    assert f(3)"),
            body("assert not f(1)", "if f(2):", "    assert f(3)"),
        ),
        (
            body("with raises(ValueError):", "    f(3)"),
            body("with raises(ValueError):", "    f(3)", "assert False"),
        ),
        (
            "def help():\n    f(3)\n\nasync def test_b():\n    help()\n",
            "def help():\n    f(3)\n\nasync def test_b():\n    help()\n    assert False\n",
        ),
    ],
)
def test_every_assert_is_contradicted(source, contradicted):
    assert contradict(source) == contradicted


@pytest.mark.parametrize("source", ["def f(:\n", "\0", "(" * 10_000])
def test_what_does_not_parse_has_no_control(source):
    assert contradict(source) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner),
    max_leaves=4,
)


@given(VALUES)
def test_no_value_equals_what_its_control_asks_for(value):
    source = contradict(f"def test_a():\n    assert value == {value!r}\n")
    assert source is not None
    names = {"value": value, "nan": float("nan"), "inf": float("inf")}
    (check,) = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    assert not eval(ast.unparse(check.test), names)  # noqa: S307 - the values are ours

"""Examples become ground truth: what is read must be what a person wrote, or nothing."""

import ast
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.examples import examples_in


def read(description: str) -> list[str]:
    """Each example as the assert that it becomes."""
    return [
        f"{e.call} raises {e.raises}" if e.raises else f"{e.call} == {e.expected}"
        for e in examples_in(dedent(description), "f")
    ]


@pytest.mark.parametrize(
    ("line", "example"),
    [
        ("f(2) == 4", "f(2) == 4"),
        ("f(2) -> 4", "f(2) == 4"),
        ("f(2)->4", "f(2) == 4"),
        ("f(2) => 4", "f(2) == 4"),
        ("f(2) ➞ 4", "f(2) == 4"),
        ("f(2) → 4.", "f(2) == 4"),
        ("f(2) ⇒ 4", "f(2) == 4"),
        ("f(2) returns 4", "f(2) == 4"),
        ("f(2) should return 4.", "f(2) == 4"),
        ("assert f(2) == 4", "f(2) == 4"),
        ("- f(2) == 4", "f(2) == 4"),
        ("* `f(2)` -> `4`", "f(2) == 4"),
        ("1. f(2) -> 4", "f(2) == 4"),
        ("Example: f(2) == 4", "f(2) == 4"),
        ("e.g. f(2) == 4", "f(2) == 4"),
        ("For example, f(2) == 4", "f(2) == 4"),
        ("-f(2) == -4", "-f(2) == -4"),
        ("f(0.5) == 1.25", "f(0.5) == 1.25"),
        ("f(1.5) -> 2.", "f(1.5) == 2"),
        ('f("a") ➞ ["b", {"c": (1, None)}]', "f('a') == ['b', {'c': (1, None)}]"),
        ("f([1, 2], key=len) == {1, 2}", "f([1, 2], key=len) == {1, 2}"),
        ("f(2) == 4  # twice", "f(2) == 4"),
        ("f(f(2)) == 8", "f(f(2)) == 8"),
        ("list(f(2)) == [0, 1]", "list(f(2)) == [0, 1]"),
        ("f(2) + f(3) == 10", "f(2) + f(3) == 10"),
        ("f(2)(3) == (1,)", "f(2)(3) == (1,)"),
        ("f(float('inf')) == True", "f(float('inf')) == True"),
        ("f('->') -> '== 1'", "f('->') == '== 1'"),
        ("f(lambda x: x + 1) == 2", "f(lambda x: x + 1) == 2"),
    ],
)
def test_given_a_line_that_states_a_value_then_it_is_an_example(line, example):
    assert read(f"Do it.\n\n    {line}\n\nMore.") == [example]


@pytest.mark.parametrize(
    "line",
    [
        "Return f(2) when it is 4.",
        "If f(2) == 4 then all is well.",
        "f(n) == n * 2",
        "f(n) == 4",
        "f(2) == g(2)",
        "g(2) == 4",
        "x.f(2) == 4",
        "f(2) -> int",
        "f(x: int) -> None",
        "f(x) -> None",
        "f(2) == 4 or 5",
        "f(2) -> 4 if it is even",
        "f(2) == f(1) == 4",
        "not f(2) == False",
        "f(2) and f(3) == 4",
        "f(2) -> 1, 2",
        "f(2) -> [1, ..., 9]",
        "f(2) -> ...",
        "f(2) != 4",
        "f(2) <= 4",
        "f(2) == ",
        "f(2)",
        "f(2) == math.pi",
        "print(f(2)) -> 4",
        "f(2 == 4",
        "f('\0') == 4",
        "f(2) == '\ud800'",
        "f(" + "(" * 3000 + ") == 1",
        "f(1) == " + "-" * 3000 + "1",
    ],
)
def test_given_prose_or_doubt_then_nothing_is_invented(line):
    assert read(f"Do it.\n\n{line}") == []


@pytest.mark.parametrize(
    ("text", "examples"),
    [
        (">>> f(2)\n4", ["f(2) == 4"]),
        (">>> f(2)\n4\n>>> f(3)\n'a'", ["f(2) == 4", "f(3) == 'a'"]),
        (">>> f(2)\n4\nThat was easy.", ["f(2) == 4"]),
        (">>> f(2)\n[1,\n 2]\n", ["f(2) == [1, 2]"]),
        (">>> f(2)  # the first\n4", ["f(2) == 4"]),
        (">>> f(\n...     2,\n... )\n4", ["f(2) == 4"]),
        (">>> f(2) == 4\nTrue", ["(f(2) == 4) == True"]),
        (">>> not f(2)\nFalse", ["(not f(2)) == False"]),
        (">>> f(2) and 1\n1", ["(f(2) and 1) == 1"]),
        (">>> f(2) if f(1) else 0\n1", ["(f(2) if f(1) else 0) == 1"]),
        (">>> [f(i) for i in range(3)]\n[0, 1, 4]", ["[f(i) for i in range(3)] == [0, 1, 4]"]),
        (">>> sorted(f(2))[0]\n1.5", ["sorted(f(2))[0] == 1.5"]),
        (">>> print(f(2))\n4", ["str(f(2)) == '4'"]),
        (">>> print(f(2))\na\nb", ["str(f(2)) == 'a\\nb'"]),
        (">>> f(2)\n1\n2", []),
        (">>> print(f(2), f(3))\n4 9", []),
        (">>> [print(f(i)) for i in (1,)]\n[None]", []),
        (">>> x = f(2)\n>>> x\n4", []),
        (">>> x = 2\n>>> f(x)\n4", []),
        (">>> import math\n>>> f(math.pi)\n4", []),
        (">>> f(2)  # doctest: +SKIP\n4", []),
        (">>> f(2)  # doctest: +ELLIPSIS\n[0, ..., 9]", []),
        (">>> f(2)\n<object at 0x7f>", []),
        (">>> f(2)\n", []),
        (">>> f(2)\n1, 2", []),
        (">>> f(2)\n4 5", []),
        (">>>f(2)\n4", []),
        (
            ">>> f(-1)\nTraceback (most recent call last):\n    ...\nValueError: no: never",
            ["f(-1) raises ValueError"],
        ),
        (">>> f(-1)\nTraceback (most recent call last):\nKeyError", ["f(-1) raises KeyError"]),
        (">>> f(-1)\nTraceback (most recent call last):\nmy.Error: no", []),
        (">>> f(-1)\nTraceback (most recent call last):\nMyError: no", []),
        (">>> f(x)\nTraceback (most recent call last):\nValueError: no", []),
    ],
)
def test_given_doctests_then_those_that_stand_alone_are_examples(text, examples):
    assert read(f"Do it.\n\n{text}\n") == examples


def test_given_the_form_of_humaneval_then_all_its_examples_are_read():
    description = """
         Check if in given list of numbers, are any two numbers closer to each other than
        given threshold.
        >>> f([1.0, 2.0, 3.0], 0.5)
        False
        >>> f([1.0, 2.8, 3.0, 4.0, 5.0, 2.0], 0.3)
        True
        For example:
        f([], 1) ➞ False
        """

    assert read(description) == [
        "f([1.0, 2.0, 3.0], 0.5) == False",
        "f([1.0, 2.8, 3.0, 4.0, 5.0, 2.0], 0.3) == True",
        "f([], 1) == False",
    ]


def test_given_an_example_twice_then_it_counts_once():
    assert read("f(2) == 4\nf(2) -> 4\n>>> f(2)\n4\n") == ["f(2) == 4"]


PIECES = [
    "f(", ")", "2", "==", "->", ">>> ", "... ", "\n", " ", "'a'", "[", "]", ",", "4", "not ", "x",
    "print",
    "Traceback (most recent call last):", "ValueError: no", "#", "-", "\\", '"""', "lambda: ",
    "...", "`",
]  # fmt: skip


@given(st.text() | st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_given_any_text_then_each_example_is_an_assert_that_parses(text):
    for example in examples_in(text, "f"):
        ast.parse(example.call, mode="eval")
        if example.raises:
            assert example.expected is None
        else:
            [statement] = ast.parse(f"assert {example.call} == {example.expected}").body
            assert isinstance(statement, ast.Assert)
            assert statement.msg is None
            assert isinstance(statement.test, ast.Compare)
            assert len(statement.test.ops) == 1
            ast.literal_eval(str(example.expected))

"""Given generated tests, when they are cleaned, split and composed, then what they check stays the same."""
# ruff: noqa: E501 (tables of texts read best with one text to a line)

from __future__ import annotations

import ast

import pytest

from engine.cleanup.tests import clean_test, compose, import_line, split_asserts

UNITTEST = (
    "```python\nimport unittest\nfrom solution import fact\nimport frobnicate\n\n"
    "def fact(n):\n    return 1 if n < 2 else n * fact(n - 1)\n\n"
    "class TestFact(unittest.TestCase):\n    def setUp(self):\n        self.n = 5\n\n"
    "    def test_values(self):\n        self.assertEqual(fact(self.n), 120)\n        result = fact(4)\n"
    "        self.assertEqual(24, result)\n        self.assertTrue(fact(0) == 1)\n\n"
    "    def test_negative(self):\n        with self.assertRaises(ValueError):\n            fact(-1)\n\n"
    "if __name__ == '__main__':\n    unittest.main()\n```\n"
)


def units(text: str, entry_point: str = "fact") -> list[str]:
    return split_asserts(clean_test(text, entry_point=entry_point).source, entry_point=entry_point)


def checks(found: list[str]) -> list[str]:
    """The last statement of each unit's test."""
    bodies = [ast.parse(unit).body[-1] for unit in found]
    return [ast.unparse(body.body[-1]) for body in bodies if isinstance(body, ast.FunctionDef)]


def test_a_unittest_class_becomes_functions_of_the_right_import() -> None:
    result = clean_test(UNITTEST, entry_point="fact")
    assert result.ok
    assert "from fact import fact" in result.source
    for gone in ("solution", "frobnicate", "class ", "self", "__name__", "def fact"):
        assert gone not in result.source
    assert "with pytest.raises(ValueError):" in result.source


def test_a_unittest_class_splits_into_its_asserts() -> None:
    assert checks(units(UNITTEST)) == [
        "assert fact(5) == 120",
        "assert fact(4) == 24",
        "assert fact(0) == 1",
        "with pytest.raises(ValueError):\n    fact(-1)",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "assert fact(3) == 6",
        "def test_a():\n    assert fact(3) == 6, 'three'",
        "def test_a():\n    assert 6 == fact(3)",
        "def test_a():\n    n = 3\n    expected = 6\n    assert fact(n) == expected",
        "def test_a():\n    result = fact(3)\n    assert result == 6",
        "import pytest\n@pytest.mark.parametrize('n, e', [(3, 6)])\ndef test_a(n, e):\n    assert fact(n) == e",
        "def check(candidate):\n    assert candidate(3) == 6",
        "import solution\ndef test_a():\n    assert solution.fact(3) == 6",
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(fact(3), 6)",
        "class TestFact:\n    def test_a(self):\n        assert fact(3) == 6",
        "```python\ndef test_a():\n    assert fact(3) == 6\n    assert fact(",
        ">>> fact(3)\n6\n",
        ">>> print(fact(3))\n6\n",
        "Run it:\n```\n>>> n = 3\n>>> fact(n)\n6\n```\n",
        'def fact(n):\n    """Multiply.\n\n    >>> fact(3)\n    6\n    """\n    return 6\n\nimport doctest\ndoctest.testmod()\n',
        "fact(3) == 6",
        "print(fact(3) == 6)",
        "def test_a():\n    return fact(3) == 6",
        "if __name__ == '__main__':\n    assert fact(3) == 6\n    print('ok')",
        "def test_a():\n    from solution import fact\n    assert fact(3) == 6",
        "def test_a():\n    import solution\n    assert solution.fact(3) == 6",
        "def test_a():\n    def fact(n):\n        return 6\n    assert fact(3) == 6",
        "def test_a():\n    fact = lambda n: 6\n    assert fact(3) == 6",
        "fact = lambda n: 6\nassert fact(3) == 6",
        "try:\n    from solution import fact\nexcept ImportError:\n    def fact(n):\n        return 6\nassert fact(3) == 6",
        "class Solution:\n    def fact(self, n):\n        return 6\n\ndef test_a():\n    s = Solution()\n    assert s.fact(3) == 6",
        "from solution import Solution\ndef test_a():\n    assert Solution().fact(3) == 6",
        "def helper(n):\n    return n\n\ndef fact(n):\n    return helper(6)\n\ndef test_a():\n    assert fact(3) == 6",
        "import unittest\nclass T(unittest.TestCase):\n    N = 3\n    @classmethod\n    def setUpClass(cls):\n        super().setUpClass()\n        cls.e = 6\n"
        "    def tearDown(self):\n        pass\n    def test_a(self):\n        self.assertEqual(fact(self.N), self.e)",
    ],
)
def test_the_same_assert_is_a_twin_however_it_is_written(text: str) -> None:
    assert units(text) == ["from fact import fact\n\n\ndef test_fact():\n    assert fact(3) == 6\n"]


@pytest.mark.parametrize(
    "statement",
    [
        "assert True",
        "assert 1 == 1",
        "assert fact(3) == fact(3)",
        "assert fact(3) or True",
        "assert (fact(3), 6)",
    ],
)
def test_what_cannot_fail_is_flagged_and_left_out(statement: str) -> None:
    result = clean_test(f"def test_a():\n    {statement}\n", entry_point="fact")
    assert any("cannot fail" in warning for warning in result.warnings)
    assert split_asserts(result.source, entry_point="fact") == []


def test_a_traceback_at_the_prompt_is_an_exception_that_must_come() -> None:
    session = ">>> fact(-1)\nTraceback (most recent call last):\n    ...\nValueError: negative\n"
    assert checks(units(session)) == ["with pytest.raises(ValueError):\n    fact(-1)"]


def test_examples_beside_real_tests_stay_where_they_are() -> None:
    text = 'def test_a():\n    """\n    >>> fact(1)\n    2\n    """\n    assert fact(3) == 6\n'
    assert checks(units(text)) == ["assert fact(3) == 6"]


@pytest.mark.parametrize(
    "copy",
    [
        "def fact(n):\n        return 6",
        "fact = lambda n: 6",
        "class fact:\n        pass",
        "from solution import fact",
    ],
)
def test_a_copy_inside_a_test_goes(copy: str) -> None:
    text = f"def test_a():\n    {copy}\n    assert fact(3) == 6\n"
    result = clean_test(text, entry_point="fact")
    assert result.source == "from fact import fact\n\n\ndef test_a():\n    assert fact(3) == 6\n"
    assert any("removed" in edit for edit in result.edits)


def test_an_import_that_fails_takes_only_its_own_test_down() -> None:
    text = (
        "import frob\nfrom a.b import c\nfrom . import d\nimport os\n\ndef test_a():\n    assert fact(3) == 6\n\n"
        "def test_b():\n    assert frob.x == fact(len(os.sep))\n"
    )
    source = clean_test(text, entry_point="fact").source
    assert [line for line in source.splitlines() if "import" in line] == [
        "from fact import fact",
        "import os",
    ]
    assert "def test_a" in source


def test_methods_beside_the_tests_become_functions_and_what_needs_its_class_is_named() -> None:
    text = (
        "import unittest\n\nclass TestFact(unittest.TestCase):\n    def twice(self, n):\n        return 2 * n\n\n"
        "    def test_a(self):\n        self.assertEqual(self.twice(fact(3)), 12)\n\n"
        "    def test_b(self):\n        with self.assertLogs() as logs:\n            fact(3)\n        self.assertTrue(logs)\n"
    )
    result = clean_test(text, entry_point="fact")
    assert "def twice(n):\n    return 2 * n\n" in result.source
    assert "assert twice(fact(3)) == 12" in result.source
    assert "test_b" not in result.source
    assert "left out test_b, which needs its class" in result.edits


def test_fixtures_of_a_plain_class_stay() -> None:
    text = "class TestFact:\n    @pytest.fixture\n    def n(self):\n        return 3\n\n    def test_a(self, n):\n        assert fact(n) == 6\n"
    source = clean_test(text, entry_point="fact").source
    assert "@pytest.fixture\ndef n():\n    return 3\n" in source
    assert "def test_a(n):" in source


def test_a_test_that_swallows_its_failure_is_flagged() -> None:
    text = "def test_a():\n    try:\n        assert fact(3) == 7\n    except Exception:\n        pass\n"
    assert any("swallows" in warning for warning in clean_test(text, entry_point="fact").warnings)


def test_a_unit_keeps_the_set_up_that_its_assert_needs_and_no_more() -> None:
    text = (
        "def test_a():\n    s = Stack()\n    other = [1]\n    s.push(1)\n    print(s)\n    assert s.size() == 1\n"
        "    s.push(2)\n    assert s.pop() == 2\n"
    )
    cleaned = clean_test(text, entry_point="push", import_name="Stack").source
    found = split_asserts(cleaned, entry_point="push", import_name="Stack")
    assert [unit.count("s.push(") for unit in found] == [1, 2]
    assert all("from Stack import Stack" in unit for unit in found)
    assert not any("print" in unit or "other" in unit for unit in found)


def test_every_case_is_a_unit_and_a_loop_is_one() -> None:
    text = (
        "import pytest\n@pytest.mark.parametrize('n', [1, 2])\n@pytest.mark.parametrize('m', [3, 4])\n"
        "def test_a(n, m):\n    assert add(n, m) == n + m\n\n"
        "def test_b():\n    for i in range(3):\n        assert add(i, 0) == i\n"
    )
    assert len(units(text, "add")) == 5


def test_coroutines_are_run() -> None:
    source = clean_test(
        "async def test_a():\n    assert await fetch(1) == 2\n", entry_point="fetch"
    ).source
    assert "asyncio.run(fetch(1))" in source
    assert "import asyncio" in source


def test_what_is_composed_splits_into_the_same_units() -> None:
    found = units(UNITTEST) + units(
        "def test_z():\n    for i in range(3):\n        assert fact(i) > 0\n"
    )
    composed = compose(found, entry_point="fact", import_line=import_line("fact"))
    assert set(split_asserts(composed, entry_point="fact")) == set(found)
    assert composed.count("from fact import fact") == 1
    assert "def test_fact_raises_value_error():" in composed
    assert "@pytest.mark.parametrize" in composed


def test_floats_are_compared_with_a_tolerance_since_a_right_function_may_be_off_in_the_last_bit() -> (
    None
):
    found = units("assert f(37) == 98.6\nassert -40.0 == f(-40)\nassert f(0) == 32\n", "f")
    assert [unit.rpartition("assert ")[2] for unit in found] == [
        "f(37) == pytest.approx(98.6)\n",
        "f(-40) == pytest.approx(-40.0)\n",
        "f(0) == 32\n",
    ]
    assert found[0].startswith("import pytest\nfrom f import f\n")


def test_a_tolerance_that_was_written_is_the_twin_of_one_that_was_added() -> None:
    written = units("import pytest\ndef test_a():\n    assert f(1) == pytest.approx(0.5)\n", "f")
    assert written == units("assert f(1) == 0.5\n", "f")


def test_rows_with_a_tolerance_get_a_table_of_their_own() -> None:
    text = "".join(f"assert f({n}) == {n}\nassert f(-{n}) == {n}.5\n" for n in (1, 2, 3))
    found = units(text, "f")
    composed = compose(found, entry_point="f", import_line="from f import f")
    assert "assert f(argument) == expected\n" in composed
    assert "def test_f_approximately(argument, expected):" in composed
    assert "assert f(argument) == pytest.approx(expected)\n" in composed
    assert set(split_asserts(composed, entry_point="f")) == set(found)


def test_few_asserts_get_functions_with_names_that_say_what_they_check() -> None:
    found = units("assert fact(0) == 1\nassert fact(5) == 120\n")
    composed = compose(found, entry_point="fact", import_line="from maths import fact")
    assert "def test_fact_of_zero():" in composed
    assert "def test_fact_of_5():" in composed
    assert "from maths import fact" in composed


@pytest.mark.parametrize("text", ["", "no tests today", "def helper():\n    return 1\n"])
def test_a_text_without_tests_is_not_ok(text: str) -> None:
    assert not clean_test(text, entry_point="fact").ok

"""What holds for every text, and for all code that is right already."""
# ruff: noqa: E501 (tables of texts read best with one text to a line)

from __future__ import annotations

import ast
import functools
import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.bench.cleanup_formats import DAMAGES
from engine.cleanup import clean
from engine.cleanup.repair import repair
from engine.cleanup.tests import clean_test, split_asserts

MODULES = (
    "bisect", "calendar", "colorsys", "copy", "csv", "difflib", "fnmatch", "fractions", "functools",
    "graphlib", "heapq", "keyword", "linecache", "ntpath", "numbers", "operator", "posixpath",
    "pprint", "queue", "random", "reprlib", "shlex", "statistics", "string", "textwrap", "token",
)  # fmt: skip

SAMPLE = (
    'def mean(numbers):\n    """The mean.\n\n    >>> mean([1, 2])\n    1.5\n    """\n    total = 0\n'
    "    for number in numbers:\n        if number is not None:\n            total += number\n"
    "    if not numbers:\n        raise ValueError('no ' + 'numbers')\n    return total / len(numbers)\n"
)

texts = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(["def f(x):", "\n", "    ", "return x", "```", '"""', "(", ")", "'", "if x", ":", "x = 1", "Hello there,", "\t"]), max_size=25).map("".join),
)  # fmt: skip
few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@functools.cache
def standard_functions() -> list[tuple[str, str]]:
    """(name, source) of the functions of the modules above that compile by themselves."""
    found = []
    for module in MODULES:
        text = (Path(os.__file__).parent / f"{module}.py").read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                found.append(
                    (node.name, "\n".join(text.split("\n")[first - 1 : node.end_lineno]) + "\n")
                )
    return found


@pytest.mark.parametrize("part", range(4))
def test_the_standard_library_keeps_its_behaviour(part: int) -> None:
    assert len(standard_functions()) > 200
    for name, source in standard_functions()[part::4]:
        assert repair(source) == source
        result = clean(source, entry_point=name)
        kept = [node for node in ast.parse(result.source).body if getattr(node, "name", "") == name]
        assert result.ok
        assert [ast.dump(node) for node in kept] == [ast.dump(ast.parse(source).body[0])]


@few
@given(texts)
def test_cleaning_never_raises_and_cleans_once(text: str) -> None:
    first = clean(text, entry_point="f")
    assert clean(first.source, entry_point="f").source == first.source


@few
@given(texts)
def test_cleaning_a_test_never_raises_and_cleans_once(text: str) -> None:
    first = clean_test(text, entry_point="f")
    assert clean_test(first.source, entry_point="f").source == first.source
    for unit in split_asserts(first.source, entry_point="f"):
        assert split_asserts(unit, entry_point="f") == [unit]


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_of_every_kind_leaves_a_module_with_the_function(kind: str) -> None:
    text = DAMAGES[kind](random.Random(f"1/{kind}"), SAMPLE)
    result = clean(text or SAMPLE, entry_point="mean")
    assert result.ok, (text, result)


@pytest.mark.parametrize("kind", sorted(set(DAMAGES) - {"cut_line", "duplicated_line"}))
def test_damage_to_a_simple_function_is_undone(kind: str) -> None:
    text = DAMAGES[kind](random.Random(f"2/{kind}"), SAMPLE)
    space: dict[str, object] = {}
    exec(clean(text or SAMPLE, entry_point="mean").source, space)  # noqa: S102 - our own sample
    assert space["mean"]([1, 2, None, 3]) == 1.5  # type: ignore[operator]

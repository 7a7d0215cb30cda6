"""Given a model's reply, when it is cleaned, then a formatted module of what is needed is left."""
# ruff: noqa: E501 (tables of texts read best with one text to a line)

from __future__ import annotations

import ast
import re
import sys

import pytest

from engine.cleanup import clean
from engine.cleanup.imports import _COMMON, missing_imports
from engine.cleanup.pipeline import MAX_TEXT
from engine.cleanup.syntax import parse


def cleaned(text: str, entry_point: str = "f") -> str:
    result = clean(text, entry_point=entry_point)
    assert result.ok, result
    return result.source


def test_a_typical_reply_of_the_small_model() -> None:
    reply = '```python\ndef f(n):\n    """Double."""\n    return n*2\n\nprint(f(2))\n```\nThis doubles n.'
    assert cleaned(reply) == 'def f(n):\n    """Double."""\n    return n * 2\n'


def test_what_the_entry_point_does_not_need_goes() -> None:
    reply = (
        "# A comment.\nimport os\nimport re\nLIMIT = 3\nOTHER = 4\n\ndef g(x):\n    return re.sub('a', '', x)\n\n"
        "def f(x):\n    # kept\n    return g(x)[:LIMIT]\n\ndef main():\n    print(f('a'))\n\n"
        "def test_f():\n    assert f('a') == ''\n\nassert f('a') == ''\n\nif __name__ == '__main__':\n    main()\n"
    )
    source = cleaned(reply)
    assert source.startswith("import re\n")
    for gone in ("os", "OTHER", "main", "test_f", "assert", "A comment", "__name__"):
        assert gone not in source
    for kept in ("LIMIT = 3", "def g", "# kept"):
        assert kept in source


def test_tests_and_mains_go_also_where_no_entry_point_is_named() -> None:
    reply = (
        "def f(x):\n    return x\n\ndef test_f():\n    assert f(1) == 1\n\nclass TestF:\n    pass\n\n"
        "def main():\n    print(f(1))\n\nmain()\nprint(f(2))\n"
    )
    assert clean(reply).source == "def f(x):\n    return x\n"


@pytest.mark.parametrize(
    "alone", ["def main():\n    return 1\n", "def test_f():\n    assert f(1)\n"]
)
def test_a_test_or_a_main_that_is_all_there_is_stays(alone: str) -> None:
    assert clean(alone).source == alone


def test_a_module_keeps_what_its_entry_point_needs_in_conditions_and_guards() -> None:
    reply = (
        "import sys\ntry:\n    import json\nexcept ImportError:\n    json = None\nif sys.maxsize > 1:\n\n"
        "    def g():\n        return json\nelse:\n    g = None\n\ndef f():\n    return g\n"
    )
    before, after = parse(reply), parse(cleaned(reply))
    assert ast.dump(before) == ast.dump(after)  # type: ignore[arg-type]


def test_type_aliases_of_newer_pythons_stay() -> None:
    source = cleaned("type Pair = tuple[int, int]\ndef f(x: Pair):\n    return x\n")
    assert "Pair = tuple[int, int]" in source


def test_the_style_is_yapfs_google() -> None:
    reply = "def f( a,b = 1 ):\n  return some_function_name(a, b, 'a long text that fills the line', {'key' : a})\n"
    assert cleaned(reply) == (
        "def f(a, b=1):\n    return some_function_name(a, b, 'a long text that fills the line',\n"
        "                              {'key': a})\n"
    )


def test_a_copy_that_the_token_limit_cut_does_not_hide_the_whole_one() -> None:
    whole = "def f(x):\n    y = x\n    return y\n"
    assert cleaned(whole + "\n\ndef f(x):\n    y = x\n") == whole
    other = "def f(x):\n    y = x\n    return y\n\n\ndef f(x):\n    return 2\n"
    assert cleaned(other) == other


def test_only_so_much_of_a_text_is_read_and_that_is_said() -> None:
    result = clean("def f(x):\n    return x\n" + "\n" * MAX_TEXT, entry_point="f")
    assert result.ok
    assert result.edits[0] == f"read only the first {MAX_TEXT} characters"


def test_decorators_async_classes_and_aliases_stay() -> None:
    reply = (
        "from functools import lru_cache\nfrom typing import Dict\nTable = Dict[str, int]\n\n"
        "class Node:\n    pass\n\n@lru_cache(maxsize=None)\ndef g(t: 'Table') -> Node:\n    return Node()\n\n"
        "async def f():\n    return g({})\n"
    )
    source = cleaned(reply)
    assert "@lru_cache(maxsize=None)" in source
    assert "Table = Dict[str, int]" in source
    assert "class Node" in source
    assert "async def f" in source


def test_statements_that_change_what_is_needed_stay() -> None:
    source = cleaned(
        "import sys\nsys.setrecursionlimit(99)\nT = {}\nT['a'] = 1\nT.update(b=2)\ndef f():\n    return T\n"
    )
    for kept in ("setrecursionlimit(99)", "T['a'] = 1", "T.update(b=2)"):
        assert kept in source


def test_a_call_that_sets_what_is_needed_stays_and_others_go() -> None:
    reply = "T = None\ndef init():\n    global T\n    T = 3\n\ninit()\n\ndef f():\n    return T\n\nf()\n"
    source = cleaned(reply)
    assert "\ninit()\n" in source
    assert "\nf()" not in source
    assert cleaned("def f(x):\n    return eval(x)\n\nf(1)\n") == "def f(x):\n    return eval(x)\n"


def test_a_function_that_sets_what_is_needed_stays_whoever_calls_it() -> None:
    reply = "def f():\n    return T\n\ndef main():\n    global T\n    T = 3\n\nif __name__ == '__main__':\n    main()\n"
    source = cleaned(reply)
    assert "def main" in source
    assert "__name__" not in source


def test_a_helper_that_the_docstring_names_stays() -> None:
    source = cleaned(
        'def en_code(x):\n    return x\n\ndef f(x):\n    """Undo en_code."""\n    return x\n'
    )
    assert "def en_code" in source


@pytest.mark.parametrize(
    ("expression", "statement"),
    [
        ("np.zeros(3)", "import numpy as np"),
        ("Counter(x)", "from collections import Counter"),
        ("math.pi", "import math"),
        ("datetime.now()", "from datetime import datetime"),
        ("datetime.datetime.now()", "import datetime"),
        ("copy.deepcopy(x)", "import copy"),
        ("deepcopy(x)", "from copy import deepcopy"),
        ("bisect(x, 1)", "from bisect import bisect"),
        ("fractions.Fraction(1)", "import fractions"),
        ("TextIO", "from typing import TextIO"),
        ("IO", "from typing import IO"),
        ("Coroutine", "from typing import Coroutine"),
        ("pd.DataFrame(x)", "import pandas as pd"),
        ("queue.Queue()", "import queue"),
    ],
)
def test_missing_imports_are_added(expression: str, statement: str) -> None:
    result = clean(f"def f(x):\n    return {expression}\n", entry_point="f")
    assert result.source.startswith(statement + "\n")
    assert f"added {statement}" in result.edits


def test_annotations_count_as_uses() -> None:
    assert cleaned("def f(x: List[int]) -> Optional[int]:\n    return x[0]\n").startswith(
        "from typing import"
    )


def test_packages_outside_the_standard_library_are_warned_of() -> None:
    assert clean("def f():\n    return np.pi\n", entry_point="f").warnings


@pytest.mark.parametrize("name", sorted(_COMMON))
def test_what_the_sandbox_may_refuse_is_never_added_silently(name: str) -> None:
    tree = parse(f"def f():\n    return {name}.x\n")
    assert isinstance(tree, ast.Module)
    statements, warnings = missing_imports(tree)
    package = re.split(r"[ .]", statements[0])[1]
    assert bool(warnings) == (package not in {*sys.stdlib_module_names, "pytest"})


def test_nothing_unknown_is_imported() -> None:
    tree = parse(
        "def f():\n    return engine, frobnicate, hypothesis, _pytest, X, queue, path, this\n"
    )
    assert not hasattr(tree, "message")
    assert missing_imports(tree)[0] == []  # type: ignore[arg-type]


def test_future_imports_stay_first() -> None:
    source = cleaned(
        "from __future__ import annotations\ndef f(x: List[int]):\n    return math.pi\n"
    )
    assert source.startswith("from __future__ import annotations\n")


def test_a_last_name_cut_by_the_token_limit_is_completed() -> None:
    assert cleaned("def f(values):\n    result = sum(values)\n    return res").endswith(
        "return result\n"
    )


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "Sorry, no.", "(" * 5000, "```", "\\\n" * 50])
def test_text_that_is_no_code_is_not_ok(text: str) -> None:
    assert not clean(text, entry_point="f").ok


def test_a_missing_entry_point_is_not_ok() -> None:
    assert not clean("def g():\n    return 1\n", entry_point="f").ok
    assert clean("def g():\n    return 1\n").ok


HUGE = {
    "prose": "This is text about code. " * 40_000,
    "statements": "x = 1\n" * 170_000,
    "broken": "def f(:\n    return (1\n" * 45_000,
    "one line": "def f(x): return [" + "1," * 400_000,
    "lines": "\n" * 1_000_000,
    "quotes": "'" * 1_000_000,
    "deep": "".join(" " * i + "if x:\n" for i in range(300)),
    "calls": "f" + "()" * 5000,
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE.keys())
def test_huge_texts_end(text: str) -> None:
    clean(text, entry_point="f")

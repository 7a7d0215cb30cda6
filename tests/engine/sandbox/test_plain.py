"""Which codes and tests are plain, read from their sources."""

# ruff: noqa: E501 - in a table a case to a line is read more easily

from __future__ import annotations

from textwrap import dedent

import pytest

from engine.sandbox.plain import PlainCode, may_be_plain
from engine.sandbox.plaincode import read_code
from engine.sandbox.plaintest import read_test

IMPORT = "from double import double\n\n\n"


def a_test(body: str) -> str:
    return f"{IMPORT}def test_double():\n    {body}\n"


@pytest.mark.parametrize(
    ("source", "cases", "catches"),
    [
        (a_test("assert double(4) == 8"), 1, False),
        (a_test("assert 8 == double(n=4), 'words'"), 1, False),
        (a_test("x = [1]\n    double(x)\n    assert x == [2]"), 1, False),
        (a_test("for n in range(3):\n        assert double(n) == n + n"), 1, False),
        (a_test("assert all(double(n) == 2 * n for n in range(3))"), 1, False),
        (a_test("assert list(map(double, [1, 2])) == [2, 4]"), 1, False),
        (a_test("assert double(2) is True or double(None) is not None"), 1, False),
        (a_test("try:\n        double(None)\n    except TypeError as e:\n        assert str(e)"), 1, True),
        ("import pytest\n" + a_test("with pytest.raises(TypeError, match='x'):\n        double(None)"), 1, True),
        ("import pytest\n" + a_test("pytest.raises(TypeError, double, None)"), 1, True),
        ("from pytest import approx\n" + a_test("assert double(0.1) == approx(0.2)"), 1, False),
        ("import math\n" + a_test("assert math.isclose(double(0.1), 0.2)"), 1, False),
        (IMPORT + "def help(n):\n    return n + n\n\n\ndef test_a():\n    assert double(1) == 1\n", 1, False),
        (IMPORT + "def twice(n):\n    return n + n\n\n\ndef test_a():\n    assert double(1) == twice(1)\n"
         "\n\ndef test_b():\n    assert double(2) == twice(2)\n", 2, False),
        (
            "import pytest\n" + IMPORT + "@pytest.mark.parametrize('n', [1, 2, 3])\n"
            "@pytest.mark.parametrize('a, b', [(1, 2), (3, 4)])\n"
            "def test_double(n, a, b):\n    assert double(n)\n",
            6,
            False,
        ),
        (a_test("assert ___ == double(1)"), 1, False),
    ],
)  # fmt: skip
def test_a_plain_test_is_known_with_its_cases(source, cases, catches):
    if "def help" in source:
        assert read_test(source, "double") is None
        return
    known = read_test(source, "double")
    assert known is not None
    assert (known.cases, known.catches) == (cases, catches)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def test_a(:\n",
        "\0",
        "# coding: latin-1\n" + a_test("assert double(1) == 2"),
        IMPORT + "x = 1\n",
        a_test("import os\n    assert double(1) == 2"),
        "import os\n" + a_test("assert double(1) == 2"),
        "import double\n" + a_test("assert double.double(1) == 2"),
        "from double import double as d\n\n\ndef test_a():\n    assert d(1) == 2\n",
        "from math import *\n" + a_test("assert double(1) == 2"),
        "from double import double, secret\n" + a_test("assert double(1) == secret"),
        a_test("double = lambda n: 2 * n\n    assert double(1) == 2"),
        a_test("assert double.__name__ == 'double'"),
        a_test("assert callable(double)"),
        a_test("assert [double][0](1) == 2"),
        a_test("assert double(1).__class__ == int"),
        a_test("assert double(1).real_part == 1"),
        a_test("assert double([1]) is [1]"),
        a_test("x = [1]\n    assert double(x) is x"),
        a_test("assert eval('double(1)') == 2"),
        a_test("assert open('double.py').read()"),
        a_test("assert getattr(double, 'x')"),
        a_test("assert __file__"),
        a_test("while True:\n        assert double(1) == 2"),
        a_test("yield double(1)"),
        a_test("return double(1) == 2"),
        a_test("global x\n    x = 1\n    assert double(1) == 2"),
        a_test("with open('x') as f:\n        assert double(1) == 2"),
        a_test("class A: pass\n    assert double(1) == 2"),
        a_test("g = (n for n in [1])\n    assert g.gi_frame"),
        a_test("try:\n        double(1)\n    except RecursionError:\n        pass"),
        IMPORT + "async def test_a():\n    assert double(1) == 2\n",
        IMPORT + "class TestA:\n    def test_a(self):\n        assert double(1) == 2\n",
        IMPORT + "def test_a(tmp_path):\n    assert double(1) == 2\n",
        IMPORT + "def test_a(n=1):\n    assert double(1) == 2\n",
        IMPORT + "def setup_module():\n    pass\n\n\n" + a_test("assert double(1) == 2"),
        IMPORT + "pytestmark = 1\n\n\ndef test_a():\n    assert double(1) == 2\n",
        IMPORT + "test_b = 1\n\n\ndef test_a():\n    assert double(1) == 2\n",
        IMPORT + "print(1)\n\n\ndef test_a():\n    assert double(1) == 2\n",
        IMPORT + "if True:\n    def test_a():\n        assert double(1) == 2\n",
        "import pytest\n" + a_test("pytest.skip()"),
        "import pytest\n" + IMPORT + "@pytest.mark.skip\ndef test_a():\n    assert double(1) == 2\n",
        "import pytest\n" + IMPORT + "@pytest.fixture\ndef n():\n    return 1\n",
        *(
            "import pytest\n" + IMPORT + f"@pytest.mark.parametrize({arguments})\n"
            "def test_a(n):\n    assert double(n)\n"
            for arguments in (
                *("'n', []", "'n', range(3)", "'n', [*x]", "'n, m', [(1,)]", "['n'], [(1,)]"),
                *("'m', [1]", "'n', [1], ids=['a']", "'n', [1], indirect=True", "''"),
            )
        ),
    ],
)  # fmt: skip
def test_what_is_not_known_to_be_plain_is_no_plain_test(source):
    assert read_test(source, "double") is None


@pytest.mark.parametrize(
    ("body", "calls"),
    [
        ("assert double(4) == 8", 1),
        ("assert double(-4, [1, (2,)], k={'a': 1.5}) == 8\n    assert 1 < double(2)", 2),
        ("assert double(1) + double(2) == 6", 2),
        ("assert double(double(1)) == 4", 0),
        ("n = 1\n    assert double(n) == 2", 0),
        ("assert double(1) == 2 or double(2) == 4", 0),
        ("assert 0 < double(1) < double(2)", 0),
        ("assert [double(n) for n in (1, 2)] == [2, 4]", 0),
        ("assert double(1) == (2 if double(2) else 3)", 0),
        ("assert (lambda: double(1))() == 2", 0),
        ("assert double(*[1]) == 2", 0),
        ("assert double(**{'n': 1}) == 2", 0),
        ("assert double(float('nan')) == 2", 0),
        ("assert sorted([1], key=double)", 0),
        ("assert double(...) == 2", 0),
    ],
)
def test_calls_are_known_where_nothing_decides_which_are_made(body, calls):
    known = read_test(a_test(body), "double")
    assert known is not None
    assert len(known.calls) == calls


PLAIN, KEEPS = PlainCode(keeps_state=False), PlainCode(keeps_state=True)


@pytest.mark.parametrize(
    ("source", "known"),
    [
        ("def double(n):\n    return 2 * n\n", PLAIN),
        ("import math\nfrom typing import List\n\ndef double(n: List[int] = None):\n    return n\n", PLAIN),
        ("FACTOR = 2\nLIMITS = (1, -2.5)\n\ndef double(n):\n    return FACTOR * n\n", PLAIN),
        ("ROMAN = {'I': 1, 'V': 5}\n\ndef double(n):\n    return ROMAN[n] + ROMAN.get(n, 0)\n", PLAIN),
        ("VOWELS = ['a', 'e']\n\ndef double(n):\n    return sum(c in VOWELS for c in n)\n", PLAIN),
        ("def double(n):\n    def inner():\n        nonlocal n\n        n += 1\n    inner()\n    return n\n", PLAIN),
        ("def double(n):\n    if n: return double(n - 1)\n\n\nprint(double(2))\n", PLAIN),
        ("from functools import lru_cache\n\n@lru_cache(None)\ndef double(n):\n    return 2 * n\n",
         PlainCode(keeps_state=False, caches=True)),
        ("def double(n)\n", PLAIN),
        ("def double(n):\n    return 2 * n\n\nif __name__ == '__main__':\n    x = []\n", PLAIN),
        ("def double(n, seen=[]):\n    seen.append(n)\n    return len(seen)\n", KEEPS),
        ("def double(n, *, seen={}):\n    return seen\n", KEEPS),
        ("def double(n, f=lambda x=[]: x):\n    return f()\n", KEEPS),
        ("count = 0\n\ndef double(n):\n    global count\n    count += 1\n    return count\n", KEEPS),
        ("seen = []\n\ndef double(n):\n    seen.append(n)\n    return len(seen)\n", KEEPS),
        ("seen = {}\n\ndef double(n):\n    seen[n] = 1\n    return len(seen)\n", KEEPS),
        ("seen = []\n\ndef double(n):\n    return seen\n", KEEPS),
        ("seen = [[]]\n\ndef double(n):\n    return seen[0]\n", KEEPS),
        ("seen = []\nalias = seen\n\ndef double(n):\n    return 1\n", KEEPS),
        ("import itertools\nc = itertools.count()\n\ndef double(n):\n    return next(c)\n", KEEPS),
        ("def double(n):\n    double.calls = 1\n    return n\n", KEEPS),
        ("import math\n\ndef double(n):\n    math.pi = 3\n    return n\n", KEEPS),
        ("class A:\n    seen = []\n\ndef double(n):\n    return len(A.seen)\n", KEEPS),
        ("def twice(f):\n    return f\n\n@twice\ndef double(n):\n    return n\n", KEEPS),
        ("for i in range(3):\n    pass\n\ndef double(n):\n    return i\n", KEEPS),
        ("def double(n):\n    return getattr(n, 'x')\n", KEEPS),
        ("", None),
        ("def triple(n):\n    return 3 * n\n", None),
        ("double = lambda n: 2 * n\n", None),
        ("class double:\n    pass\n", None),
        ("async def double(n):\n    return n\n", None),
        ("def double(n):\n    return n\n\n\ndouble = 3\n", None),
        ("from math import floor as double\n\ndef double(n):\n    return n\n", None),
        ("import os\n\ndef double(n):\n    return n\n", None),
        ("import collections.abc, os.path\n\ndef double(n):\n    return n\n", None),
        ("from . import x\n\ndef double(n):\n    return n\n", None),
        ("import random\n\ndef double(n):\n    return n\n", None),
        ("def double(n):\n    return open(n)\n", None),
        ("def double(n):\n    return eval(n)\n", None),
        ("def double(n):\n    return __import__('os')\n", None),
        ("def double(n):\n    return n.__globals__\n", None),
        ("def double(n):\n    return n.f_back\n", None),
        ("def double(n):\n    try:\n        return double(n)\n    except Exception:\n        return 1\n", None),
        ("def double(n):\n    try:\n        return double(n)\n    except RecursionError:\n        return 1\n", None),
        ("# -*- coding: latin-1 -*-\ndef double(n):\n    return n\n", None),
    ],
)  # fmt: skip
def test_a_code_is_read_without_running_it(source, known):
    assert read_code(dedent(source), "double") == known


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("double", True),
        ("is_prime", True),
        ("copy", False),
        ("math", False),
        ("sum", False),
        ("test_prime", False),
        ("setup_grid", False),
        ("pytest_x", False),
        ("engine", False),
        ("_private", False),
    ],
)
def test_a_name_that_means_something_else_is_not_plain(name, may):
    assert may_be_plain(name) is may

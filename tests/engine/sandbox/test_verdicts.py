"""What a pair does, and the verdict that it gets: the same in every sandbox."""

from __future__ import annotations

from textwrap import dedent

import pytest

from engine.verdicts import Verdict

IMPORT = "from double import double\n\n\n"
GOOD = "def double(n):\n    return 2 * n\n"


def test_a_right_code_passes(run):
    result = run()
    assert (result.verdict, result.error, result.pair) == (Verdict.PASSED, "", ("code", "test"))
    assert 0 < result.seconds < 20


def test_a_wrong_code_fails_with_the_assert_that_it_broke(run):
    result = run("def double(n):\n    return n + 1\n")
    assert (result.verdict, result.error) == (Verdict.FAILED, "AssertionError")
    assert result.message == "assert 5 == 8"
    assert "where 5 = double(4)" in result.output
    assert "test_candidate.py:5: AssertionError" in result.output
    assert "/slots" not in result.output


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("def double(n):\n    return n / 0\n", "ZeroDivisionError", "division by zero"),
        ("def double(n):\n    return undefined\n", "NameError", "'undefined' is not defined"),
        ("def double(n):\n    return double(n)\n", "RecursionError", "maximum recursion depth"),
        ("def double(n)\n", "collection", "SyntaxError: expected ':'"),
        ("def triple(n):\n    return 3 * n\n", "collection", "cannot import name 'double'"),
        ("import numpy\n" + GOOD, "ModuleNotFoundError", "No module named 'numpy'"),
        ("raise ValueError('at import')\n", "collection", "ValueError: at import"),
    ],
)
def test_a_code_that_raises_fails_with_its_exception(run, code, error, message):
    result = run(code)
    assert (result.verdict, result.error) == (Verdict.FAILED, error)
    assert message in result.message


@pytest.mark.parametrize(
    ("test", "error", "message"),
    [
        ("", "collection", "no test function"),
        ("def test_a(:\n", "collection", "SyntaxError"),
        ("return 1\n", "collection", "SyntaxError: 'return' outside function"),
        ("x = 1\n", "collection", "no test function"),
        ("def check():\n    assert True\n", "collection", "no test function"),
        ("def test_\u00e9(:\n", "collection", "SyntaxError"),
        (
            "class Test:\n    def __init__(self): pass\n    def test_a(self): pass\n",
            "collection",
            "no test function",
        ),
        (
            "def test_a():\n    assert double(1) == 2\n\ndel test_a\n",
            "collection",
            "test_a was not collected",
        ),
    ],
)
def test_a_test_without_tests_never_passes(run, test, error, message):
    result = run(test=IMPORT + test)
    assert (result.verdict, result.error) == (Verdict.FAILED, error)
    assert message in result.message


@pytest.mark.parametrize(
    "test",
    [
        "import pytest\n\n@pytest.mark.skip\ndef test_a():\n    assert double(1) == 2\n",
        "import pytest\n\ndef test_a():\n    pytest.skip()\n",
        "import pytest\n\npytest.skip(allow_module_level=True)\n\ndef test_a():\n    pass\n",
        "import pytest\n\npytestmark = pytest.mark.skip\n\ndef test_a():\n    pass\n",
        "import pytest\n\n@pytest.mark.xfail\ndef test_a():\n    assert double(1) == 3\n",
        "import pytest\n\n@pytest.mark.xfail\ndef test_a():\n    assert double(1) == 2\n",
        "import pytest\n\ndef test_a():\n    pytest.xfail()\n",
        "import unittest\n\nclass A(unittest.TestCase):\n"
        "    @unittest.skip('')\n    def test_a(self):\n        pass\n",
        "def test_a():\n    assert double(1) == 2\n\ntest_a.__test__ = False\n",
        "async def test_a():\n    assert double(1) == 3\n",
        "def test_a():\n    yield double(1) == 3\n",
        "import pytest\n\n@pytest.mark.parametrize('n', [])\ndef test_a(n):\n    assert double(n)\n",
        "def test_a(no_such_fixture):\n    assert double(1) == 2\n",
    ],
)
def test_a_test_that_does_not_run_through_never_passes(run, test):
    assert run(test=IMPORT + test).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    "test",
    [
        "import pytest\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_a(n):\n"
        "    assert double(n) == n + n\n",
        "import pytest\n\ndef test_a():\n    with pytest.raises(TypeError):\n        double(None)\n",
        "class TestDouble:\n    def test_a(self):\n        assert double(1) == 2\n",
        "import unittest\n\nclass Checks(unittest.TestCase):\n    def test_a(self):\n"
        "        self.assertEqual(double(1), 2)\n",
        "def test_a(tmp_path, monkeypatch, capsys):\n    (tmp_path / 'x').write_text('2')\n"
        "    print(double(1))\n    assert capsys.readouterr().out == '2\\n'\n",
        "import pytest\n\n@pytest.fixture\ndef two():\n    return 2\n\n"
        "def test_a(two):\n    assert double(two) == 4\n",
        "import subprocess, sys\n\ndef test_a():\n    done = subprocess.run([sys.executable, '-c', "
        "'print(4)'], capture_output=True)\n    assert int(done.stdout) == double(2)\n",
    ],
)
def test_what_pytest_offers_works(run, test):
    result = run(test=IMPORT + test)
    assert result.verdict is Verdict.PASSED, (result.message, result.output)


def test_one_failing_case_of_many_fails_the_pair(run):
    test = """
        import pytest
        from double import double

        @pytest.mark.parametrize("n", [0, 1, 2])
        def test_a(n):
            assert double(n) == n * n
    """
    result = run(test=dedent(test))
    assert (result.verdict, result.message) == (Verdict.FAILED, "assert 2 == (1 * 1)")


def test_a_failing_teardown_fails_the_pair(run):
    test = """
        import pytest
        from double import double

        @pytest.fixture
        def two():
            yield 2
            raise OSError("late")

        def test_a(two):
            assert double(two) == 4
    """
    result = run(test=dedent(test))
    assert (result.verdict, result.error) == (Verdict.FAILED, "OSError")


@pytest.mark.parametrize("name", ["copy", "math", "time", "random", "statistics", "json", "types"])
def test_a_function_named_like_a_library_is_the_candidates(opened, name):
    codes = {"good": f"def {name}(n):\n    return n\n", "bad": f"def {name}(n):\n    return 7\n"}
    tests = {"t": f"from {name} import {name}\n\ndef test_a():\n    assert {name}(3) == 3\n"}
    results = {r.code_id: r for r in opened.run_pairs(codes, tests, entry_point=name)}
    assert results["good"].verdict is Verdict.PASSED, results["good"]
    assert results["bad"].verdict is Verdict.FAILED


def test_a_hang_costs_its_timeout_and_is_told_apart(run):
    result = run("def double(n):\n    while True:\n        pass\n", timeout_s=0.5)
    assert (result.verdict, result.error) == (Verdict.TIMED_OUT, "timeout")
    assert 0.5 <= result.seconds < 5


def test_a_sleeper_that_ignores_signals_is_ended(run):
    code = """
        import signal, time

        def double(n):
            for number in range(1, 65):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            time.sleep(3600)
    """
    assert run(dedent(code), timeout_s=0.5).verdict is Verdict.TIMED_OUT


def test_output_is_kept_to_its_cap(run):
    code = "def double(n):\n    raise ValueError('x' * 10_000_000)\n"
    result = run(code)
    assert (result.verdict, result.error) == (Verdict.FAILED, "ValueError")
    assert len(result.message) <= 1000
    assert len(result.output) <= 16 * 1024


def test_what_a_failing_test_printed_is_in_the_output(run):
    result = run("def double(n):\n    print('seen', n, '\\ud800')\n    return 0\n")
    assert "seen 4" in result.output


@pytest.mark.parametrize("name", ["größe", "число", "ﬁb"])
def test_a_function_may_have_any_name_that_python_takes(opened, name):
    codes = {"good": f"def {name}(n):\n    return n\n", "bad": f"def {name}(n):\n    return 7\n"}
    tests = {"t": f"from {name} import {name}\n\ndef test_a():\n    assert {name}(3) == 3\n"}
    results = {r.code_id: r for r in opened.run_pairs(codes, tests, entry_point=name)}
    assert results["good"].verdict is Verdict.PASSED, results["good"]
    assert results["bad"].verdict is Verdict.FAILED
